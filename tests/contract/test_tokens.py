"""Tokens as they are kept: by their digests, found by their ids, revoked for ever."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.access import KnownToken, Role, Scope, Token, TokenUse, Verb, digest_of, scopes_of
from app.domain.errors import NameTaken
from app.domain.job import Origin
from app.domain.principal import Principal
from app.ports import AuditWanted, TokensWanted
from tests.contract.conftest import Room
from tests.domain.literals import NOON

ADA = Origin(Principal("t-1", "token", "10.0.0.7", "ada"), "req-1")
DEPLOY = KnownToken(
    Token(
        id=UUID(int=1),
        name="deploy",
        scopes=frozenset({Scope(Verb.READ), Scope(Verb.RUN, "staging"), Scope(Verb.ROLLBACK, "*")}),
        created_at=NOON,
        created_by="ada",
        expires_at=NOON + timedelta(days=30),
    ),
    digest_of("ll_1"),
)
VIEWER = KnownToken(
    Token(UUID(int=2), "wall display", scopes_of(Role.VIEWER), NOON, "ada", role=Role.VIEWER), digest_of("ll_2")
)


def test_a_token_comes_back_as_it_was_added(room: Room) -> None:
    for made in (DEPLOY, VIEWER):
        room.run(room.tokens.add(made, ADA))
        assert room.run(room.tokens.find(made.token.id)) == made


def test_a_token_that_is_not_there_is_none(room: Room) -> None:
    assert room.run(room.tokens.find(UUID(int=9))) is None
    assert room.run(room.tokens.revoke(UUID(int=9), ADA)) is None
    assert room.run(room.tokens.page(TokensWanted())) == ()


def test_tokens_are_listed_newest_first_and_page_by_page(room: Room) -> None:
    for number in range(1, 6):
        token = replace(DEPLOY.token, id=UUID(int=number), name=f"token {number}")
        room.run(room.tokens.add(KnownToken(token, DEPLOY.digest), ADA))
    first = room.run(room.tokens.page(TokensWanted(limit=2)))
    rest = room.run(room.tokens.page(TokensWanted(limit=9, before=first[-1].id)))
    assert [one.id.int for one in (*first, *rest)] == [5, 4, 3, 2, 1]


def test_making_and_revoking_are_on_the_audit_trail_without_the_secret(room: Room) -> None:
    room.run(room.tokens.add(DEPLOY, ADA))
    room.run(room.tokens.revoke(DEPLOY.token.id, ADA))
    revoked, added = (row.deed for row in room.run(room.trail.find(AuditWanted())))
    assert (added.action, added.subject, added.origin) == ("tokens.add", str(DEPLOY.token.id), ADA)
    assert (added.detail["name"], added.detail["scopes"]) == ("deploy", ["read", "rollback:*", "run:staging"])
    assert set(added.detail) == {"name", "scopes", "expires_at"}
    assert (revoked.action, revoked.origin, revoked.detail) == ("tokens.revoke", ADA, {"name": "deploy"})


def test_a_revoked_token_says_who_revoked_it_and_is_not_revoked_twice(room: Room) -> None:
    room.run(room.tokens.add(DEPLOY, ADA))
    gone = room.run(room.tokens.revoke(DEPLOY.token.id, ADA))
    again = room.run(room.tokens.revoke(DEPLOY.token.id, Origin(Principal("bob"))))
    assert gone is not None and gone.revoked_at is not None
    assert (gone.revoked_by, again) == ("ada", gone)
    assert len(room.run(room.trail.find(AuditWanted(action="tokens.revoke")))) == 1


def test_a_name_is_one_tokens_until_that_is_revoked(room: Room) -> None:
    other = KnownToken(replace(DEPLOY.token, id=UUID(int=3)), DEPLOY.digest)
    room.run(room.tokens.add(DEPLOY, ADA))
    with pytest.raises(NameTaken, match="deploy"):
        room.run(room.tokens.add(other, ADA))
    assert room.run(room.tokens.find(other.token.id)) is None
    room.run(room.tokens.revoke(DEPLOY.token.id, ADA))
    room.run(room.tokens.add(other, ADA))
    assert room.run(room.tokens.find(other.token.id)) == other


def test_a_use_is_kept_once_a_minute_and_never_goes_back(room: Room) -> None:
    room.run(room.tokens.add(DEPLOY, ADA))
    for seconds, address in ((0, "10.0.0.1"), (59, "10.0.0.2"), (60, "10.0.0.3"), (-10, "10.0.0.4")):
        use = TokenUse(DEPLOY.token.id, NOON + timedelta(seconds=seconds), address)
        room.run(room.tokens.used([use, TokenUse(UUID(int=9), NOON, None)]))
    known = room.run(room.tokens.find(DEPLOY.token.id))
    assert known is not None
    assert (known.token.last_used_at, known.token.last_used_from) == (NOON + timedelta(seconds=60), "10.0.0.3")


def test_no_use_is_no_statement(room: Room) -> None:
    room.run(room.tokens.used([]))
    assert room.run(room.tokens.page(TokensWanted())) == ()
