"""Callers that an identity provider vouches for: what its tokens say, and what that lets them do here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.access import EVERY, Role, Scope, Scopes, narrows_admin, scopes_of
from app.domain.principal import Principal

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Of keys with a public half alone: a token that is signed with what everybody may know is signed by nobody."""
LEEWAY_S = 30
"""Clocks differ."""
MOST_NAME_CHARS = 200
MOST_SUBJECT_CHARS = 255
"""https://openid.net/specs/openid-connect-core-1_0.html#IDToken"""


@dataclass(frozen=True, slots=True)
class Grant:
    """Whoever has `value` in the claim has the role, in these environments where a scope is bound to one."""

    value: str
    role: Role
    environments: tuple[str, ...] = (EVERY,)

    @property
    def scopes(self) -> Scopes:
        return scopes_of(self.role, self.environments)


@dataclass(frozen=True, slots=True)
class Oidc:
    """`keys`: where its keys are; None: where its discovery document says."""

    issuer: str
    audience: str
    claim: str
    grants: tuple[Grant, ...]
    keys: str | None = None


def grants_of(text: str) -> tuple[tuple[Grant, ...], str | None]:
    """`dba=admin,team=operator@staging+qa`; and the first part that is not understood."""
    found: list[Grant] = []
    for part in (one.strip() for one in text.split(",") if one.strip()):
        value, equals, role = part.rpartition("=")
        name, at, places = role.partition("@")
        environments = tuple(one for one in places.split("+") if one)
        if not (value and equals) or name not in tuple(Role) or bool(at) is not bool(environments):
            return tuple(found), part
        if narrows_admin(Role(name), environments):
            return tuple(found), part
        found.append(Grant(value, Role(name), environments or (EVERY,)))
    return tuple(found), None


def scopes_in(oidc: Oidc, claims: Mapping[str, object]) -> Scopes:
    """What the claim grants; `*` in a grant is everybody whom the provider vouches for."""
    values = _texts(claims.get(oidc.claim))
    granted: set[Scope] = set()
    for grant in oidc.grants:
        if grant.value == EVERY or grant.value in values:
            granted |= grant.scopes
    return frozenset(granted)


def _texts(held: object) -> list[str]:
    """A list, or words in one text."""
    if isinstance(held, str):
        return [held, *held.split()]
    return [one for one in held if isinstance(one, str)] if isinstance(held, list) else []


def names_somebody(claims: Mapping[str, object]) -> bool:
    """Whether `sub` can stand on the audit trail and in a log: it is signed, but by no means harmless for that."""
    subject = claims.get("sub")
    return isinstance(subject, str) and subject.isprintable() and 0 < len(subject) <= MOST_SUBJECT_CHARS


def end_of(claims: Mapping[str, object]) -> datetime | None:
    """When its holder is let in no longer; None where that is further away than a clock can say."""
    try:
        return datetime.fromtimestamp(int(str(claims["exp"]).partition(".")[0]) + LEEWAY_S, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def principal_of(claims: Mapping[str, object], address: str | None) -> Principal:
    """`sub` is one person of the issuer for ever; the name is for people."""
    names = (claims.get(name) for name in ("email", "preferred_username", "name"))
    name = next((one for one in names if isinstance(one, str) and one.isprintable()), None)
    return Principal(f"oidc:{claims['sub']}", "oidc", address, None if name is None else name[:MOST_NAME_CHARS])
