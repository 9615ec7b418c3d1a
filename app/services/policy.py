"""How patient a job is, and how long its statements may take: everywhere, in its environment, and by request."""

from dataclasses import dataclass, replace

from app.domain.environment import Environment
from app.domain.job import JobRequest
from app.ports import Limits
from app.services.stepping import LockPolicy


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """`limits` and `locks` before what environment and request say of their own; the rest in ms."""

    limits: Limits
    locks: LockPolicy
    give_back_ms: int
    target_patience_ms: int

    def limits_of(self, environment: Environment, request: JobRequest) -> Limits:
        """The nearest wins: what the request asks for, else what the environment says, else what holds everywhere."""
        lock_ms = request.lock_timeout_ms or environment.lock_timeout_ms or self.limits.lock_timeout_ms
        statement_ms = environment.statement_timeout_ms or self.limits.statement_timeout_ms
        return replace(self.limits, lock_timeout_ms=lock_ms, statement_timeout_ms=statement_ms)

    def locks_of(self, environment: Environment) -> LockPolicy:
        return replace(self.locks, tries=environment.lock_tries or self.locks.tries)
