"""A right that is missing, as PostgreSQL says it, and the one statement that gives it."""

import asyncpg
import pytest

from app.adapters.postgres import unavailable
from app.domain.environment import Dsn

DSN = Dsn("postgresql://little:s3cret@db/shop")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("permission denied for database shop", 'GRANT CREATE ON DATABASE "shop" TO "little"'),
        ("permission denied for schema public", 'GRANT USAGE, CREATE ON SCHEMA "public" TO "little"'),
        (
            "permission denied for schema liftlock",
            'GRANT USAGE, CREATE ON SCHEMA "liftlock" TO "little"; '
            'GRANT ALL ON ALL TABLES IN SCHEMA "liftlock" TO "little"',
        ),
        ("permission denied for table fence", 'GRANT ALL ON ALL TABLES IN SCHEMA "liftlock" TO "little"'),
        ("permission denied for table order lines", 'GRANT ALL ON TABLE "order lines" TO "little"'),
        ("permission denied for sequence numbers", 'GRANT ALL ON SEQUENCE "numbers" TO "little"'),
        ("permission denied for function total", 'GRANT EXECUTE ON FUNCTION "total" TO "little"'),
    ],
)
def test_the_right_that_is_missing_is_the_one_to_grant(said: str, remedy: str) -> None:
    detail = unavailable(asyncpg.InsufficientPrivilegeError(said), DSN, "the target of shop").detail
    assert f"the role 'little' may not do this ({said}); as its owner run: {remedy}" in detail


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("must be owner of table orders", 'ALTER TABLE "orders" OWNER TO "little"'),
        ("must be owner of table fence", 'ALTER TABLE "liftlock"."fence" OWNER TO "little"'),
        ("must be owner of materialized view sums", 'ALTER MATERIALIZED VIEW "sums" OWNER TO "little"'),
    ],
)
def test_what_only_an_owner_may_do_is_had_by_owning_it(said: str, remedy: str) -> None:
    detail = unavailable(asyncpg.InsufficientPrivilegeError(said), DSN, "the target of shop").detail
    assert detail.endswith(f"the role 'little' may not do this ({said}); as a superuser run: {remedy}")


def test_who_may_not_connect_may_create_nothing_either() -> None:
    refused = asyncpg.InsufficientPrivilegeError('permission denied for database "shop"')
    refused.detail = "User does not have CONNECT privilege."
    detail = unavailable(refused, DSN, "the target of shop").detail
    assert detail.endswith('as its owner run: GRANT CONNECT, CREATE ON DATABASE "shop" TO "little"')


def test_tables_of_the_control_database_are_granted_in_their_schema_and_the_audit_trail_is_spared() -> None:
    refused = asyncpg.InsufficientPrivilegeError("permission denied for table jobs")
    detail = unavailable(refused, DSN, "the control database").detail
    assert detail.endswith(
        'GRANT ALL ON ALL TABLES IN SCHEMA "liftlock_control" TO "little"; '
        'REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON "liftlock_control".audit FROM "little"'
    )


def test_a_service_that_may_not_make_its_tables_is_not_told_to_be_granted_all() -> None:
    refused = asyncpg.InsufficientPrivilegeError("permission denied for table fence")
    detail = unavailable(refused, DSN, "the target of liftlock-control").detail
    assert "python -m app.installing" in detail and "GRANT" not in detail


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("sorry, too many clients already", "raise max_connections or stop"),
        ('too many connections for role "little"', 'ALTER ROLE "little" CONNECTION LIMIT -1'),
        ('too many connections for database "shop"', 'ALTER DATABASE "shop" CONNECTION LIMIT -1'),
    ],
)
def test_the_limit_that_is_reached_is_the_one_to_raise(said: str, remedy: str) -> None:
    assert remedy in unavailable(asyncpg.TooManyConnectionsError(said), DSN, "the target of shop").detail


@pytest.mark.parametrize(
    "said", ["permission denied to create role", "must be owner of function total", "keine Rechte"]
)
def test_what_no_one_statement_gives_is_left_to_its_owner(said: str) -> None:
    detail = unavailable(asyncpg.InsufficientPrivilegeError(said), DSN, "the target of shop").detail
    assert detail.endswith(f"({said}); grant it that right, or connect as the owner of what it is about")
    assert "DATABASE" not in detail
