"""Of each statement that commits by itself: how it is found out whether it has happened."""

import pytest

from app.domain.probes import (
    IndexBuilt,
    IndexGone,
    PartitionDetached,
    Probe,
    Repeatable,
    Thing,
    ThingIs,
    probe_of,
    runs_alone,
)
from app.domain.statements import parse_script


@pytest.mark.parametrize(
    ("sql", "probe"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", IndexBuilt("t", "i", False)),
        ("create unique index concurrently i on s.t using btree (a)", IndexBuilt("s.t", "i", False)),
        ('CREATE INDEX CONCURRENTLY IF NOT EXISTS "I x" ON ONLY "S"."T t" (a)', IndexBuilt('"S"."T t"', "I x", True)),
        ("CREATE INDEX CONCURRENTLY ON t (a)", None),
        ('CREATE INDEX CONCURRENTLY U&"i" ON t (a)', None),
        ("CREATE INDEX CONCURRENTLY Mixed_Case ON t (a)", IndexBuilt("t", "mixed_case", False)),
        ("CREATE /* c */ INDEX CONCURRENTLY -- x\n i ON t (a)", IndexBuilt("t", "i", False)),
        ("DROP INDEX CONCURRENTLY IF EXISTS s.i", IndexGone("s.i")),
        ("DROP INDEX CONCURRENTLY i CASCADE", IndexGone("i")),
        ("CREATE DATABASE Shop", ThingIs(Thing.DATABASE, "shop", True)),
        ('DROP DATABASE IF EXISTS "a""b"', ThingIs(Thing.DATABASE, 'a"b', False)),
        ("CREATE TABLESPACE fast LOCATION '/x'", ThingIs(Thing.TABLESPACE, "fast", True)),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", ThingIs(Thing.SUBSCRIPTION, "s", True)),
        ("ALTER TABLE m.p DETACH PARTITION m.p_1 CONCURRENTLY", PartitionDetached("m.p", "m.p_1")),
        ("ALTER TABLE IF EXISTS ONLY p DETACH PARTITION p_1 CONCURRENTLY", PartitionDetached("p", "p_1")),
        ("VACUUM (ANALYZE) t", Repeatable()),
        ("ALTER SYSTEM SET work_mem = '8MB'", Repeatable()),
        ("REINDEX TABLE CONCURRENTLY s.t", Repeatable("s.t")),
        ("REINDEX (VERBOSE, CONCURRENTLY) INDEX i", Repeatable("i")),
        ("REINDEX DATABASE d", Repeatable()),
        ("COMMIT PREPARED 'x'", None),
        ("ALTER SUBSCRIPTION s ADD PUBLICATION p", None),
        ("CALL tidy()", None),
        ("DO $$BEGIN COMMIT; END$$", None),
    ],
)
def test_each_statement_has_its_probe(sql: str, probe: Probe | None) -> None:
    (statement,) = parse_script(sql).statements
    assert runs_alone(statement)
    assert probe_of(statement) == probe


@pytest.mark.parametrize("sql", ["CREATE INDEX i ON t (a)", "INSERT INTO t VALUES (1)", "SELECT 1", "ANALYZE t"])
def test_what_can_have_a_transaction_of_its_own_gets_one(sql: str) -> None:
    (statement,) = parse_script(sql).statements
    assert not runs_alone(statement)
