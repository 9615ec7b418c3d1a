"""TokenDesk: tokens are made, listed and revoked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.access import (
    EVERY,
    KnownToken,
    Role,
    Scope,
    Scopes,
    Token,
    Verb,
    digest_of,
    narrows_admin,
    scope_of,
    scopes_of,
    written,
)
from app.domain.errors import NotFound, ReadOnly, ValidationFailed
from app.domain.job import Origin
from app.domain.problem import Problem
from app.ports import Clock, Tokens, TokensWanted
from app.services.environments import Environments


@dataclass(frozen=True, slots=True)
class AskedToken:
    """A role, for all environments or for some; or scopes, one by one."""

    name: str
    role: Role | None = None
    environments: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MadeToken:
    """`text` is the token itself, which nobody can ask for again."""

    token: Token
    text: str = field(repr=False)


class TokenDesk:
    """`new_secret` gives 256 random bits in hexadecimal."""

    def __init__(
        self,
        tokens: Tokens,
        environments: Environments,
        clock: Clock,
        new_secret: Callable[[], str],
        *,
        read_only: bool,
    ) -> None:
        self._read_only = read_only
        self._tokens, self._environments, self._clock, self._new_secret = tokens, environments, clock, new_secret

    async def make(self, asked: AskedToken, origin: Origin) -> MadeToken:
        """Raises ValidationFailed with everything that is wrong with it, NameTaken or ReadOnly."""
        self._refuse_when_read_only()
        now, problems = self._clock.now(), list[Problem]()
        scopes = self._scopes(asked, problems)
        if asked.expires_at is not None and asked.expires_at <= now:
            problems.append(Problem("in_the_past", "`expiresAt` has passed already", pointer="/expiresAt"))
        if problems:
            raise ValidationFailed(problems[0].message, tuple(problems), next_steps=("GET /docs",))
        token = Token(
            id=self._clock.new_id(),
            name=asked.name,
            scopes=scopes,
            created_at=now,
            created_by=origin.principal.label,
            role=asked.role,
            expires_at=asked.expires_at,
        )
        text = written(token.id, self._new_secret())
        await self._tokens.add(KnownToken(token, digest_of(text)), origin)
        return MadeToken(token, text)

    def now(self) -> datetime:
        """By which it is told whether a token has expired."""
        return self._clock.now()

    async def page(self, wanted: TokensWanted) -> tuple[Token, ...]:
        return await self._tokens.page(wanted)

    async def revoke(self, token_id: UUID, origin: Origin) -> Token:
        """Raises NotFound or ReadOnly; one that is revoked already stays as it is."""
        self._refuse_when_read_only()
        token = await self._tokens.revoke(token_id, origin)
        if token is None:
            raise NotFound(f"there is no token {token_id}", next_steps=("GET /tokens",))
        return token

    def _refuse_when_read_only(self) -> None:
        if self._read_only:
            raise ReadOnly("this service is read-only (LIFTLOCK_READ_ONLY); ask one that makes changes")

    def _scopes(self, asked: AskedToken, problems: list[Problem]) -> Scopes:
        if (asked.role is None) is not bool(asked.scopes):
            problems.append(Problem("one_of", "give `role` or `scopes`, one of the two", pointer="/scopes"))
        if asked.environments and asked.role is None:
            message = "`environments` narrows a role; write `run:staging` among the scopes"
            problems.append(Problem("not_for_scopes", message, pointer="/environments"))
        if narrows_admin(asked.role, asked.environments):
            message = "an admin may do everything everywhere, so `environments` cannot narrow it; make a releaser of it"
            problems.append(Problem("not_for_admin", message, pointer="/environments"))
        problems += self._unknown(asked.environments, "/environments")
        if asked.role is not None:
            return scopes_of(asked.role, asked.environments or (EVERY,))
        found = [(index, text, scope_of(text)) for index, text in enumerate(asked.scopes)]
        problems += [_no_scope(index, text) for index, text, scope in found if scope is None]
        scopes = [scope for _, _, scope in found if scope is not None]
        problems += self._unknown((one.environment for one in scopes if one.environment), "/scopes")
        return frozenset(scopes)

    def _unknown(self, names: Iterable[str], pointer: str) -> list[Problem]:
        """A misspelt environment would be noticed when somebody needs the token."""
        known = [one.name for one in self._environments.all()]
        asked = [name for name in dict.fromkeys(names) if name != EVERY and not self._environments.knows(name)]
        return [
            Problem(
                "unknown_environment",
                f"there is no environment {name!r}; known are {', '.join(known)}",
                pointer=pointer,
            )
            for name in asked
        ]


def _no_scope(index: int, text: str) -> Problem:
    listed = ", ".join(str(Scope(verb, EVERY if verb.bound else None)) for verb in Verb)
    message = f"{text[:100]!r} is no scope; known are {listed}, where * may be the name of an environment"
    return Problem("unknown_scope", message, pointer=f"/scopes/{index}")
