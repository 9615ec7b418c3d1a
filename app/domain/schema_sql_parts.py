"""What belongs to a relation as SQL: constraints, indexes, triggers, rules, policies, statistics, sequences."""

import re
from collections.abc import Callable, Mapping

from app.domain.schema import SchemaObject
from app.domain.schema_sql_options import options_clause, options_sql
from app.domain.schema_sql_sequences import sequence_sql
from app.domain.schema_statement import Passage, Phase, Statement, Statements, step

_QUALIFIED = re.compile(r'(?:"(?:[^"]|"")*"|[^".]+)\.(?P<name>.*)', re.DOTALL)


def _constraint(passage: Passage) -> Statements | None:
    one = passage.one
    if one.facts.get("inherited"):
        return None
    match passage.before, passage.after:
        case before, None if before is not None:
            return _drop_constraint(before)
        case None, after if after is not None:
            return _add_constraint(after)
        case before, after if before is not None and after is not None:
            if not passage.differ("definition"):
                return ()
            if before.text("definition") == f"{after.text('definition')} NOT VALID":
                return step(Phase.CREATE_FOREIGN_KEYS, f"ALTER TABLE {one.of} VALIDATE CONSTRAINT {one.name}")
            return (*_drop_constraint(before), *_add_constraint(after))
    return None


def _drop_constraint(one: SchemaObject) -> Statements:
    phase = Phase.DROP_FOREIGN_KEYS if _is_foreign_key(one) else Phase.DROP_CONSTRAINTS
    return step(phase, f"ALTER TABLE {one.of} DROP CONSTRAINT {one.name}")


def _add_constraint(one: SchemaObject) -> Statements:
    phase = Phase.CREATE_FOREIGN_KEYS if _is_foreign_key(one) else Phase.CREATE_CONSTRAINTS
    return step(phase, f"ALTER TABLE {one.of} ADD CONSTRAINT {one.name} {one.text('definition')}")


def _is_foreign_key(one: SchemaObject) -> bool:
    return (one.text("definition") or "").startswith("FOREIGN KEY")


def _index(passage: Passage) -> Statements | None:
    one, before, after = passage.one, passage.before, passage.after
    if after is None:
        gone = "partition_of" in one.facts or "constraint" in one.facts
        return None if gone else step(Phase.DROP_CONSTRAINTS, f"DROP INDEX {one.identity}")
    if before is None:
        made = _create_index(after)
        return made if made is None else (*made, *_index_settings(passage, after))
    if passage.differ("definition", "invalid", "partition_of", "constraint"):
        made = _create_index(after)
        if made is None or "constraint" in before.facts or "partition_of" in before.facts:
            return None
        anew = Passage(None, after, passage.source, passage.goal)
        return (*step(Phase.DROP_CONSTRAINTS, f"DROP INDEX {one.identity}"), *made, *_index_settings(anew, after))
    return _index_settings(passage, after)


def _create_index(index: SchemaObject) -> Statements | None:
    if index.facts.get("invalid") or "partition_of" in index.facts:
        return None
    if "constraint" in index.facts:
        return ()
    # without ONLY the indexes of the partitions come with it
    definition = (index.text("definition") or "").replace(f" ON ONLY {index.of} ", f" ON {index.of} ", 1)
    return step(Phase.CREATE_CONSTRAINTS, definition)


def _index_settings(passage: Passage, index: SchemaObject) -> Statements:
    found: list[str] = []
    if passage.differ("options") and passage.before is not None:
        found += options_sql(f"ALTER INDEX {index.identity}", passage.before, index)
    elif index.texts("options"):
        found.append(f"ALTER INDEX {index.identity} SET ({options_clause(index.texts('options'))})")
    if passage.differ("tablespace"):
        found.append(f"ALTER INDEX {index.identity} SET TABLESPACE {index.text('tablespace') or 'pg_default'}")
    name = _unqualified(index)
    if passage.differ("clustered"):
        clustered = index.facts.get("clustered")
        found.append(f"ALTER TABLE {index.of} " + (f"CLUSTER ON {name}" if clustered else "SET WITHOUT CLUSTER"))
    if passage.differ("replica_identity") and index.facts.get("replica_identity"):
        found.append(f"ALTER TABLE {index.of} REPLICA IDENTITY USING INDEX {name}")
    return tuple(Statement(Phase.CREATE_VIEWS, sql) for sql in found)


def _unqualified(index: SchemaObject) -> str:
    found = _QUALIFIED.fullmatch(index.identity)
    return found["name"] if found else index.identity


def _trigger(passage: Passage) -> Statements | None:
    return None if passage.one.facts.get("inherited") else _switched(passage, "TRIGGER")


def _rule(passage: Passage) -> Statements | None:
    return _switched(passage, "RULE")


def _switched(passage: Passage, word: str) -> Statements | None:
    """Triggers and rules: with a definition, and switched on or off."""
    one, found = passage.one, []
    if passage.before is not None and (passage.after is None or passage.differ("definition")):
        found.append(Statement(Phase.DROP_GUARDS, f"DROP {word} {one.name} ON {one.of}"))
    if passage.after is None:
        return tuple(found)
    if passage.before is None or passage.differ("definition"):
        found += step(Phase.CREATE_GUARDS, one.text("definition") or "")
    if passage.differ("enabled"):
        found.append(
            Statement(Phase.ATTACH, f"ALTER TABLE {one.of} {one.text('enabled') or 'ENABLE'} {word} {one.name}")
        )
    return tuple(found)


def _policy(passage: Passage) -> Statements | None:
    one, found = passage.one, []
    redefined = passage.differ("command", "mode", "roles", "using", "check")
    if passage.before is not None and (passage.after is None or redefined):
        found.append(Statement(Phase.DROP_GUARDS, f"DROP POLICY {one.name} ON {one.of}"))
    if passage.after is not None and redefined:
        found.append(Statement(Phase.CREATE_GUARDS, _policy_sql(passage.after)))
    return tuple(found)


def _policy_sql(policy: SchemaObject) -> str:
    sql = f"CREATE POLICY {policy.name} ON {policy.of}"
    sql += f" AS {policy.text('mode')}" if policy.text("mode") else ""
    sql += f" FOR {policy.text('command')} TO {', '.join(policy.texts('roles'))}"
    sql += f" USING ({policy.text('using')})" if policy.text("using") else ""
    return sql + (f" WITH CHECK ({policy.text('check')})" if policy.text("check") else "")


def _statistics(passage: Passage) -> Statements | None:
    one, found = passage.one, []
    redefined = passage.differ("definition")
    if passage.before is not None and (passage.after is None or redefined):
        found.append(Statement(Phase.DROP_CONSTRAINTS, f"DROP STATISTICS {one.identity}"))
    if passage.after is None:
        return tuple(found)
    if redefined:
        found += step(Phase.CREATE_CONSTRAINTS, one.text("definition") or "")
    if passage.differ("statistics_target"):
        target = one.facts.get("statistics_target", -1)
        found.append(Statement(Phase.CREATE_GUARDS, f"ALTER STATISTICS {one.identity} SET STATISTICS {target}"))
    return tuple(found)


PARTS: Mapping[str, Callable[[Passage], Statements | None]] = {
    "constraint": _constraint,
    "not null constraint": _constraint,
    "index": _index,
    "trigger": _trigger,
    "rule": _rule,
    "policy": _policy,
    "statistics": _statistics,
    "sequence": sequence_sql,
}
