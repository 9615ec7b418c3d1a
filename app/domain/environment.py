"""A named target with its protection: what may be done to it, and how disagreements are answered."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from app.domain.windows import ALWAYS_OPEN, Windows


class Protection(StrEnum):
    """How much a change must prove before it may run; later members are stricter."""

    OPEN = "open"
    CONFIRM = "confirm"
    LOCKED = "locked"


class OnDrift(StrEnum):
    REFUSE = "refuse"
    WARN = "warn"
    IGNORE = "ignore"


class SchemaCheck(StrEnum):
    """How often the schema is looked at: never, before and after each job, or after each of its steps too."""

    OFF = "off"
    JOB = "job"
    STEP = "step"


class OnFailure(StrEnum):
    """What becomes of the steps that succeeded before one failed."""

    STOP = "stop"
    ROLLBACK = "rollback"


class OutOfOrder(StrEnum):
    REFUSE = "refuse"
    WARN = "warn"
    ALLOW = "allow"


DEFAULT_PORT = 5432
PROTECTION_ORDER = (Protection.OPEN, Protection.CONFIRM, Protection.LOCKED)


@dataclass(frozen=True, slots=True)
class Dsn:
    """A PostgreSQL address; its text form never shows the password."""

    secret: str = field(repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.secret)
        user = f"{unquote(parts.username)}@" if parts.username else ""
        # several hosts with ports of their own are no number: what stands behind the @ is shown as it is
        return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"Dsn({self})"

    @property
    def database(self) -> str:
        return unquote(urlsplit(self.secret).path.lstrip("/"))

    @property
    def user(self) -> str:
        return unquote(urlsplit(self.secret).username or "")


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """Which environment this one follows, and how often by itself; `every` None: only when somebody asks."""

    source: str
    every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One of several targets of an environment. `scope` '' is the whole database."""

    name: str
    dsn: Dsn
    direct: Dsn | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the configuration says of an environment. `scope` '' is the whole database.

    `direct` leads past a pooler: what works on the target goes there, what only reads takes `dsn`.
    `max_hold_ms`: how long a step may keep other sessions waiting before it is rolled back.
    `scratch`: the server on which migrations are proven; the target's own when None. `require_proof`: a run needs it.
    `requires`: where a migration must have been completed, for `soak` at least, before it may run here. `auto_run`:
    whether it runs at start, the default environment alone when None. What is None of the limits is as everywhere.
    `approvals`: how many people beside the one who asks have to approve a job. `before_run`: a command with its
    arguments that has to succeed before the first step of a run. `targets`: where there are several, in the order in
    which they are changed; `dsn` is that of the first then. `part_of`: the environment that this is one target of.
    `notify`: the names of the webhooks that hear of what happens here; None: all that want to.
    """

    name: str
    dsn: Dsn
    protection: Protection = Protection.OPEN
    on_drift: OnDrift = OnDrift.WARN
    on_failure: OnFailure = OnFailure.STOP
    out_of_order: OutOfOrder = OutOfOrder.WARN
    consent: frozenset[str] = frozenset()
    scope: str = ""
    direct: Dsn | None = None
    max_hold_ms: int | None = None
    schema_check: SchemaCheck = SchemaCheck.JOB
    scratch: Dsn | None = None
    require_proof: bool = False
    requires: tuple[str, ...] = ()
    soak: timedelta = timedelta()
    windows: Windows = ALWAYS_OPEN
    sync: SyncPolicy | None = None
    auto_run: bool | None = None
    lock_timeout_ms: int | None = None
    statement_timeout_ms: int | None = None
    lock_tries: int | None = None
    approvals: int = 0
    before_run: tuple[str, ...] = ()
    before_run_timeout: timedelta = timedelta(hours=6)
    targets: tuple[Target, ...] = ()
    part_of: str | None = None
    notify: tuple[str, ...] | None = None

    def each(self) -> tuple["Environment", ...]:
        """One for each of its targets, named as `production.eu`; itself where it has but one."""
        return tuple(self._of(target) for target in self.targets) or (self,)

    @property
    def worked_at(self) -> Dsn:
        """Where whoever works on it connects."""
        return self.direct or self.dsn

    def is_at(self, other: "Environment") -> bool:
        """Whether both have the same targets, under the same names."""
        here, there = (
            [(one.name, one.dsn, one.direct, one.scope) for one in environment.each()] for environment in (self, other)
        )
        return here == there

    def answers_to(self, recorded: str | None) -> bool:
        """Whether a target with this name on record may be this one; nothing on record is anybody's.

        A target that was the only one of its environment goes on as one of several.
        """
        return recorded in (None, self.name, self.part_of)

    def _of(self, target: Target) -> "Environment":
        return replace(
            self,
            name=f"{self.name}{PART}{target.name}",
            dsn=target.dsn,
            direct=target.direct,
            scope=target.scope,
            targets=(),
            part_of=self.name,
        )


PART = "."
"""Between the name of an environment and that of one of its targets; no name holds it."""


def whole_of(name: str) -> str:
    """The environment that a name means, or means a target of."""
    return name.partition(PART)[0]


def stricter(one: Protection, other: Protection) -> Protection:
    """A target remembers its protection; a wrong address may not loosen it."""
    return max(one, other, key=PROTECTION_ORDER.index)


def unlocked(protection: Protection) -> Protection:
    """One step less strict, as an environment is while somebody has unlocked it."""
    return PROTECTION_ORDER[max(PROTECTION_ORDER.index(protection) - 1, 0)]


def is_postgres_url(text: str) -> bool:
    """Whether `text` is the address of a database, written so that its password can be told apart."""
    try:
        parts = urlsplit(text)
        _ = servers_of(text)
    except ValueError:
        return False
    # an unencoded slash in a password moves the rest of it, and the @, into the path: it would be shown
    return parts.scheme in ("postgresql", "postgres") and bool(parts.path.strip("/")) and "@" not in parts.path


def servers_of(address: str) -> tuple[tuple[str | None, int], ...]:
    """Host and port of each: an address may name several, of which the first that answers, and is what
    `target_session_attrs` asks for, is taken. Raises ValueError where a port is no number."""
    hosts = urlsplit(address).netloc.rpartition("@")[2]
    each = [urlsplit(f"//{host}") for host in hosts.split(",")]
    return tuple((one.hostname, one.port or DEFAULT_PORT) for one in each)
