"""Which lock a statement takes, in words; a test beside a real server holds the table itself against it."""

import pytest

from app.domain.lock_modes import LockMode
from app.domain.statement_locks import locks_of
from app.domain.statements import parse_script
from app.domain.words import Stated


def said(statement: str) -> list[str]:
    (parsed,) = parse_script(statement).statements
    return [lock.said() for lock in locks_of(Stated(parsed, 0))]


@pytest.mark.parametrize(("statement", "words"), [
    ("ALTER TABLE orders ADD COLUMN note text", ["ACCESS EXCLUSIVE on orders: stops reads and writes while held"]),
    (
        "CREATE INDEX CONCURRENTLY orders_status_idx ON orders (status)",
        ["SHARE UPDATE EXCLUSIVE on orders: stops other DDL and VACUUM only"],
    ),
    (
        "ALTER TABLE shop.orders ADD FOREIGN KEY (c) REFERENCES customers",
        [
            "SHARE ROW EXCLUSIVE on shop.orders: stops writes and other DDL while held; reads go on",
            "SHARE ROW EXCLUSIVE on customers: stops writes and other DDL while held; reads go on",
        ],
    ),
    ("CREATE INDEX ON ONLY orders (a)", ["SHARE on orders: stops writes while held; reads go on"]),
    (
        "DROP INDEX i",
        [
            "ACCESS EXCLUSIVE on i: stops reads and writes while held",
            "ACCESS EXCLUSIVE on the table of i: stops reads and writes while held",
        ],
    ),
    ("UPDATE orders SET a = 1", ["ROW EXCLUSIVE on orders: stops DDL such as CREATE INDEX, no reads and no writes"]),
    (
        "SELECT * FROM a JOIN generate_series(1, 2) n ON true FOR UPDATE",
        ["ROW SHARE on a: stops only what needs EXCLUSIVE or ACCESS EXCLUSIVE, such as DROP and most ALTER TABLE"],
    ),
    ("CREATE TABLE t (a int)", []),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", []),
    ("ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", []),
])  # fmt: skip
def test_a_lock_is_said_with_what_it_stops(statement: str, words: list[str]) -> None:
    assert said(statement) == words


def test_the_strongest_of_several_actions_counts() -> None:
    (one,) = said("ALTER TABLE t ALTER a SET STATISTICS 9, VALIDATE CONSTRAINT c, ADD b int")
    assert one.startswith("ACCESS EXCLUSIVE on t")


def test_modes_are_ordered_by_their_strength() -> None:
    strengths = [mode.strength for mode in LockMode]
    assert strengths == sorted(strengths)
    assert LockMode.SHARE.strength > LockMode.SHARE_UPDATE_EXCLUSIVE.strength
