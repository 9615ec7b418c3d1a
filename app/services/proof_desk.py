"""Asks for proofs, and clears away what a worker that died in one has left."""

import structlog

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Ended, JobId, JobRequest, Origin
from app.domain.proof_plan import plan_proof
from app.domain.scratch import Leftover
from app.ports import Clock, JobBoard, KeyClaim, NewJob, Scratches
from app.services.environments import Environments
from app.services.proving_record import nothing_to_prove
from app.services.submission import Submission, Submitted
from app.services.validation import Examination, SchemaValidationService

log = structlog.get_logger()


class ProofDesk:
    def __init__(
        self,
        environments: Environments,
        validation: SchemaValidationService,
        submission: Submission,
        board: JobBoard,
        clock: Clock,
    ) -> None:
        self._environments = environments
        self._validation = validation
        self._submission = submission
        self._board = board
        self._clock = clock

    async def submit(self, request: JobRequest, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """A job that waits for no run. Raises NotFound, MigrationsInvalid, ConflictsOpen or ReadOnly.

        From the history it is refused, or found to be nothing to do, only while no job could change that.
        """
        self._submission.refuse_when_read_only()
        environment = self._environments.named(request.environment)
        open_jobs = await self._board.open_on(environment.name)
        found = await self._validation.look(environment)
        new = NewJob(
            id=JobId(self._clock.new_id()),
            request=request,
            origin=origin,
            message=f"the proof in {environment.name} is waiting for a worker",
            finished=None if open_jobs else _nothing_to_do(environment, found, request),
            idempotency=idempotency,
        )
        job = await self._board.add(new)
        away = () if found.unreachable is None else (found.unreachable.detail,)
        return Submitted(job, (*away, *await self._submission.ring(job)))


class Leftovers:
    """Scratch databases whose job has ended, or that are old; only what is ours by name and by comment."""

    def __init__(self, environments: Environments, scratches: Scratches, board: JobBoard) -> None:
        self._environments = environments
        self._scratches = scratches
        self._board = board

    async def drop(self) -> int:
        """On the server of each environment; how many. A server that is away is looked at next time."""
        dropped = 0
        for environment in self._environments.every_target():
            try:
                for one in await self._scratches.leftovers(environment):
                    if await self._may_go(one):
                        dropped += await self._scratches.drop(environment, one)
            except BackendUnavailable as error:
                log.warning("scratch.not_looked_for", environment=environment.name, why=error.detail)
        return dropped

    async def _may_go(self, one: Leftover) -> bool:
        job = await self._board.get(JobId(one.job_id))
        return one.may_go(job is not None and job.state.final)


def _nothing_to_do(environment: Environment, found: Examination, request: JobRequest) -> Ended | None:
    if found.view is None:
        return None
    plan = plan_proof(found.catalog, found.view.history, environment.out_of_order, request.names)
    return None if plan.steps else nothing_to_prove(environment.name, plan)
