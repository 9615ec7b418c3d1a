"""What a target session tells the executor by raising it: branches of the tree in `errors`."""

from app.domain.errors import LiftlockError
from app.domain.failure import Failure


class EngineSignal(LiftlockError):
    """Raised by a target session; only the executor answers it."""


class Fenced(EngineSignal):
    slug = "fenced"
    title = "A newer attempt holds the target"


class ConnectionLost(EngineSignal):
    slug = "connection-lost"
    title = "The connection to the target was lost"


class LockNotAvailable(EngineSignal):
    """55P03 or 40P01: the transaction is rolled back; `failure` says where it happened."""

    slug = "lock-timeout"
    title = "A lock was not available in time"

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Cancelled(EngineSignal):
    """Between two steps, or in the middle of one, which is then rolled back. `by` asked for it.

    `left`: what the step under way has left behind.
    """

    slug = "cancelled"
    title = "The job was cancelled"

    def __init__(self, by: str, ordinal: int, left: str = "nothing") -> None:
        super().__init__(f"cancelled by {by}")
        self.by = by
        self.ordinal = ordinal
        self.left = left


class StepFailed(EngineSignal):
    slug = "step-failed"
    title = "A migration failed"

    def __init__(self, failure: Failure, ordinal: int) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.ordinal = ordinal


class NeedsAttention(EngineSignal):
    """Nobody but a person can say what is true now; nothing more is run."""

    def __init__(self, failure: Failure, ordinal: int) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.ordinal = ordinal


class TransactionEnded(NeedsAttention):
    slug = "transaction-ended"
    title = "A migration ended the transaction it ran in"


class Uncertain(NeedsAttention):
    slug = "uncertain"
    title = "It is not known whether a statement has happened"
