"""The tree of errors: what Liftlock refuses, and what can go wrong while it works.

LiftlockError
├── Refusal                     somebody asked for what cannot be; nothing was done
│   ├── ValidationFailed        the request itself is wrong; every problem with its pointer
│   ├── NotFound                no such migration, job, conflict, environment
│   ├── MigrationsInvalid       files that cannot be read or contradict each other
│   ├── ConflictsOpen           files and history disagree
│   ├── StillDisagrees          a conflict was said to be settled, and its cause is still there
│   ├── AlreadySettled          a conflict that is closed cannot be closed again
│   ├── FolderNotWritable       a file that was written for somebody cannot be put where migrations are
│   ├── CannotRestore           kept rows that are not there any more, or a table that is
│   ├── CannotMark              what is to be recorded would contradict the rest of the ledger
│   ├── Irreversible            a migration on the way back has no down
│   ├── NewerDependents         something applied still needs what would be undone
│   ├── RollbackTooDeep         more steps asked than applied
│   ├── ConfirmationRequired    the environment wants its name typed
│   ├── EnvironmentProtected    the environment does not allow this at all
│   ├── StandsInFile            an environment of liftlock.toml is changed there
│   ├── EnvironmentRemoved      it stood in liftlock.toml, and stands there no more (`removed`)
│   ├── StillNeeded             another environment requires or follows this one
│   ├── TargetBusy              another job holds the target and the caller would not wait
│   ├── ApprovalVoid            what was approved is no longer what would run
│   ├── NothingToApprove        the job waits for no approval
│   ├── JobEnded                there is nothing left to cancel
│   ├── NotSafeToRetry          asking for the same once more would do something else, or harm
│   ├── DriftPresent            the schema is no longer as the last job left it
│   ├── ProofMissing            the environment demands a proof of reversibility
│   ├── NotPromoted             it is not completed, or not long enough, where the environment requires it
│   ├── OutsideWindow           the environment may not be changed at this hour
│   ├── PlanStale               what was planned is no longer what would run
│   ├── HazardNotAllowed        a hazard of the plan needs consent that nobody has given
│   ├── IdempotencyKeyReused    the same key with another body
│   ├── IdempotencyInProgress   the first request with this key has not ended
│   ├── Unauthenticated         no token, or one that is not known
│   ├── Forbidden               foreign origin, unknown host, a scope that the token lacks
│   ├── NameTaken               another token has this name
│   ├── ReadOnly                this service makes no changes
│   └── TooManyRequests         no thread left to wait on
│       └── TooManyTries        too many wrong tokens from one address
│           └── TooOften        too many requests with one token
├── BackendUnavailable          PostgreSQL or Redis cannot be reached
│   └── BackendUnusable         it answers, and refuses us
├── ConfigurationInvalid        settings that the service cannot start with
└── EngineSignal                raised by a target session, answered by the executor (`signals`)
    ├── Fenced                  a newer attempt holds the target; this one must stop
    ├── ConnectionLost          the fate of the last transaction is told by `steps`
    ├── LockNotAvailable        55P03 or 40P01: rolled back, may be tried again
    ├── Cancelled               somebody asked the job to stop, and the step was rolled back
    ├── StepFailed              the script failed; its transaction is rolled back
    └── NeedsAttention          a person must look
        ├── TransactionEnded    the script ended our transaction
        └── Uncertain           a statement outside a transaction may or may not have happened
"""

from collections.abc import Mapping
from typing import ClassVar

from app.domain.problem import Problem

Facts = Mapping[str, object]


class LiftlockError(Exception):
    """A noun with its facts; its text says what is true, then what to do."""

    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Liftlock failed"

    def __init__(self, detail: str, *, next_steps: tuple[str, ...] = (), facts: Facts | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.next_steps = next_steps
        self.facts: Facts = facts or {}


class Refusal(LiftlockError):
    """Nothing was done; the text says why and what to type instead."""

    slug = "refused"
    title = "Refused"


class ListedRefusal(Refusal):
    """A refusal with every problem found, not only the first."""

    def __init__(
        self,
        detail: str,
        problems: tuple[Problem, ...],
        *,
        next_steps: tuple[str, ...] = (),
        facts: Facts | None = None,
    ) -> None:
        super().__init__(detail, next_steps=next_steps, facts=facts)
        self.problems = problems


class ValidationFailed(ListedRefusal):
    slug = "validation-failed"
    title = "The request is not valid"


class MigrationsInvalid(ListedRefusal):
    slug = "migrations-invalid"
    title = "The migration files cannot be used"


class ConflictsOpen(ListedRefusal):
    slug = "conflicts-open"
    title = "Files and history disagree"


class StillDisagrees(ListedRefusal):
    slug = "still-disagrees"
    title = "The cause of the conflict is still there"


class CannotMark(ListedRefusal):
    slug = "cannot-mark"
    title = "This cannot be recorded"


class Irreversible(ListedRefusal):
    slug = "irreversible"
    title = "A migration cannot be undone"


class NewerDependents(ListedRefusal):
    slug = "newer-dependents"
    title = "Something applied depends on this"


class DriftPresent(ListedRefusal):
    slug = "drift-present"
    title = "The schema has drifted"


class ProofMissing(ListedRefusal):
    slug = "proof-missing"
    title = "A migration has not been proven"


class CannotRestore(Refusal):
    slug = "cannot-restore"
    title = "These rows cannot be put there"


class NotPromoted(ListedRefusal):
    slug = "not-promoted"
    title = "A migration has not been through the environments before"


class OutsideWindow(Refusal):
    slug = "outside-window"
    title = "The environment may not be changed now"


class NotFound(Refusal):
    slug = "not-found"
    title = "Not found"


class AlreadySettled(Refusal):
    slug = "already-settled"
    title = "The conflict is closed already"


class FolderNotWritable(Refusal):
    slug = "folder-not-writable"
    title = "The migrations folder cannot be written"


class RollbackTooDeep(Refusal):
    slug = "rollback-too-deep"
    title = "Not that many migrations are applied"


class ConfirmationRequired(Refusal):
    slug = "confirmation-required"
    title = "This needs confirmation"


class EnvironmentProtected(Refusal):
    slug = "environment-protected"
    title = "The environment does not allow this"


class StandsInFile(Refusal):
    slug = "stands-in-file"
    title = "The environment stands in liftlock.toml"


class StillNeeded(Refusal):
    slug = "still-needed"
    title = "Another environment needs this one"


class TargetBusy(Refusal):
    slug = "target-busy"
    title = "The target is busy"


class ApprovalVoid(Refusal):
    slug = "approval-void"
    title = "The approval is void"


class NothingToApprove(Refusal):
    slug = "nothing-to-approve"
    title = "The job waits for no approval"


class JobEnded(Refusal):
    slug = "job-ended"
    title = "The job has ended"


class NotSafeToRetry(Refusal):
    slug = "not-safe-to-retry"
    title = "It is not safe to try this again"


class PlanStale(Refusal):
    slug = "plan-stale"
    title = "The plan is out of date"


class HazardNotAllowed(ListedRefusal):
    slug = "hazard-not-allowed"
    title = "A hazard needs consent"


class IdempotencyKeyReused(Refusal):
    slug = "idempotency-key-reused"
    title = "The Idempotency-Key was used for another request"


class IdempotencyInProgress(Refusal):
    slug = "idempotency-in-progress"
    title = "The first request with this Idempotency-Key is still in progress"


class PreconditionFailed(Refusal):
    slug = "precondition-failed"
    title = "It has changed since you read it"


class Unauthenticated(Refusal):
    slug = "unauthenticated"
    title = "A token is needed"


class Forbidden(Refusal):
    slug = "forbidden"
    title = "Not allowed"


class ReadOnly(Refusal):
    slug = "read-only"
    title = "This service makes no changes"


class TooManyRequests(Refusal):
    slug = "too-many-requests"
    title = "Too many requests are waiting"


class TooManyTries(TooManyRequests):
    """`facts["retryAfterS"]`: when the next one is looked at."""

    title = "Too many wrong tokens"


class TooOften(TooManyTries):
    title = "Too many requests with this token"


class NameTaken(Refusal):
    slug = "name-taken"
    title = "The name is taken"


class BackendUnavailable(LiftlockError):
    """A server that Liftlock needs cannot be reached or used; `facts["backend"]` names it."""

    slug = "backend-unavailable"
    title = "A server that Liftlock needs is not available"


class BackendUnusable(BackendUnavailable):
    """The server answers and refuses us: trying again will not help until somebody changes something."""


class ConfigurationInvalid(LiftlockError):
    slug = "configuration-invalid"
    title = "The configuration is not valid"
