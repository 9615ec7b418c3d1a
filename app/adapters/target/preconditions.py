"""What the ledger must say before a step may run, and of a step that has run before."""

from app.adapters.target.scripts import transaction_ended
from app.domain.failure import Failure, FailureCode
from app.domain.ledger import Status
from app.domain.migration import Direction
from app.domain.signals import StepFailed, TransactionEnded
from app.domain.step import Deed, Step


def refuse_half_done(ordinal: int, step: Step, status: str | None) -> None:
    """An earlier attempt has committed the step, and its ledger row with it: else the script ended the transaction."""
    if step.deed is not Deed.RETRIEVED and (status == Status.COMPLETED) is not (step.direction is Direction.UP):
        raise TransactionEnded(transaction_ended(step), ordinal)


def refuse_other_ledger(ordinal: int, step: Step, status: str | None, checksum: bytes | None) -> None:
    """The ledger must still say what the plan was made of; only a hand at the ledger can have changed it."""
    applied = status == Status.COMPLETED
    if step.deed in (Deed.MARKED, Deed.BASELINED, Deed.RETRIEVED):
        # people say how it is, whatever the ledger has said so far; what is kept has a record of its own
        return
    if step.deed is Deed.ACCEPTED:
        if applied and checksum == step.replaces:
            return
    elif step.direction is Direction.UP and not applied:
        return
    if step.direction is Direction.DOWN and applied and checksum == step.checksum.raw:
        return
    raise StepFailed(
        Failure(
            code=FailureCode.REFUSED,
            message=f"the ledger says {status or 'nothing'} of {step.name}, which is not what was planned; "
            f"somebody else has changed it",
            migration=step.name,
            direction=step.direction.value,
            next_steps=("GET /migrations", "POST /migrations/run"),
        ),
        ordinal,
    )
