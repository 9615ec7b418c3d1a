"""How values look to people: states with glyph and word, times, sizes, counts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]{1,80})`")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
NOTHING = Markup("—")


@dataclass(frozen=True, slots=True)
class Appearance:
    """`tone`: one of good, idle, active, warn, bad; a colour never says anything alone."""

    glyph: str
    word: str
    tone: str


LOOKS: Mapping[str, Appearance] = {
    "applied": Appearance("✓", "applied", "good"),
    "completed": Appearance("✓", "completed", "good"),
    "succeeded": Appearance("✓", "succeeded", "good"),
    "in_sync": Appearance("✓", "in sync", "good"),
    "clean": Appearance("✓", "clean", "good"),
    "resolved": Appearance("✓", "resolved", "good"),
    "live": Appearance("✓", "live", "good"),
    "accepted": Appearance("✓", "accepted", "good"),
    "proven": Appearance("✓", "undo proven", "good"),
    "ready": Appearance("✓", "ready", "good"),
    "same": Appearance("✓", "the same", "good"),
    "restored": Appearance("✓", "given back", "good"),
    "delivered": Appearance("✓", "delivered", "good"),
    "enabled": Appearance("✓", "enabled", "good"),
    "disabled": Appearance("⊘", "disabled", "warn"),
    "partly_restored": Appearance("◐", "partly given back", "warn"),
    "purged": Appearance("—", "gone", "idle"),
    "kept": Appearance("✓", "kept", "good"),
    "pending": Appearance("○", "pending", "idle"),
    "queued": Appearance("○", "queued", "idle"),
    "behind": Appearance("○", "behind", "warn"),
    "ahead": Appearance("●", "ahead", "warn"),
    "not_checked": Appearance("○", "not checked", "idle"),
    "not_proven": Appearance("○", "not proven", "idle"),
    "nothing_to_do": Appearance("○", "nothing to do", "idle"),
    "waiting": Appearance("◷", "waiting", "warn"),
    "blocked": Appearance("⊘", "blocked", "warn"),
    "running": Appearance("▶", "running", "active"),
    "cancelling": Appearance("◼", "cancelling", "active"),
    "failed": Appearance("✕", "failed", "bad"),
    "refused": Appearance("✕", "refused", "bad"),
    "conflict": Appearance("!", "conflict", "bad"),
    "open": Appearance("!", "open", "bad"),
    "diverged": Appearance("≠", "diverged", "bad"),
    "modified": Appearance("≠", "modified", "bad"),
    "drifted": Appearance("≠", "drifted", "bad"),
    "different": Appearance("≠", "different", "bad"),
    "missing": Appearance("?", "missing", "bad"),
    "needs_attention": Appearance("‽", "needs attention", "bad"),
    "uncertain": Appearance("‽", "uncertain", "bad"),
    "needs_consent": Appearance("!", "needs consent", "warn"),
    "rolled_back": Appearance("↩", "rolled back", "idle"),
    "cancelled": Appearance("—", "cancelled", "idle"),
    "skipped": Appearance("—", "skipped", "idle"),
    "absent": Appearance("—", "not there", "idle"),
    "unknown": Appearance("?", "unknown", "warn"),
    "revoked": Appearance("✕", "revoked", "bad"),
    "expired": Appearance("—", "expired", "idle"),
    "paused": Appearance("❚❚", "paused", "warn"),
    "ignored": Appearance("—", "ignored", "idle"),
    "no": Appearance("✕", "no way back", "warn"),
    "high": Appearance("!", "high", "bad"),
    "medium": Appearance("!", "medium", "warn"),
    "low": Appearance("·", "low", "idle"),
}


def look(state: str) -> Appearance:
    return LOOKS.get(state) or Appearance("•", state.replace("_", " "), "idle")


@lru_cache(maxsize=512)
def state(name: str | None, word: str | None = None) -> Markup:
    """Glyph, word, colour and border."""
    if name is None:
        return NOTHING
    shown = look(name)
    return Markup('<span class="state {}"><span aria-hidden="true">{}</span> {}</span>').format(
        shown.tone, shown.glyph, word or shown.word
    )


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ago(text: str | None, now: datetime | None = None) -> Markup:
    """A moment as people say it, the exact one on hover."""
    if text is None:
        return NOTHING
    at = moment_of(text)
    said = relative((at - (now or datetime.now(UTC))).total_seconds())
    exact = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(text, exact, said)


def clock(text: str | None) -> Markup:
    """The time of day, to the second."""
    if text is None:
        return NOTHING
    at = moment_of(text).astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        text, at.strftime("%Y-%m-%d %H:%M:%S.%f UTC"), at.strftime("%H:%M:%S")
    )


def exact(text: str) -> Markup:
    """A moment that is named rather than told by how far it is."""
    return Markup('<time datetime="{}">{}</time>').format(
        text, moment_of(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    )


def relative(seconds: float) -> str:
    """`-90` is `1 m ago`; as the browser's own clock goes on counting it."""
    size = abs(seconds)
    if size < 1:
        return "now"
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        if size >= length:
            count = int(size // length)
            return f"in {count} {unit}" if seconds > 0 else f"{count} {unit} ago"
    return "now"


def duration(ms: float | None) -> str:
    """Two figures that count: `1 m 41 s`, `320 ms`."""
    if ms is None:
        return NOTHING
    if ms < 1_000:
        return f"{ms:.0f} ms"
    seconds = ms / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest} s" if rest else f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes} m" if minutes else f"{hours} h"


def size(count: int | None) -> str:
    if count is None:
        return NOTHING
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1_000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.1f} TB"


def number(value: int | None) -> str:
    """With thin spaces between thousands."""
    return NOTHING if value is None else f"{value:,}".replace(",", "\u202f")


def several(count: int, one: str, many: str | None = None) -> str:
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def short(identity: str | None) -> str:
    """The end of an id: of those that are made in order, the beginning is alike."""
    return NOTHING if identity is None else f"…{identity[-6:]}"


def words(name: str) -> str:
    """`lock_contention` as people write it."""
    return name.replace("_", " ")


def plainly(value: object) -> Markup:
    """A fact, whatever it is made of."""
    if value in (None, "", [], {}):
        return NOTHING
    match value:
        case dict():
            rows = [
                Markup("<dt>{}</dt><dd>{}</dd>").format(spoken(str(name)), plainly(one)) for name, one in value.items()
            ]
            return Markup('<dl class="facts">{}</dl>').format(Markup("").join(rows))
        case list():
            return Markup("<ul>{}</ul>").format(
                Markup("").join(Markup("<li>{}</li>").format(plainly(one)) for one in value)
            )
        case bool():
            return escape("yes" if value else "no")
        case str() if _MOMENT.fullmatch(value):
            return ago(value)
        case str() if "\n" in value or len(value) > 80:
            return Markup("<pre><code>{}</code></pre>").format(value)
        case _:
            return escape(str(value))


def coded(text: str) -> Markup:
    """What stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped before


def spoken(name: str) -> str:
    """`appliedChecksum` as people write it."""
    return "".join(f" {one.lower()}" if one.isupper() else one for one in name).replace("_", " ").strip()
