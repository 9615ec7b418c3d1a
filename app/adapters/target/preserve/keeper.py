"""What one attempt keeps and gives back around its steps; steps that can destroy nothing pay nothing."""

from collections.abc import Awaitable, Callable

import asyncpg

from app.adapters.target.preserve.going_back import NotTheSame
from app.adapters.target.preserve.keeping import KeepPolicy
from app.adapters.target.preserve.preserving import Preserver
from app.adapters.target.preserve.restoring import Restorer, Waiting, mismatch
from app.adapters.target.preserve.restoring_queries import WAITING
from app.adapters.target.records import Stamp
from app.adapters.target.scripts import transaction_ended
from app.domain.allowances import allowances, allowances_of_python
from app.domain.environment import Environment, Protection, stricter, unlocked
from app.domain.failure import Failure, FailureCode
from app.domain.hazards import HazardCode
from app.domain.job import Attempt
from app.domain.losses import may_lose
from app.domain.migration import Direction, PythonScript
from app.domain.signals import StepFailed, TransactionEnded
from app.domain.step import Deed, Step
from app.ports import TargetView


class Keeper:
    def __init__(self, environment: Environment, attempt: Attempt, most_bytes: int) -> None:
        self._environment = environment
        self._asked = frozenset(attempt.request.allow_hazards) | environment.consent
        self._most_bytes = most_bytes
        self._protection = environment.protection
        self._waiting: Waiting = frozenset()
        self._preserves = attempt.request.preserve

    async def look(self, connection: asyncpg.Connection, view: TargetView) -> None:
        """Once a job, under the fence: what is kept here and waits to be given back."""
        protection = stricter(self._environment.protection, view.protection or self._environment.protection)
        self._protection = unlocked(protection) if view.unlocked else protection
        rows = await connection.fetch(WAITING, self._environment.scope)
        self._waiting = frozenset((row["name"], row["direction"]) for row in rows)

    def looks_after(self, step: Step) -> bool:
        return self._may_lose(step) or self._may_give_back(step)

    async def around(
        self,
        connection: asyncpg.Connection,
        stamp: Stamp,
        ordinal: int,
        step: Step,
        carried_out: Callable[[], Awaitable[None]],
    ) -> tuple[str, ...]:
        """The step, `carried_out` once or again; what was kept and given back, in words. Raises StepFailed."""
        try:
            return await self._around(connection, stamp, ordinal, step, carried_out)
        except asyncpg.ObjectInUseError as error:
            raise _left_unchecked(step, ordinal, error) from error

    async def _around(
        self,
        connection: asyncpg.Connection,
        stamp: Stamp,
        ordinal: int,
        step: Step,
        carried_out: Callable[[], Awaitable[None]],
    ) -> tuple[str, ...]:
        restorer = Restorer(connection, stamp, ordinal, step) if self._may_give_back(step) else None
        if restorer is not None:
            await restorer.look()
        said: tuple[str, ...] = ()
        if self._may_lose(step):
            policy = KeepPolicy(self._most_bytes, self._may_let_go(step))
            try:
                said = await Preserver(connection, stamp, ordinal, step, policy).run(carried_out)
            except asyncpg.InvalidSavepointSpecificationError as error:
                # ours is gone: the script has ended the transaction and begun another
                raise TransactionEnded(transaction_ended(step), ordinal) from error
        else:
            await carried_out()
        if restorer is not None:
            try:
                said += await restorer.give_back()
            except NotTheSame as error:
                raise mismatch(step, ordinal, str(error)) from error
        if said:
            # by a later step of this job, such as the way back after a failure
            self._waiting |= {(step.name, step.direction.value)}
        return said

    def _may_lose(self, step: Step) -> bool:
        return self._preserves and may_lose(step)

    def _may_give_back(self, step: Step) -> bool:
        undone = Direction.UP if step.direction is Direction.DOWN else Direction.DOWN
        return step.deed is Deed.EXECUTED and (step.name, undone.value) in self._waiting

    def _may_let_go(self, step: Step) -> bool:
        if self._protection is Protection.OPEN or HazardCode.DATA_LOSS in self._asked:
            return True
        if step.body is None:
            return False
        read = allowances_of_python if isinstance(step.body, PythonScript) else allowances
        return any(one.code is HazardCode.DATA_LOSS for one in read(step.body.text))


def _left_unchecked(step: Step, ordinal: int, error: asyncpg.PostgresError) -> StepFailed:
    """A table whose rows are still to be checked can have no trigger and no foreign key put aside."""
    failure = Failure(
        code=FailureCode.REFUSED,
        message=f"{step.name}: a deferred constraint does not hold yet for rows that an earlier step of this "
        f"transaction has written, so that nothing can be kept of that table or given back to it: {error}",
        sqlstate=error.sqlstate,
        migration=step.name,
        direction=step.direction.value,
        file=step.body.file if step.body else None,
        hint="let the step that writes those rows also write what they refer to, or leave `atomic` out",
    )
    return StepFailed(failure, ordinal)
