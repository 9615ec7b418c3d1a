"""Chores: jobs that change no target. They wait for none, and only for their own kind."""

import structlog

from app import measures
from app.domain.drift import DriftState
from app.domain.errors import BackendUnusable, Refusal
from app.domain.job import CONTROL, Attempt, Ended, JobKind, JobState, Outcome, Superseded
from app.domain.step import count_of
from app.ports import Doorbell, JobClaims, JobSweep
from app.services.drift import DriftRecorder
from app.services.environments import Environments
from app.services.outcomes import crashed, refused, target_unusable
from app.services.preserved import PreservedShelf
from app.services.proof_desk import Leftovers
from app.services.proving import Prover
from app.services.reconciling import Reconciler
from app.services.sync_desk import SyncDesk
from app.services.watching import DivergenceWatch

SWEEP_LIMIT = 100

log = structlog.get_logger()


class Chores:
    def __init__(
        self,
        claims: JobClaims,
        sweep: JobSweep,
        doorbell: Doorbell,
        environments: Environments,
        drift: DriftRecorder,
        prover: Prover,
        leftovers: Leftovers,
        shelf: PreservedShelf,
        desk: SyncDesk,
        reconciler: Reconciler,
        watch: DivergenceWatch,
    ) -> None:
        self._watch = watch
        self._reconciler = reconciler
        self._desk = desk
        self._shelf = shelf
        self._prover = prover
        self._leftovers = leftovers
        self._environments = environments
        self._drift = drift
        self._claims = claims
        self._sweep = sweep
        self._doorbell = doorbell

    async def carry_out(self, attempt: Attempt) -> Outcome:
        """Each is harmless to repeat: a worker that dies here is simply followed by another.

        Raises NotFound when the environment is gone from the configuration.
        """
        starts = await self._claims.started(attempt, 0)
        if starts is None:
            return Superseded(f"attempt {attempt.number} of job {attempt.job_id} is over")
        if starts > attempt.max_starts:
            return crashed(starts)
        if attempt.request.kind is JobKind.PURGE:
            return await self._purge()
        if attempt.request.kind is JobKind.VERIFY:
            return await self._prover.prove(attempt)
        if attempt.request.kind is JobKind.SCAN:
            return await self._scan(attempt.request.environment)
        if attempt.request.kind is JobKind.RECONCILE:
            return await self._reconcile()
        if attempt.request.kind is JobKind.COMPARE:
            return await self._compare()
        if attempt.request.kind is JobKind.FOLLOW:
            return await self._follow(attempt)
        return _ended(await self._rescue(), "job", "given back whose worker had stopped answering")

    async def _scan(self, environment: str) -> Ended:
        """One environment, or all of them."""
        everywhere = environment == CONTROL
        wanted = self._environments.every_target() if everywhere else self._environments.each(environment)
        checks = await self._drift.look_at_all(wanted)
        drifted = [one for one in checks if one.state is DriftState.DRIFTED]
        if drifted:
            return Ended(JobState.SUCCEEDED, "drifted", "; ".join(one.message for one in drifted))
        looked = [one for one in checks if one.state is DriftState.CLEAN]
        unseen = tuple(f"{one.environment}: {one.message}" for one in checks if one.state is DriftState.NOT_CHECKED)
        if not looked:
            return Ended(JobState.SUCCEEDED, "not_checked", "nothing could be said of any schema", notices=unseen)
        names = ", ".join(one.environment for one in looked)
        # a tick that found all as it was is no history
        return Ended(JobState.SUCCEEDED, "nothing_to_do", f"no drift in {names}", notices=unseen)

    async def _reconcile(self) -> Ended:
        found = await self._reconciler.reconcile(self._environments.every_target())
        unread = tuple(f"{one.environment}: {one.unread}" for one in found if one.unread is not None)
        lost = [f"{one.environment} has lost {count_of(len(one.lost), 'job')}" for one in found if one.lost]
        if lost:
            return Ended(JobState.SUCCEEDED, "lost_work", f"{'; '.join(lost)}; see the conflict log", notices=unread)
        message = "targets have all that the control database says was done in them"
        return Ended(JobState.SUCCEEDED, "nothing_to_do", message, notices=unread)

    async def _compare(self) -> Ended:
        found = await self._watch.look()
        unread = tuple(f"{one.target} against {one.source}: {one.message}" for one in found.unread)
        if found.disagreeing:
            said = "; ".join(f"{one.target} against {one.source}: {one.message}" for one in found.disagreeing)
            return Ended(JobState.SUCCEEDED, "diverged", f"{said}; see the conflict log", notices=unread)
        counted = count_of(len(found.compared), "comparison")
        message = f"no environment disagrees with those that it requires: {counted}"
        return Ended(JobState.SUCCEEDED, "nothing_to_do", message, notices=unread)

    async def _follow(self, attempt: Attempt) -> Ended:
        try:
            return await self._desk.follow(attempt)
        except Refusal as refusal:
            return refused(refusal, attempt)
        except BackendUnusable as unusable:
            return target_unusable(unusable)

    async def _purge(self) -> Ended:
        keys = _ended(await self._sweep.purge(), "idempotency key", "deleted whose time was over")
        counted = (
            (await self._leftovers.drop(), "scratch database", "dropped"),
            (await self._shelf.purge(), "set of preserved rows", "purged, for its time was over"),
        )
        more = [f"{count_of(count, noun)} {what}" for count, noun, what in counted if count]
        return Ended(JobState.SUCCEEDED, "done", "; ".join([keys.message, *more])) if more else keys

    async def _rescue(self) -> int:
        rescued = await self._sweep.rescue(SWEEP_LIMIT)
        for job_id in rescued:
            measures.job_rescued()
            log.warning("job.rescued", job=str(job_id))
        await self._sweep.wake(SWEEP_LIMIT)
        for job_id in await self._sweep.due(SWEEP_LIMIT):
            if not await self._doorbell.ring(job_id):
                await self._sweep.unrung(job_id)
                break
        return len(rescued)


def _ended(count: int, noun: str, what: str) -> Ended:
    if count == 0:
        return Ended(JobState.SUCCEEDED, "nothing_to_do", f"nothing to do: no {noun} had to be {what}")
    return Ended(JobState.SUCCEEDED, "done", f"{count_of(count, noun)} {what}")
