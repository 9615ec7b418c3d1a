"""The authenticator: asked often, asking seldom."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.access import EVERYTHING, Access, KnownToken, Role, Token, digest_of, scopes_of, written
from app.domain.errors import BackendUnavailable, TooManyTries, Unauthenticated
from app.domain.job import Origin
from app.domain.principal import Principal
from app.portal import Portal
from app.services.access import Authenticator
from app.services.tries import FailedTries
from tests.fakes.clock import FakeClock
from tests.fakes.tokens import MemoryTokens
from tests.fakes.trail import MemoryTrail

ADMIN = "an admin's own token, 32 or more"
HERE = "10.0.0.7"


class Door:
    """An authenticator, with one token that it may let in."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.clock = portal, FakeClock()
        self.tokens = MemoryTokens(self.clock, MemoryTrail(self.clock))
        self.tries = FailedTries(self.clock)
        self.authenticator = Authenticator(self.tokens, self.clock, self.tries, ADMIN)
        self.id = self.clock.new_id()
        self.text = written(self.id, "ab" * 32)
        until = self.clock.now() + timedelta(hours=1)
        token = Token(self.id, "deploy", scopes_of(Role.VIEWER), self.clock.now(), "ada", expires_at=until)
        portal.run(self.tokens.add(KnownToken(token, digest_of(self.text)), Origin()))

    def ask(self, text: str, address: str = HERE) -> Access:
        found = self.authenticator.at_once(text, address)
        return found or self.portal.run(self.authenticator.look_up(text, address))

    def wrong(self, number: int) -> str:
        return written(UUID(int=number), "00" * 32)


@pytest.fixture
def door() -> Iterator[Door]:
    portal = Portal("access-test")
    yield Door(portal)
    portal.close()


def test_a_token_is_looked_up_once_for_five_seconds(door: Door) -> None:
    for _ in range(100):
        access = door.ask(door.text)
    assert access.principal == Principal(str(door.id), "token", HERE, "deploy")
    assert (access.scopes, door.tokens.lookups) == (scopes_of(Role.VIEWER), 1)
    door.clock.advance(5)
    door.ask(door.text)
    assert door.tokens.lookups == 2


def test_a_revoked_token_is_let_in_for_five_seconds_at_most(door: Door) -> None:
    door.ask(door.text)
    door.portal.run(door.tokens.revoke(door.id, Origin()))
    door.clock.advance(4.9)
    assert door.ask(door.text).token is not None
    door.clock.advance(0.1)
    with pytest.raises(Unauthenticated, match="was revoked"):
        door.ask(door.text)


def test_a_token_that_was_revoked_here_is_refused_here_at_once(door: Door) -> None:
    door.ask(door.text)
    door.portal.run(door.tokens.revoke(door.id, Origin()))
    door.authenticator.forget(door.id)
    with pytest.raises(Unauthenticated, match="was revoked"):
        door.ask(door.text)


def test_a_token_expires_also_while_it_is_remembered(door: Door) -> None:
    door.clock.advance(3598)
    door.ask(door.text)
    door.clock.advance(2)
    with pytest.raises(Unauthenticated, match="has expired"):
        door.ask(door.text)
    assert door.tokens.lookups == 1


def test_whoever_was_let_in_goes_on_until_the_token_is_revoked_or_over(door: Door) -> None:
    access = door.ask(door.text)
    door.clock.advance(3599)
    assert goes_on(door, access)
    door.clock.advance(1)
    assert not goes_on(door, access)
    assert door.tokens.lookups == 2
    door.clock.advance(-1800)
    assert goes_on(door, access)
    door.portal.run(door.tokens.revoke(door.id, Origin()))
    door.clock.advance(5)
    assert not goes_on(door, access)


def test_a_database_that_is_away_turns_out_nobody_but_whose_time_is_over(door: Door) -> None:
    access = door.ask(door.text)
    door.tokens.unavailable = BackendUnavailable("away")
    door.clock.advance(3599)
    assert goes_on(door, access)
    door.clock.advance(1)
    assert not goes_on(door, access)


def test_a_token_of_the_provider_goes_on_to_its_end_and_that_of_the_settings_for_ever(door: Door) -> None:
    until = door.clock.now() + timedelta(seconds=60)
    lent = Access(Principal("oidc:ada", "oidc", HERE), scopes_of(Role.VIEWER), ends_at=until)
    assert goes_on(door, lent)
    door.clock.advance(60)
    assert not goes_on(door, lent)
    assert goes_on(door, door.ask(ADMIN))


def goes_on(door: Door, access: Access) -> bool:
    return door.portal.run(door.authenticator.goes_on(access))


def test_a_clock_that_was_set_back_makes_no_lookup_younger(door: Door) -> None:
    door.ask(door.text)
    door.clock.advance(-60)
    door.ask(door.text)
    assert door.tokens.lookups == 2


@pytest.mark.parametrize("text", ["", "x" * 40, f"ll_{'0' * 32}_{'0' * 64}"])
def test_what_is_no_token_of_ours_is_refused(door: Door, text: str) -> None:
    with pytest.raises(Unauthenticated, match="not known"):
        door.ask(text)


def test_the_id_of_a_token_is_not_the_token_also_while_it_is_remembered(door: Door) -> None:
    guess = written(door.id, "cd" * 32)
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="not known"):
            door.ask(guess)
        door.ask(door.text)


def test_the_token_of_the_settings_is_an_admins_and_is_asked_of_nobody(door: Door) -> None:
    access = door.ask(ADMIN)
    assert (access.scopes, access.principal.kind, access.principal.address) == (EVERYTHING, "admin_token", HERE)
    assert door.tokens.lookups == 0
    assert ADMIN not in repr(access)


def test_without_such_a_token_nothing_stands_for_it(door: Door) -> None:
    bare = Authenticator(door.tokens, door.clock, door.tries, None)
    with pytest.raises(Unauthenticated):
        bare.at_once("", HERE)


def test_an_address_that_sends_wrong_tokens_is_not_looked_up_for_a_while(door: Door) -> None:
    for number in range(10):
        with pytest.raises(Unauthenticated):
            door.ask(door.wrong(number))
    with pytest.raises(TooManyTries) as refused:
        door.ask(door.wrong(10))
    assert (refused.value.facts, door.tokens.lookups) == ({"retryAfterS": 6}, 10)
    door.clock.advance(6)
    with pytest.raises(Unauthenticated):
        door.ask(door.wrong(11))


def test_who_is_known_already_is_let_in_beside_a_neighbour_who_guesses(door: Door) -> None:
    door.ask(door.text)
    for number in range(10):
        with pytest.raises(Unauthenticated):
            door.ask(door.wrong(number))
    assert door.ask(door.text).token is not None
    assert door.ask(ADMIN).scopes == EVERYTHING
    assert door.ask(door.text, "10.0.0.8").token is not None


def test_who_was_known_a_while_ago_is_looked_up_beside_a_neighbour_who_guesses(door: Door) -> None:
    door.ask(door.text)
    door.clock.advance(600)
    for number in range(10):
        with pytest.raises(Unauthenticated):
            door.ask(door.wrong(number))
    with pytest.raises(TooManyTries):
        door.ask(door.wrong(10))
    with pytest.raises(TooManyTries):
        door.ask(written(door.id, "cd" * 32))
    assert door.ask(door.text).token is not None
    door.portal.run(door.tokens.revoke(door.id, Origin()))
    door.clock.advance(5)
    with pytest.raises(Unauthenticated, match="was revoked"):
        door.ask(door.text)


def test_one_caller_of_ipv6_is_one_network(door: Door) -> None:
    for number in range(10):
        with pytest.raises(Unauthenticated):
            door.ask(door.wrong(number), f"2001:db8::{number}")
    with pytest.raises(TooManyTries):
        door.ask(door.wrong(10), "2001:db8::ffff")
    with pytest.raises(Unauthenticated):
        door.ask(door.wrong(10), "2001:db8:0:1::1")


def test_only_so_many_addresses_are_remembered() -> None:
    clock = FakeClock()
    tries = FailedTries(clock, most=3)
    for number in range(4):
        for _ in range(10):
            tries.failed(f"10.0.0.{number}")
    assert [tries.wait_s(f"10.0.0.{number}") for number in range(4)] == [0, 6, 6, 6]


def test_uses_are_written_afterwards_and_once_a_minute(door: Door) -> None:
    first = door.clock.now()
    for address in (HERE, "10.0.0.8"):
        door.ask(door.text, address)
    assert door.tokens.known[door.id].token.last_used_at is None
    door.portal.run(door.authenticator.write_uses())
    token = door.tokens.known[door.id].token
    assert (token.last_used_at, token.last_used_from) == (first, HERE)
    door.clock.advance(60)
    door.ask(door.text, "10.0.0.8")
    door.portal.run(door.authenticator.write_uses())
    assert door.tokens.known[door.id].token.last_used_from == "10.0.0.8"


def test_a_use_that_could_not_be_written_is_written_the_next_time(door: Door) -> None:
    door.ask(door.text)
    door.tokens.unavailable = BackendUnavailable("away")
    with pytest.raises(BackendUnavailable):
        door.portal.run(door.authenticator.write_uses())
    door.tokens.unavailable = None
    door.portal.run(door.authenticator.write_uses())
    assert door.tokens.known[door.id].token.last_used_at is not None


def test_a_database_that_is_away_is_said_to_be_away_and_counts_as_no_try(door: Door) -> None:
    door.tokens.unavailable = BackendUnavailable("away")
    for _ in range(20):
        with pytest.raises(BackendUnavailable):
            door.ask(door.text)
    door.tokens.unavailable = None
    assert door.ask(door.text).token is not None
