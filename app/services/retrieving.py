"""RetrievalService: puts what is kept of a step into a table of its own, when somebody asks for it."""

from dataclasses import replace
from uuid import UUID

from app.domain.environment import Environment
from app.domain.errors import NotFound
from app.domain.job import JobKind, JobRequest, Origin
from app.domain.preserved import PreservedSet, Retrieval
from app.domain.retrieving import destination, refuse_taken, refuse_without_rows
from app.ports import Clock, KeyClaim, PreservedRows
from app.services.environments import Environments
from app.services.submission import Submission, Submitted


class RetrievalService:
    def __init__(self, environments: Environments, rows: PreservedRows, submission: Submission, clock: Clock) -> None:
        self._environments = environments
        self._rows = rows
        self._submission = submission
        self._clock = clock

    async def submit(
        self,
        request: JobRequest,
        set_id: UUID,
        table: str | None,
        origin: Origin,
        idempotency: KeyClaim | None = None,
    ) -> Submitted:
        """A job that puts the rows of a set into the new table `table`: `name`, `schema.name`, or one made up.

        Raises NotFound, CannotRestore, ValidationFailed, ConfirmationRequired, or what submitting raises.
        """
        self._submission.refuse_when_read_only()
        environment = self._environments.named(request.environment)
        one = await self._kept(environment, set_id)
        refuse_without_rows(one)
        schema, name = destination(one, table, f"{self._clock.now():%Y%m%d_%H%M%S}")
        refuse_taken(schema, name, await self._rows.place(environment, schema, name))
        retrieval = Retrieval(one.id, one.migration, one.direction, schema, name)
        wanted = replace(request, kind=JobKind.RESTORE, retrieval=retrieval)
        return await self._submission.submit(wanted, origin, idempotency)

    async def _kept(self, environment: Environment, set_id: UUID) -> PreservedSet:
        found = await self._rows.one(environment, set_id)
        if found is None:
            raise NotFound(
                f"nothing with the id {set_id} is kept in {environment.name}",
                next_steps=(f"GET /environments/{environment.name}/preserved",),
            )
        return found
