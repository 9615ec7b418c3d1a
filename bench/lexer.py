"""How fast scripts are parsed."""

import time

from app.domain.lexer import lex
from app.domain.statements import parse_script
from bench.figures import Benchmark, Row, Samples, Scale, Section

_TABLE = """
-- things that are kept, number {number}
CREATE TABLE shop.things_{number} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    price numeric(12, 2) NOT NULL DEFAULT 0.00,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX things_{number}_by_name ON shop.things_{number} (lower(name), id DESC);
"""
_FUNCTION = """
CREATE FUNCTION shop.total_{number}(customer bigint) RETURNS numeric LANGUAGE plpgsql STABLE AS $body$
DECLARE total numeric; -- what is owed
BEGIN
    SELECT sum(amount) INTO total FROM shop.orders WHERE customer_id = customer AND state <> 'cancelled';
    IF total IS NULL THEN RETURN 0; END IF;
    RETURN total;
END $body$;
"""
_ROWS = (
    "INSERT INTO shop.things (id, name, price) VALUES ({number}, 'the name of thing {number}, it''s long', 12.50);\n"
)


def measure(scale: Scale) -> Section:
    size_bytes, rounds = scale.some(full=1_000_000, quick=200_000), scale.some(full=4, quick=3)
    scripts = {
        "tables and indexes": _script(_TABLE, size_bytes),
        "functions": _script(_FUNCTION, size_bytes),
        "rows, one INSERT each": _script(_ROWS, size_bytes),
    }
    speeds: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(rounds):
        for name, script in scripts.items():
            lex.cache_clear()
            began = time.perf_counter()
            parse_script(script)
            speeds[name].append(len(script) / 1e6 / (time.perf_counter() - began))
    return Section(
        tuple(Row(name, Samples(tuple(values), "MB/s")) for name, values in speeds.items()),
        (f"parse_script on scripts of {size_bytes / 1e6:g} MB: tokens, statements, their kinds and places.",),
    )


def _script(template: str, size_bytes: int) -> str:
    return "".join(template.format(number=number) for number in range(size_bytes // len(template) + 1))


BENCHMARK = Benchmark("lexer", "Parsing scripts", measure)
