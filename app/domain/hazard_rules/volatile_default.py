"""ADD COLUMN whose value differs from row to row: the table is written anew.

A constant, or a function that is stable within the statement such as now(), is kept in the catalog instead
(ALTER TABLE, Notes). Of a function that is not known here a text alone does not tell.
"""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions, added_column
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, Words, shown

_ENDS = frozenset({"NOT", "NULL", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES", "CONSTRAINT", "GENERATED", "COLLATE"})
_SERIALS = frozenset({"SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL2", "SERIAL4", "SERIAL8"})
_VOLATILE = frozenset({
    "random", "gen_random_uuid", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7",
    "clock_timestamp", "timeofday", "nextval", "gen_random_bytes", "random_normal", "setval",
})  # fmt: skip
_STABLE = frozenset({
    "now", "transaction_timestamp", "statement_timestamp", "current_setting", "current_database", "current_schema",
    "txid_current", "pg_current_xact_id", "to_timestamp", "to_date", "to_char", "to_number", "date_trunc", "timezone",
    "lower", "upper", "md5", "concat", "coalesce", "nullif", "greatest", "least", "array", "row", "cast", "extract",
    "date_part", "make_interval", "make_date", "make_timestamp", "make_timestamptz", "jsonb_build_object",
    "jsonb_build_array", "json_build_object", "json_build_array", "to_jsonb", "to_json", "array_fill", "repeat",
    "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "decode", "encode", "length", "abs",
    "floor", "ceil", "round", "trim", "left", "right", "substring", "replace", "age", "justify_days", "in",
    "current_timestamp", "current_time", "localtimestamp", "localtime", "numeric", "varchar", "decimal", "bit",
})  # fmt: skip


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        found = added_column(action)
        if found is None:
            continue
        column, definition = found
        name = f"{table}.{column}"
        if cause := _certain(definition):
            yield Found(HazardCode.TABLE_REWRITE, name, f"{shown(table)} is written anew: {cause}.")
        elif unknown := _calls(definition) - _STABLE:
            happens = f"{shown(table)} is written anew, if {min(unknown)}() gives each row a value of its own."
            yield Found(HazardCode.TABLE_REWRITE, name, happens, risk=Risk.MEDIUM)


def _certain(definition: Words) -> str:
    if definition.word(0) in _SERIALS or definition.has("AS", "IDENTITY"):
        return "every row gets a number of its own"
    if definition.has_at_top("GENERATED") and definition.has_at_top("STORED"):
        return "the generated value is worked out for every row"
    volatile = _calls(definition) & _VOLATILE
    return f"{min(volatile)}() gives each row a value of its own" if volatile else ""


def _calls(definition: Words) -> set[str]:
    """The functions that the default calls, by their bare names."""
    start = definition.find("DEFAULT")
    if start < 0:
        return set()
    found: set[str] = set()
    depth = 0
    for at in range(start + 1, len(definition)):
        word = definition.upper[at]
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in _ENDS and at > start + 1:
            break
        follows_type_sign = definition.word(at - 1) == "::"
        if definition.word(at + 1) == "(" and definition.column(at) and not follows_type_sign:
            found.add(definition.column(at))
    return found


RULE = Rule(("ALTER TABLE",), _judge)
