"""What everybody may do now, what somebody may do no longer, and functions that lend their owner's rights."""

from collections.abc import Iterator, Mapping

from app.domain.dry_run import Effect
from app.domain.effects.dropped import FUNCTIONS
from app.domain.effects.passage import Passage, made_as, stored
from app.domain.hazards import HazardCode, Risk
from app.domain.schema import SchemaObject
from app.domain.words import words_of

EVERYBODY = "PUBLIC"
_EVERYBODYS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(FUNCTIONS, ("EXECUTE",)),
    **dict.fromkeys(("enum", "domain", "range", "composite type", "base type", "language"), ("USAGE",)),
}
"""What everybody may do by default (GRANT, Privileges): grants are kept only where they differ from it."""


def effects(passage: Passage) -> Iterator[Effect]:
    for was, now in passage.fresh_or_altered():
        if _held(now, EVERYBODY) - (_held(was, EVERYBODY) if was else frozenset(_EVERYBODYS.get(now.kind, ()))):
            yield Effect(HazardCode.GRANT_TO_PUBLIC, _object(now))
        if was is not None:
            yield from _revoked(was, now)
        if now.kind in FUNCTIONS and (was is None or was.facts != now.facts) and _lends_rights(now):
            yield Effect(HazardCode.UNSAFE_DEFINER, stored(now.identity))


def _revoked(was: SchemaObject, now: SchemaObject) -> Iterator[Effect]:
    losers = [who for who in was.grants().keys() | now.grants().keys() if _loses(was, now, who)]
    if losers:
        # taking from everybody what everybody has by default is what careful people do
        risk = Risk.LOW if losers == [EVERYBODY] else None
        yield Effect(HazardCode.PRIVILEGE_REVOKED, _object(was), made_as(was), risk=risk)


def _loses(was: SchemaObject, now: SchemaObject, who: str) -> bool:
    if who == was.text("owner") == now.text("owner") and who not in was.grants():
        # by default the owner may do everything, and what is kept is another list
        return who in now.grants()
    return bool(_held(was, who) - _held(now, who))


def _held(one: SchemaObject, who: str) -> frozenset[str]:
    held = one.grants().get(who)
    if held is None:
        held = _EVERYBODYS.get(one.kind, ()) if who == EVERYBODY else ()
    return frozenset(privilege.removesuffix(" WITH GRANT OPTION") for privilege in held)


def _object(one: SchemaObject) -> str:
    """Of a column its table, which is what GRANT names."""
    if one.kind == "default privileges":
        return one.text("objects") or one.identity
    return stored(one.of if one.kind == "column" and one.of else one.identity)


def _lends_rights(function: SchemaObject) -> bool:
    words = words_of(function.text("definition") or "")
    return words.has("SECURITY", "DEFINER") and not words.has("SET", "SEARCH_PATH")
