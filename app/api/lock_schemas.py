"""What is answered about locks: who stood in whose way."""

from pydantic import RootModel

from app.api.shapes import Answer, Moment


class LockSession(Answer):
    """A session of the target. `pid` 0 is a prepared transaction; `since`: when `state` began."""

    pid: int
    user: str | None
    application: str | None
    state: str | None
    query: str | None
    since: Moment | None
    transaction_since: Moment | None


class LockSample(Answer):
    """One look: our session waits for `mode` on `relation`; `blockers` hold it, `blocked` wait for us."""

    at: Moment
    pid: int
    step: int | None
    mode: str | None
    relation: str | None
    blockers: list[LockSession]
    blocked: list[LockSession]


class LockSamples(RootModel[list[LockSample]]):
    """Whenever something about the locks was another than before, oldest first."""
