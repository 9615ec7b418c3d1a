"""A section is left out of the question only where the database has nothing of it."""

import asyncpg
import pytest

from app.adapters.target import introspect
from app.adapters.target.introspect import OTHERS, RELATIONAL, Read, quietly, read_sections, read_snapshot
from app.domain.schema import Snapshot
from tests.support.changes import in_a_transaction_that_is_given_up
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

TABLE = "CREATE TABLE t (a integer, b text)"
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'"
ALONE = {
    "table": TABLE,
    "index": f"{TABLE}; CREATE INDEX ON t (a)",
    "constraint": f"{TABLE}; ALTER TABLE t ADD CHECK (a > 0)",
    "view": "CREATE VIEW v AS SELECT 1 AS one",
    "sequence": "CREATE SEQUENCE s",
    "trigger": f"{TABLE}; {FUNCTION}; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "rule": f"{TABLE}; CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
    "policy": f"{TABLE}; CREATE POLICY p ON t USING (true)",
    "statistics": f"{TABLE}; CREATE STATISTICS x ON a, b FROM t",
    "function": FUNCTION,
    "procedure": "CREATE PROCEDURE p() LANGUAGE sql AS ''",
    "aggregate": "CREATE AGGREGATE total (integer) (sfunc = int4pl, stype = integer)",
    "enum": "CREATE TYPE kind AS ENUM ('a')",
    "domain": "CREATE DOMAIN word AS text",
    "domain constraint": "CREATE DOMAIN word AS text CHECK (value <> '')",
    "range": "CREATE TYPE span AS RANGE (subtype = integer)",
    "composite type": "CREATE TYPE pair AS (x integer, y text)",
    "base type": "CREATE TYPE raw; "
    "CREATE FUNCTION raw_in(cstring) RETURNS raw LANGUAGE internal STRICT IMMUTABLE AS 'textin'; "
    "CREATE FUNCTION raw_out(raw) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE AS 'textout'; "
    "CREATE TYPE raw (input = raw_in, output = raw_out, like = text)",
    "collation": 'CREATE COLLATION c FROM "C"',
    "operator": "CREATE OPERATOR === (leftarg = integer, rightarg = integer, function = int4pl)",
    "operator family": "CREATE OPERATOR FAMILY fam USING btree",
    "operator class": "CREATE OPERATOR CLASS cls FOR TYPE integer USING hash AS OPERATOR 1 =",
    "text search configuration": "CREATE TEXT SEARCH CONFIGURATION cfg (COPY = simple)",
    "text search dictionary": "CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple)",
    "default privileges": "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
    "cast": "CREATE TYPE kind AS ENUM ('a'); CREATE CAST (kind AS integer) WITH INOUT",
    "language": "CREATE TRUSTED LANGUAGE other HANDLER plpgsql_call_handler",
    "event trigger": "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
    "CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION f()",
    "publication": "CREATE PUBLICATION ll_published FOR ALL TABLES",
    "foreign data wrapper": "CREATE FOREIGN DATA WRAPPER w",
    "foreign server": "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w",
    "user mapping": "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w; "
    "CREATE USER MAPPING FOR PUBLIC SERVER far",
}
"""By kind, the least that makes one."""


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> str:
    return servers.new_database()


@pytest.mark.parametrize("scope", ["", "public"])
@pytest.mark.parametrize("kind", ALONE)
def test_each_kind_is_found_where_there_is_no_other(
    dsn: str, kind: str, scope: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(connection: asyncpg.Connection) -> None:
        async def read() -> list[Read]:
            return await read_sections(connection, scope, (*RELATIONAL, *OTHERS))

        await connection.execute(ALONE[kind])
        found = await quietly(connection, read)
        monkeypatch.setattr(introspect, "EVERYWHERE", frozenset((*RELATIONAL, *OTHERS)))
        monkeypatch.setattr(introspect, "OF_DATABASES", frozenset())
        assert _told(found) == _told(await quietly(connection, read)), "as it is when every section is asked for"
        of_databases = {"extension", "cast", "language", "event trigger", "publication"} | set(OTHERS["foreign"])
        assert (kind in {one.found.kind for one in found}) is not (bool(scope) and kind in of_databases)

    in_a_transaction_that_is_given_up(dsn, story)


def test_an_empty_schema_is_asked_for_little(dsn: str) -> None:
    asked: list[str] = []

    async def story(connection: asyncpg.Connection) -> None:
        async def rows(query: str, *args: object) -> list[asyncpg.Record]:
            asked.append(query)
            return list(await connection.fetch(query, *args))

        snapshot = await read_snapshot(connection, "public", rows)
        assert {one.identity for one in snapshot} == {"public"}

    in_a_transaction_that_is_given_up(dsn, story)
    whole = introspect._query((*RELATIONAL, *OTHERS), 18)
    assert len(asked) == 2 and len(asked[-1]) < len(whole) / 2


def _told(found: list[Read]) -> str:
    return Snapshot.of(one.found for one in found).canonical
