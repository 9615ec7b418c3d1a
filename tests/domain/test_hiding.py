"""Passwords that stand in what a migration or a server says: hidden, and nothing else with them."""

import pytest

from app.domain.environment import Dsn, Environment, Target
from app.domain.failure import Failure, FailureCode
from app.domain.hiding import failure_without, secrets_of, secrets_to, without

SHOP = Environment("shop", Dsn("postgresql://ann:pass%40word-1@db/shop"), scratch=Dsn("postgresql://s:of-scratch@x/y"))


def test_a_password_is_hidden_as_it_is_and_as_an_address_writes_it() -> None:
    said = "postgresql://ann:pass%40word-1@db/shop: no entry for pass@word-1, nor of-scratch"
    assert without(said, secrets_to(SHOP)) == "postgresql://ann:•••@db/shop: no entry for •••, nor •••"


def test_those_of_every_target_and_every_variable_are_known() -> None:
    many = Environment("many", SHOP.dsn, targets=(Target("one", SHOP.dsn, Dsn("postgresql://a:straight-1@d/s")),))
    environ = {
        "OTHER_URL": "mysql://u:elsewhere@h/x", "LIFTLOCK_SECRET_KEY": "new-key,old-key",
        "LIFTLOCK_ADMIN_TOKEN": "file:/x",
    }  # fmt: skip
    said = "straight-1 elsewhere new-key old-key file:/x"
    assert without(said, secrets_of(environ, [many])) == "••• ••• ••• ••• file:/x"


@pytest.mark.parametrize("password", ["liftlock", "db", "x", "shop-db"])
def test_a_word_that_is_no_secret_stays_readable_but_in_an_address(password: str) -> None:
    environ = {"DATABASE_URL": f"postgresql://liftlock:{password}@h/shop-db"}
    said = f"no schema {password} at postgresql://liftlock:{password}@h/x"
    assert without(said, secrets_of(environ)) == f"no schema {password} at postgresql://liftlock:•••@h/x"


def test_a_failure_says_where_it_was_and_no_password() -> None:
    told = "ALTER ROLE ann PASSWORD 'of-scratch'"
    failure = Failure(FailureCode.PYTHON_ERROR, told, file="1.py", line=3, detail=told, statement=told, context=told)
    clean = failure_without(failure, secrets_to(SHOP))
    assert {clean.message, clean.detail, clean.statement, clean.context} == {"ALTER ROLE ann PASSWORD '•••'"}
    assert (clean.place, clean.hint) == ("1.py:3", None)
