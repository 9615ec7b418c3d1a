"""Functions that a statement calls while it runs, by its text: those of the server's own that are harmless, or others.

What stands in a function's place is taken for one: to look after a step for nothing costs time, and nothing else.
"""

import re

from app.domain.words import Words

_BEFORE_VALUES = re.compile(r"\b(?:VALUES|SELECT|TABLE|DEFAULT)\b", re.IGNORECASE)
_CALL = re.compile(r"""(?:((?<![\w$])[^\W\d][\w$]*|")\s*\.\s*)?((?<![\w$])[^\W\d][\w$]*|")\s*\(""")
_SERVERS_OWN = "pg_catalog"
_GRAMMAR = frozenset({
    "values", "in", "and", "or", "not", "as", "on", "from", "join", "lateral", "where", "select", "exists", "any",
    "all", "some", "when", "then", "else", "case", "over", "filter", "union", "except", "using", "row", "conflict",
    "returning", "array", "cast", "check", "default", "unique", "key", "include", "with", "to", "by", "is", "like",
    "between", "distinct", "hash", "exclude", "identity", "set", "add", "always", "stored", "interval",
    "char", "varchar", "character", "varying", "numeric", "decimal", "bit", "float", "time", "timestamp", "timestamptz",
})  # fmt: skip
"""Words before a parenthesis that call nothing."""

_NAMES_SOMETHING_ELSE = frozenset({"REFERENCES", "USING"})
"""Before the name of a table, or of an index's method."""

_HARMLESS = frozenset({
    "abs", "age", "array_append", "array_length", "array_position", "array_remove", "array_to_string", "avg",
    "bool_and", "bool_or", "btrim", "cardinality", "ceil", "ceiling", "char_length", "character_length", "chr",
    "clock_timestamp", "coalesce", "concat", "concat_ws", "count", "currval", "date_bin", "date_part", "date_trunc",
    "daterange", "decode", "encode", "extract", "floor", "format", "gen_random_uuid", "generate_series", "greatest",
    "hashtext", "initcap", "int4range", "int8range", "isempty", "json_build_object", "jsonb_array_length",
    "jsonb_build_array", "jsonb_build_object", "jsonb_extract_path_text", "jsonb_set", "jsonb_typeof", "json_typeof",
    "least", "left", "length", "lower", "lower_inf", "lpad", "ltrim", "make_date", "make_interval", "make_timestamptz",
    "max", "md5", "min", "mod", "nextval", "now", "nullif", "num_nonnulls", "num_nulls", "numrange", "octet_length",
    "overlay", "position", "power", "random", "regexp_like", "regexp_match", "regexp_replace", "repeat", "replace",
    "reverse", "right", "round", "row_number", "rpad", "rtrim", "setweight", "sha256", "split_part", "sqrt",
    "starts_with", "string_to_array", "strpos", "substr", "substring", "sum", "timezone", "to_char", "to_date",
    "to_json", "to_jsonb", "to_number", "to_timestamp", "to_tsquery", "to_tsvector", "translate", "trim", "trunc",
    "tsrange", "tstzrange", "unnest", "upper", "upper_inf", "uuidv4", "uuidv7", "width_bucket",
})  # fmt: skip
"""Of the server's own functions the usual: the search path has them before anybody's of the same name."""


def values_call(text: str) -> bool:
    """Whether the values of an INSERT or VALUES, or its query, call a function that is not known.

    They may be megabytes, so that they are not read as words.
    """
    start = _BEFORE_VALUES.search(text)
    calls = _CALL.finditer(text, start.start() if start else 0)
    return any(not _is_harmless(call[2].lower(), (call[1] or "").lower()) for call in calls)


def calls(words: Words) -> bool:
    """Whether an expression among `words` calls a function that is not known."""
    for at in range(1, len(words)):
        name = words.column(at - 1)
        if words.word(at) != "(" or not name:
            continue
        qualified = words.word(at - 2) == "."
        before = words.word(at - 4 if qualified else at - 2)
        if before not in _NAMES_SOMETHING_ELSE and not _is_harmless(name, words.column(at - 3) if qualified else ""):
            return True
    return False


def _is_harmless(name: str, schema: str) -> bool:
    if schema:
        return schema == _SERVERS_OWN and name in _HARMLESS
    return name in _HARMLESS or name in _GRAMMAR
