"""Who may do what: scopes, the roles that name sets of them, the tokens that carry them, and what a job needs."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from app.domain.environment import whole_of
from app.domain.errors import Forbidden
from app.domain.job import JobKind
from app.domain.principal import Principal


class Auth(StrEnum):
    """Whether callers have to say who they are."""

    OFF = "off"
    TOKEN = "token"  # noqa: S105 - the word, not one of them


class Verb(StrEnum):
    READ = "read"
    PLAN = "plan"
    RUN = "run"
    ROLLBACK = "rollback"
    RESET = "reset"
    APPROVE = "approve"
    RESOLVE = "resolve"
    ADMIN = "admin"

    @property
    def bound(self) -> bool:
        """Whether it is held for an environment."""
        return self in BOUND


BOUND = frozenset({Verb.RUN, Verb.ROLLBACK, Verb.RESET, Verb.APPROVE})
EVERY = "*"
"""Stands for every environment, in the scopes that are held."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """`run:staging`: a verb, and the environment where it is bound to one."""

    verb: Verb
    environment: str | None = None

    def __str__(self) -> str:
        return self.verb.value if self.environment is None else f"{self.verb}:{self.environment}"

    def covers(self, need: "Scope") -> bool:
        """`admin` covers everything: who makes tokens could give itself any scope.

        One that is held for an environment covers each of its targets.
        """
        if self.verb is Verb.ADMIN:
            return True
        whole = None if need.environment is None else whole_of(need.environment)
        return self.verb is need.verb and self.environment in (need.environment, whole, EVERY)


CARRIED = "liftlock.access"
"""Where a request that the dashboard makes, in this process, says whose it is; nothing from outside gets there."""

Scopes = frozenset[Scope]
EVERYTHING: Scopes = frozenset({Scope(Verb.ADMIN)})


def scope_of(text: str) -> Scope | None:
    """`read`, `run:staging` or `run:*`; None for anything else."""
    verb, colon, environment = text.partition(":")
    if verb not in tuple(Verb) or Verb(verb).bound is not bool(colon and environment):
        return None
    return None if colon and not environment else Scope(Verb(verb), environment or None)


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    RELEASER = "releaser"
    ADMIN = "admin"


ROLES: Mapping[Role, tuple[Verb, ...]] = {
    Role.VIEWER: (Verb.READ,),
    Role.OPERATOR: (Verb.READ, Verb.PLAN, Verb.RESOLVE, Verb.RUN, Verb.ROLLBACK),
    Role.RELEASER: (Verb.READ, Verb.PLAN, Verb.RESOLVE, Verb.RUN, Verb.ROLLBACK, Verb.RESET, Verb.APPROVE),
    Role.ADMIN: tuple(Verb),
}


def scopes_of(role: Role, environments: Iterable[str] = (EVERY,)) -> Scopes:
    """What the role may do, in these environments alone where a scope is bound to one."""
    named = tuple(environments)
    return frozenset(
        Scope(verb, environment) for verb in ROLES[role] for environment in (named if verb.bound else (None,))
    )


def narrows_admin(role: Role | None, environments: Iterable[str]) -> bool:
    """Whether somebody is meant to be an admin of some environments alone: `admin` is bound to none and covers all."""
    return role is Role.ADMIN and any(name != EVERY for name in environments)


def need_of(kind: JobKind, environment: str) -> Scope:
    """What asking for a job of this kind takes, and stopping, holding or repeating one."""
    match kind:
        case JobKind.RUN | JobKind.SYNC | JobKind.MARK | JobKind.FOLLOW | JobKind.RESTORE:
            return Scope(Verb.RUN, environment)
        case JobKind.ROLLBACK:
            return Scope(Verb.ROLLBACK, environment)
        case JobKind.RESET:
            return Scope(Verb.RESET, environment)
        case JobKind.RESOLVE:
            return Scope(Verb.RESOLVE)
        case JobKind.SCAN | JobKind.VERIFY | JobKind.COMPARE:
            return Scope(Verb.PLAN)
        case JobKind.RESCUE | JobKind.PURGE | JobKind.RECONCILE:
            return Scope(Verb.ADMIN)
    assert_never(kind)


@dataclass(frozen=True, slots=True)
class Token:
    """What is shown of a token; the token itself is shown once, and kept nowhere. `role`: what it was made from."""

    id: UUID
    name: str
    scopes: Scopes
    created_at: datetime
    created_by: str
    role: Role | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used_from: str | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def state_at(self, now: datetime) -> "TokenState":
        if self.revoked_at is not None:
            return TokenState.REVOKED
        expired = self.expires_at is not None and self.expires_at <= now
        return TokenState.EXPIRED if expired else TokenState.LIVE


class TokenState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token with what it is recognised by."""

    token: Token
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenUse:
    token_id: UUID
    at: datetime
    address: str | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that has shown a token, until `expires_at`.

    `digest`: of what the browser holds. `token_id` None: it was the token of the settings. `token_digest`: of the token
    itself, so that a session ends with it.
    """

    digest: bytes = field(repr=False)
    token_id: UUID | None
    token_digest: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """Who a request comes from, and what it may do. `token` None: nobody was asked, or it is that of the settings or
    of the identity provider, which is good until `ends_at`.
    """

    principal: Principal
    scopes: Scopes
    token: Token | None = None
    ends_at: datetime | None = None

    def allows(self, need: Scope) -> bool:
        return allows(self.scopes, need)

    def refuse_lacking(self, need: Scope) -> None:
        """Raises Forbidden, with what is needed and what is held."""
        if not self.allows(need):
            held = sorted(str(scope) for scope in self.scopes)
            raise Forbidden(
                f"this needs the scope {need}, and the token {self.principal.label!r} has {', '.join(held) or 'none'}; "
                f"use a token that has it, or have one made",
                facts={"needs": str(need), "has": held}
                | ({} if need.environment is None else {"environment": need.environment}),
                next_steps=("GET /whoami",),
            )


def allows(held: Scopes, need: Scope) -> bool:
    return any(scope.covers(need) for scope in held)


_WRITTEN = re.compile(r"ll_([0-9a-f]{32})_([0-9a-f]{64})")


def written(token_id: UUID, secret: str) -> str:
    """The token as its holder has it; `secret` is 256 random bits in hexadecimal."""
    return f"ll_{token_id.hex}_{secret}"


def id_in(text: str) -> UUID | None:
    """Which token a text claims to be; None when it is none."""
    found = _WRITTEN.fullmatch(text)
    return None if found is None else UUID(found[1])


def digest_of(text: str) -> bytes:
    """SHA-256 is enough: nobody searches through 256 random bits, and each request pays for it."""
    return hashlib.sha256(text.encode()).digest()
