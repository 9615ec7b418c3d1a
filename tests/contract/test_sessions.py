"""Sessions as they are kept: by the digest of what the browser holds, and gone when they are over."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.domain.access import KnownToken, Role, SignedIn, Token, digest_of, scopes_of
from app.domain.job import Origin
from app.domain.principal import Principal
from tests.contract.conftest import Room
from tests.domain.literals import NOON

ADA = Origin(Principal("t-1", "token", "10.0.0.7", "ada"), "req-1")
TOKEN = KnownToken(Token(UUID(int=2), "wall", scopes_of(Role.VIEWER), NOON, "ada"), digest_of("ll_2"))
OF_SETTINGS = SignedIn(digest_of("a"), None, digest_of("admin"), NOON, NOON + timedelta(hours=12))
OF_TOKEN = replace(OF_SETTINGS, digest=digest_of("b"), token_id=TOKEN.token.id, token_digest=TOKEN.digest)


def test_a_session_comes_back_as_it_was_added(room: Room) -> None:
    room.run(room.tokens.add(TOKEN, ADA))
    for made in (OF_SETTINGS, OF_TOKEN):
        room.run(room.sessions.add(made))
        assert room.run(room.sessions.find(made.digest)) == made
    assert room.run(room.sessions.find(digest_of("c"))) is None


def test_a_session_that_is_removed_is_gone_and_no_other(room: Room) -> None:
    later = replace(OF_SETTINGS, digest=digest_of("d"))
    for made in (OF_SETTINGS, later):
        room.run(room.sessions.add(made))
    room.run(room.sessions.remove(OF_SETTINGS.digest))
    room.run(room.sessions.remove(OF_SETTINGS.digest))
    assert room.run(room.sessions.find(OF_SETTINGS.digest)) is None
    assert room.run(room.sessions.find(later.digest)) == later


def test_those_that_are_over_go_when_the_next_one_comes(room: Room) -> None:
    room.run(room.sessions.add(OF_SETTINGS))
    next_day = replace(
        OF_SETTINGS, digest=digest_of("e"), created_at=OF_SETTINGS.expires_at, expires_at=NOON + timedelta(days=1)
    )
    room.run(room.sessions.add(next_day))
    assert room.run(room.sessions.find(OF_SETTINGS.digest)) is None
    assert room.run(room.sessions.find(next_day.digest)) == next_day
