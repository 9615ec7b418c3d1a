import pytest

from app.domain.environment import Dsn, Environment, Protection, stricter

SECRET = Dsn("postgresql://ann:s3cret@db.example:5433/shop?sslmode=require")
OPEN, CONFIRM, LOCKED = Protection.OPEN, Protection.CONFIRM, Protection.LOCKED


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("postgresql://ann:s3cret@db.example:5433/shop", "postgresql://ann@db.example:5433/shop"),
        ("postgresql://ann:s3%40cret@db.example/shop", "postgresql://ann@db.example/shop"),
        ("postgresql://ann:s3@cret@db.example/shop", "postgresql://ann@db.example/shop"),
        ("postgresql://:s3cret@db.example/shop", "postgresql://db.example/shop"),
        ("postgresql://db.example/shop?user=ann&password=s3cret", "postgresql://db.example/shop"),
        ("postgresql:///shop?host=/run/postgresql&password=s3cret", "postgresql:///shop"),
        ("postgresql://ann:s3cret@[::1]:5432/shop", "postgresql://ann@[::1]:5432/shop"),
    ],
)
def test_an_address_is_shown_without_its_password(secret: str, shown: str) -> None:
    assert str(Dsn(secret)) == shown


@pytest.mark.parametrize("shown", [str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET!r:>80}", f"{[SECRET]}"])
def test_no_text_form_of_an_address_holds_the_password(shown: str) -> None:
    assert "s3cret" not in shown
    assert "db.example" in shown


def test_an_environment_is_printed_without_the_password() -> None:
    assert "s3cret" not in repr(Environment("production", SECRET))


def test_the_whole_address_is_there_for_whoever_connects() -> None:
    assert SECRET.secret == "postgresql://ann:s3cret@db.example:5433/shop?sslmode=require"


def test_an_address_names_its_database_and_its_user_unquoted() -> None:
    dsn = Dsn("postgresql://a%20nn:x@db/my%20shop")
    assert (dsn.database, dsn.user) == ("my shop", "a nn")


def test_an_address_without_a_user_has_an_empty_one() -> None:
    assert Dsn("postgresql://db/shop").user == ""


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        (OPEN, OPEN, OPEN),
        (OPEN, CONFIRM, CONFIRM),
        (CONFIRM, OPEN, CONFIRM),
        (CONFIRM, LOCKED, LOCKED),
        (LOCKED, OPEN, LOCKED),
        (LOCKED, LOCKED, LOCKED),
    ],
)
def test_the_stricter_protection_wins(one: Protection, other: Protection, result: Protection) -> None:
    assert stricter(one, other) is result
