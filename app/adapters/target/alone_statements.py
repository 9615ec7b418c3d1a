"""The statements of a script without a transaction, told apart, and what is said of one that went wrong."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.batch import Batch, directives
from app.domain.failure import Failure, FailureCode
from app.domain.ledger import UNCERTAIN, settle_uncertain
from app.domain.migration import SqlScript
from app.domain.probes import Probe, probe_of, runs_alone
from app.domain.signals import StepFailed, Uncertain
from app.domain.statements import Statement, token_text
from app.domain.step import Step


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement of the script, and what tells it from all others of its migration."""

    place: int
    statement: Statement
    sha256: bytes
    occurrence: int
    probe: Probe | None
    batch: Batch | None

    @property
    def only_sets(self) -> bool:
        """A setting for the statements after it: sent again by whoever goes on, and no deed to record."""
        return self.statement.verb in ("SET", "RESET")


def numbered(script: SqlScript) -> Iterator[Numbered]:
    seen: Counter[bytes] = Counter()
    batches = {one.statement_offset: one.batch for one in directives(script.text)}
    for place, statement in enumerate(script.parsed.statements):
        # comments and white space may change between two runs
        sha256 = hashlib.sha256(token_text(statement.text).encode()).digest()
        probe = probe_of(statement) if runs_alone(statement) else None
        yield Numbered(place, statement, sha256, seen[sha256], probe, batches.get(statement.offset))
        seen[sha256] += 1


def invalid_taken(name: str) -> str:
    return (
        f"IF NOT EXISTS has taken the index {name}, which is INVALID: an earlier build of it was broken off; "
        f"drop it with DROP INDEX CONCURRENTLY {name}, then run again"
    )


@dataclass(frozen=True, slots=True)
class Blame:
    """Says where in the step it went wrong, and what of its `count` statements stands."""

    step: Step
    script: SqlScript
    ordinal: int
    count: int

    def left_over(self, one: Numbered, also: str | None = None) -> str:
        """What stands of the script when it stops at `one`, and what that has left."""
        done = f"{one.place} of its {self.count} statements are done; they stay and are not run again"
        if also is None:
            return done if one.place else "nothing: the statement did not happen, and what it had begun was taken away"
        return f"{done}; and {also}" if one.place else also

    def failure(self, one: Numbered, message: str) -> Failure:
        return Failure(
            code=FailureCode.SQL_ERROR,
            message=message,
            migration=self.step.name,
            direction=self.step.direction.value,
            file=self.script.file,
            line=one.statement.line + self.script.line - 1,
            column=one.statement.column,
            statement=one.statement.text,
            left_behind=self.left_over(one),
            next_steps=("do what the message says, then POST /migrations/run",),
        )

    def pooled(self, environment: str) -> StepFailed:
        return StepFailed(
            Failure(
                code=FailureCode.REFUSED,
                message=f"{self.step.name} runs outside a transaction, which needs a connection of its own, and "
                f"{environment} is reached through a pooler that lends them by the transaction",
                migration=self.step.name,
                direction=self.step.direction.value,
                file=self.script.file,
                left_behind="nothing: no statement was sent",
                next_steps=(
                    f"give {environment} a `directUrl` in liftlock.toml that leads past the pooler, then run again",
                ),
            ),
            self.ordinal,
        )

    def uncertain(self, what: str, one: Numbered | None = None) -> Uncertain:
        """`one`: the statement that nobody can ask for, when it is known."""
        name = self.step.name
        return Uncertain(
            Failure(
                code=FailureCode.UNCERTAIN,
                message=f"{UNCERTAIN}nobody can tell whether {what} of {name} has happened: its worker died then",
                migration=name,
                direction=self.step.direction.value,
                file=self.script.file,
                line=None if one is None else one.statement.line + self.script.line - 1,
                column=None if one is None else one.statement.column,
                statement=None if one is None else one.statement.text,
                left_behind="perhaps the effects of that statement; look at the database",
                safe_to_retry=False,
                next_steps=settle_uncertain(name),
            ),
            self.ordinal,
        )
