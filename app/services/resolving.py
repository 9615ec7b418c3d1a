"""How a conflict is answered: at a person's word, when its cause is found gone, or by a job in the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.conflict import Collision, Conflict, ConflictKind, ConflictState, Remedy, Way
from app.domain.divergence import Divergence, Severity
from app.domain.errors import StillDisagrees, ValidationFailed
from app.domain.job import JobId, JobKind, JobRequest, JobState, Origin
from app.domain.problem import Problem
from app.domain.settling import Resolution, Settling
from app.ports import Answer, Clock, Doorbell, JobBoard, KeyClaim, TargetView
from app.services.conflict import ConflictResolutionService, already_settled
from app.services.drift_desk import DriftDesk
from app.services.environments import Environments
from app.services.submission import Submission, Submitted
from app.services.validation import Examination, SchemaValidationService


@dataclass(frozen=True, slots=True)
class Asked:
    """`migration` has to be named where the conflict is about several, `until` where it is left alone till then."""

    resolution: str
    note: str | None = None
    migration: str | None = None
    until: datetime | None = None


class ConflictResolver:
    def __init__(
        self,
        environments: Environments,
        conflicts: ConflictResolutionService,
        validation: SchemaValidationService,
        submission: Submission,
        board: JobBoard,
        doorbell: Doorbell,
        desk: DriftDesk,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._environments = environments
        self._conflicts = conflicts
        self._validation = validation
        self._submission = submission
        self._board = board
        self._doorbell = doorbell

    async def resolve(
        self, conflict_id: UUID, asked: Asked, origin: Origin, idempotency: KeyClaim | None = None
    ) -> Conflict | Submitted:
        """The closed record, or the job that will close it.

        Raises NotFound, AlreadySettled, ValidationFailed for a resolution that this kind does not know,
        StillDisagrees, or what submitting a job raises.
        """
        self._submission.refuse_when_read_only()
        conflict = await self._conflicts.get(conflict_id)
        if conflict.state is not ConflictState.OPEN:
            raise already_settled(conflict)
        remedy = _chosen(conflict, asked)
        if conflict.collision.kind is ConflictKind.SCHEMA_DRIFT:
            return await self._answer_drift(conflict, asked, origin, idempotency)
        if remedy.way is Way.JOB:
            return await self._submit(conflict, asked, origin, idempotency)
        if remedy.way is Way.CHECKED:
            await self._refuse_while_it_lasts(conflict, remedy)
        return await self._conflicts.close(conflict, Answer(remedy.resolution, origin, asked.note))

    async def _answer_drift(
        self, conflict: Conflict, asked: Asked, origin: Origin, idempotency: KeyClaim | None
    ) -> Conflict | Submitted:
        note = asked.note
        match Resolution(asked.resolution):
            case Resolution.ADOPT_DRIFT:
                return await self._desk.adopt(conflict, note, origin, idempotency)
            case Resolution.REVERT_DRIFT:
                said = await self._desk.revert(conflict)
                note = said if note is None else f"{note}; {said}"
            case _:
                require_moment(asked.until, self._clock.now())
        return await self._conflicts.close(conflict, Answer(asked.resolution, origin, note, until=asked.until))

    async def _refuse_while_it_lasts(self, conflict: Conflict, remedy: Remedy) -> None:
        if conflict.collision.kind is ConflictKind.LOCK_CONTENTION:
            await self._refuse_while_waiting(conflict.collision)
            return
        found = await self._look(conflict.collision)
        if found.view is None and found.unreachable is not None:
            raise found.unreachable
        if found.catalog.problems:
            raise StillDisagrees(
                f"the files cannot be read, so nobody can tell: {found.catalog.problems[0].message}",
                found.catalog.problems,
            )
        still = [one for one in found.divergences if _is_the_same(one, conflict.collision)]
        if still:
            await self._validation.record(conflict.collision.environment or "", found)
            rolls_back = remedy.resolution == Resolution.ROLL_BACK
            way_out = _rolling_back(found.view, conflict.collision) if rolls_back else ()
            raise _still_disagrees(still, conflict.collision, way_out)

    async def _refuse_while_waiting(self, collision: Collision) -> None:
        job = None if collision.job_id is None else await self._board.get(JobId(collision.job_id))
        if job is None or job.state.final or job.state is JobState.RUNNING:
            return
        await self._doorbell.ring(job.id)
        message = f"job {job.id} still waits ({job.reason}): {job.message}; it was rung for once more"
        raise StillDisagrees(message, (Problem("still_waiting", message),), next_steps=(f"GET /jobs/{job.id}?wait=30",))

    async def _submit(
        self, conflict: Conflict, asked: Asked, origin: Origin, idempotency: KeyClaim | None
    ) -> Submitted:
        request = JobRequest(
            kind=JobKind.RESOLVE,
            environment=conflict.collision.environment or "",
            note=asked.note,
            settling=await self._settling(conflict, asked),
        )
        submitted = await self._submission.submit(request, origin, idempotency)
        if submitted.job.state is JobState.SUCCEEDED:
            # there was nothing left to do, so no worker will come to close it
            answer = Answer(asked.resolution, origin, asked.note, submitted.job.id)
            await self._conflicts.close_by_job(conflict.id, answer)
        return submitted

    async def _settling(self, conflict: Conflict, asked: Asked) -> Settling:
        resolution = Resolution(asked.resolution)
        if resolution is Resolution.RELEASE_TARGET:
            assert conflict.collision.other_job_id is not None
            await self._conflicts.refuse_unless_stranded(conflict.collision.other_job_id)
            return Settling(conflict.id, resolution, stranded=conflict.collision.other_job_id)
        migration = _migration(conflict, asked)
        checksum = await self._seen(conflict, migration) if resolution is Resolution.ACCEPT_FILE else None
        return Settling(conflict.id, resolution, migration, checksum)

    async def _seen(self, conflict: Conflict, migration: str) -> str:
        """The checksum of the file that is accepted: the one on record, which is what somebody has looked at."""
        found = await self._look(conflict.collision)
        file = found.catalog.by_name().get(migration)
        recorded, actual = conflict.collision.evidence.get("fileChecksum"), file.checksum.raw.hex() if file else None
        if actual is None or actual != recorded:
            await self._validation.record(conflict.collision.environment or "", found)
            message = (
                f"the conflict is about a file of {migration} with checksum {str(recorded)[:12]}, but now there is "
                f"{actual[:12] if actual else 'no file'}; look at it again before you accept it"
            )
            raise StillDisagrees(
                message,
                (Problem("file_changed", message, migration=migration, file=file.file if file else None),),
                next_steps=("GET /migrations/conflicts?state=open",),
                facts={"environment": conflict.collision.environment, "recorded": recorded, "actual": actual},
            )
        return actual

    async def _look(self, collision: Collision) -> Examination:
        return await self._validation.look(self._environments.named(collision.environment or ""))


def _chosen(conflict: Conflict, asked: Asked) -> Remedy:
    for remedy in conflict.may_be_asked:
        if remedy.resolution == asked.resolution:
            return remedy
    allowed = [str(remedy.resolution) for remedy in conflict.may_be_asked]
    message = (
        f"a conflict of kind {conflict.collision.kind} takes {' or '.join(allowed)}, not {asked.resolution[:100]!r}"
    )
    raise ValidationFailed(
        message,
        (Problem("not_one_of", message, pointer="/resolution"),),
        next_steps=(f"GET /migrations/conflicts/{conflict.id}",),
        facts={"allowed": allowed},
    )


def require_moment(until: datetime | None, now: datetime) -> None:
    """Raises ValidationFailed unless it is to come."""
    if until is None or until <= now:
        message = "`until` takes a moment to come, as RFC 3339 writes it: 2027-01-31T08:00:00Z"
        raise ValidationFailed(message, (Problem("missing" if until is None else "past", message, pointer="/until"),))


def _migration(conflict: Conflict, asked: Asked) -> str:
    names = conflict.collision.migrations
    if asked.migration is None and len(names) == 1:
        return names[0]
    if asked.migration in names:
        return asked.migration
    message = f"`migration` takes one of those the conflict is about: {', '.join(names)}"
    raise ValidationFailed(message, (Problem("not_one_of", message, pointer="/migration"),), facts={"allowed": names})


def _is_the_same(found: Divergence, collision: Collision) -> bool:
    """The same disagreement about the same migrations, though its values may have moved since it was recorded."""
    if found.kind is not collision.kind:
        return False
    shared = set(found.migrations) & set(collision.migrations)
    if found.kind is ConflictKind.OBJECT_OVERLAP:
        return len(shared) > 1 and found.evidence["table"] == collision.evidence.get("table")
    if found.kind is ConflictKind.CHECKSUM_MISMATCH and found.severity is Severity.NOTICE:
        # only comments or white space are left of it, unless that is what was on record
        return found.as_collision(collision.environment or "").fingerprint == collision.fingerprint
    return bool(shared)


def _rolling_back(view: TargetView | None, collision: Collision) -> tuple[str, ...]:
    """The call that undoes what it is about: the newest, down to the oldest of those that it names."""
    newest_first = reversed(view.history.applied) if view is not None else ()
    depths = [depth for depth, entry in enumerate(newest_first, 1) if entry.name in collision.migrations]
    return (f"POST /migrations/rollback/{depths[-1]}?environment={collision.environment}",) if depths else ()


def _still_disagrees(still: Sequence[Divergence], collision: Collision, next_steps: tuple[str, ...]) -> StillDisagrees:
    return StillDisagrees(
        f"the cause is still there: {still[0].message}",
        tuple(one.as_problem() for one in still),
        next_steps=next_steps,
        facts={"environment": collision.environment, "evidence": [one.evidence for one in still]},
    )
