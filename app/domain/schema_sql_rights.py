"""Owners, grants and comments of any object, as SQL."""

from collections import Counter
from collections.abc import Iterator, Mapping

from app.domain.schema import SchemaObject, Snapshot
from app.domain.schema_statement import Passage, Phase, Statement, Statements, literal

_WORDS: Mapping[str, str] = {
    "base type": "TYPE",
    "composite type": "TYPE",
    "enum": "TYPE",
    "range": "TYPE",
    "foreign server": "SERVER",
    "not null constraint": "CONSTRAINT",
}
_GRANT_WORDS: Mapping[str, str] = {
    "view": "TABLE",
    "materialized view": "TABLE",
    "foreign table": "TABLE",
    "aggregate": "FUNCTION",
    "foreign server": "FOREIGN SERVER",
    "domain": "TYPE",
}
_ON_RELATION = frozenset({"constraint", "not null constraint", "trigger", "rule", "policy"})
_PUBLIC_HOLDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("function", "procedure", "aggregate"), ("EXECUTE",)),
    **dict.fromkeys(("base type", "composite type", "enum", "range", "domain", "language"), ("USAGE",)),
}
"""What everybody may do without a grant."""

_OPTION = " WITH GRANT OPTION"


def rights_sql(passage: Passage) -> Statements:
    """After the object itself is there: its owner where that is not the usual one, its comment, its grants."""
    if passage.after is None or passage.one.kind == "default privileges":
        return ()
    return (*_owner(passage, passage.after), *_comment(passage, passage.after), *_grants(passage, passage.after))


def usual_owner(snapshot: Snapshot) -> str | None:
    """Who owns most: what a migration creates belongs to whoever runs it, without a word."""
    owners = Counter(owner for one in snapshot if (owner := one.text("owner")))
    return owners.most_common(1)[0][0] if owners else None


def privileges_sql(target: str, who: str, had: tuple[str, ...], has: tuple[str, ...]) -> Iterator[str]:
    """GRANT and REVOKE that lead from one set of privileges to another; `target` is `TABLE shop.orders`."""
    for privilege in sorted(_plain(had) - _plain(has)):
        yield f"REVOKE {_on(privilege, target)} FROM {who}"
    for privilege in sorted(_with_option(had) - _with_option(has)):
        if privilege in _plain(has):
            yield f"REVOKE GRANT OPTION FOR {_on(privilege, target)} FROM {who}"
    for privilege in sorted(_plain(has) - _plain(had) - _with_option(has)):
        yield f"GRANT {_on(privilege, target)} TO {who}"
    for privilege in sorted(_with_option(has) - _with_option(had)):
        yield f"GRANT {_on(privilege, target)} TO {who}{_OPTION}"


def _owner(passage: Passage, after: SchemaObject) -> Iterator[Statement]:
    owner = after.text("owner")
    if owner is None or not passage.differ("owner"):
        return
    if passage.before is not None or owner != usual_owner(passage.goal):
        if after.kind == "sequence" and after.of is not None:
            return  # belongs to whom its table belongs to
        yield Statement(Phase.ATTACH, f"ALTER {_word(after)} {after.identity} OWNER TO {owner}")


def _comment(passage: Passage, after: SchemaObject) -> Iterator[Statement]:
    if passage.differ("comment"):
        comment = after.text("comment")
        text = "NULL" if comment is None else literal(comment)
        yield Statement(Phase.COMMENTS, f"COMMENT ON {_commented(after)} IS {text}")


def _grants(passage: Passage, after: SchemaObject) -> Iterator[Statement]:
    if not passage.differ("grants"):
        return
    before = passage.before.grants() if passage.before else {}
    had_owner = passage.before.text("owner") if passage.before else None
    target = _granted(after)
    for who in sorted(before.keys() | after.grants().keys()):
        if who == "PUBLIC" or who not in (had_owner, after.text("owner")):
            had, has = (grants.get(who, _by_default(after.kind, who)) for grants in (before, after.grants()))
            yield from (Statement(Phase.RIGHTS, sql) for sql in privileges_sql(target, who, had, has))
        elif who in after.grants():
            yield Statement(Phase.RIGHTS, f"REVOKE ALL {_on('', target).strip()} FROM {who}")
            had = ()
            yield from (Statement(Phase.RIGHTS, sql) for sql in privileges_sql(target, who, had, after.grants()[who]))
        else:
            yield Statement(Phase.RIGHTS, f"GRANT {_on('ALL', target)} TO {who}")


def _by_default(kind: str, who: str) -> tuple[str, ...]:
    return _PUBLIC_HOLDS.get(kind, ()) if who == "PUBLIC" else ()


def _on(privilege: str, target: str) -> str:
    """Of a column the target is `(note) ON TABLE shop.orders`."""
    return f"{privilege} {target}" if target.startswith("(") else f"{privilege} ON {target}"


def _granted(one: SchemaObject) -> str:
    if one.kind == "column":
        return f"({one.name}) ON TABLE {one.of}"
    return f"{_GRANT_WORDS.get(one.kind, _word(one))} {one.identity}"


def _word(one: SchemaObject) -> str:
    return _WORDS.get(one.kind, one.kind.upper())


def _commented(one: SchemaObject) -> str:
    if one.kind in _ON_RELATION:
        return f"{_word(one)} {one.name} ON {one.of}"
    if one.kind == "domain constraint":
        return f"CONSTRAINT {one.name} ON DOMAIN {one.of}"
    return f"{_word(one)} {one.identity}"


def _plain(held: tuple[str, ...]) -> set[str]:
    return {one.removesuffix(_OPTION) for one in held}


def _with_option(held: tuple[str, ...]) -> set[str]:
    return {one.removesuffix(_OPTION) for one in held if one.endswith(_OPTION)}
