"""Scopes, roles and tokens, as values."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.access import (
    EVERYTHING,
    Access,
    Role,
    Scope,
    Token,
    TokenState,
    Verb,
    allows,
    digest_of,
    id_in,
    need_of,
    scope_of,
    scopes_of,
    written,
)
from app.domain.errors import Forbidden
from app.domain.job import CONTROL, JobKind
from app.domain.principal import Principal
from tests.domain.literals import NOON

STAGING, PRODUCTION = Scope(Verb.RUN, "staging"), Scope(Verb.RUN, "production")


@pytest.mark.parametrize(
    "text", ["read", "plan", "resolve", "admin", "run:staging", "rollback:*", "reset:a-b", "approve:x"]
)
def test_a_scope_is_read_as_it_is_written(text: str) -> None:
    assert str(scope_of(text)) == text


@pytest.mark.parametrize(
    "text", ["", "run", "run:", "read:staging", "admin:", "write", ":staging", "READ", "run staging"]
)
def test_what_is_no_scope_is_none(text: str) -> None:
    assert scope_of(text) is None


@pytest.mark.parametrize(
    ("held", "need", "covered"),
    [
        (STAGING, STAGING, True),
        (STAGING, PRODUCTION, False),
        (Scope(Verb.RUN, "*"), PRODUCTION, True),
        (Scope(Verb.RUN, "*"), Scope(Verb.ROLLBACK, "production"), False),
        (Scope(Verb.ROLLBACK, "*"), STAGING, False),
        (Scope(Verb.READ), Scope(Verb.READ), True),
        (Scope(Verb.READ), Scope(Verb.PLAN), False),
        (Scope(Verb.ADMIN), PRODUCTION, True),
        (Scope(Verb.ADMIN), Scope(Verb.READ), True),
        (STAGING, Scope(Verb.ADMIN), False),
        (STAGING, Scope(Verb.RUN, "staging.eu"), True),
        (STAGING, Scope(Verb.RUN, "staging2.eu"), False),
        (Scope(Verb.RUN, "staging.eu"), STAGING, False),
        (Scope(Verb.RUN, "staging.eu"), Scope(Verb.RUN, "staging.eu"), True),
    ],
)  # fmt: skip
def test_a_scope_covers_what_it_names_and_admin_covers_everything(held: Scope, need: Scope, covered: bool) -> None:
    assert held.covers(need) is covered


def test_an_environment_that_is_called_like_a_scope_gives_nothing_else() -> None:
    assert not allows(frozenset({Scope(Verb.RUN, "admin")}), Scope(Verb.ADMIN))


def test_each_role_may_do_what_the_one_before_may() -> None:
    sizes = [len(scopes_of(role)) for role in (Role.VIEWER, Role.OPERATOR, Role.RELEASER, Role.ADMIN)]
    assert scopes_of(Role.VIEWER) < scopes_of(Role.OPERATOR) < scopes_of(Role.RELEASER) < scopes_of(Role.ADMIN)
    assert sizes == [1, 5, 7, 8]


def test_a_role_is_held_for_some_environments_alone() -> None:
    held = scopes_of(Role.OPERATOR, ("staging", "testing"))
    assert sorted(map(str, held)) == [
        "plan", "read", "resolve", "rollback:staging", "rollback:testing", "run:staging", "run:testing",
    ]  # fmt: skip
    assert allows(held, STAGING) and not allows(held, PRODUCTION)


@pytest.mark.parametrize("kind", JobKind)
def test_every_kind_of_job_needs_a_scope_and_none_can_be_read_into_being(kind: JobKind) -> None:
    need = need_of(kind, "production")
    assert need.verb is not Verb.READ
    assert need.environment == ("production" if need.verb.bound else None)


def test_what_moves_a_target_needs_the_scope_of_that_move_there() -> None:
    found = {kind: str(need_of(kind, "production")) for kind in JobKind}
    assert {kind for kind, need in found.items() if need == "run:production"} == {
        JobKind.RUN, JobKind.SYNC, JobKind.MARK, JobKind.FOLLOW, JobKind.RESTORE,
    }  # fmt: skip
    assert (found[JobKind.ROLLBACK], found[JobKind.RESET]) == ("rollback:production", "reset:production")
    assert str(need_of(JobKind.PURGE, CONTROL)) == "admin"


def test_what_is_lacking_is_said_with_what_is_needed_and_what_is_there() -> None:
    access = Access(Principal("t-1", "token", None, "deploy"), frozenset({STAGING, Scope(Verb.READ)}))
    with pytest.raises(Forbidden) as refused:
        access.refuse_lacking(PRODUCTION)
    assert "run:production" in refused.value.detail and "'deploy'" in refused.value.detail
    assert refused.value.facts == {
        "needs": "run:production", "has": ["read", "run:staging"], "environment": "production",
    }  # fmt: skip
    assert access.allows(STAGING)


def test_who_may_do_everything_is_refused_nothing() -> None:
    access = Access(Principal(), EVERYTHING)
    assert all(access.allows(need_of(kind, "production")) for kind in JobKind)


def test_a_token_names_itself_and_is_known_by_its_digest_alone() -> None:
    token_id, secret = UUID("0198f3a2-1111-7abc-8def-000000000001"), "5e" * 32
    text = written(token_id, secret)
    assert text == f"ll_0198f3a211117abc8def000000000001_{secret}"
    assert id_in(text) == token_id
    assert len(digest_of(text)) == 32
    assert digest_of(text) != digest_of(written(token_id, "5f" * 32))


@pytest.mark.parametrize(
    "text",
    ["", "ll_", "ll_1_2", f"ll_{'0' * 32}_{'g' * 64}", f"xx_{'0' * 32}_{'0' * 64}", f"ll_{'0' * 32}_{'0' * 63}",
     f"ll_{'0' * 32}_{'0' * 64}\n", f"LL_{'0' * 32}_{'0' * 64}"],
)  # fmt: skip
def test_what_is_no_token_names_none(text: str) -> None:
    assert id_in(text) is None


def test_a_token_is_live_until_it_is_revoked_or_its_time_has_come() -> None:
    token = Token(UUID(int=1), "deploy", frozenset(), NOON, "ada", expires_at=NOON + timedelta(hours=1))
    revoked = Token(UUID(int=1), "deploy", frozenset(), NOON, "ada", revoked_at=NOON)
    assert token.state_at(NOON + timedelta(minutes=59)) is TokenState.LIVE
    assert token.state_at(NOON + timedelta(hours=1)) is TokenState.EXPIRED
    assert revoked.state_at(NOON) is TokenState.REVOKED
