"""RollCall: whether every target of a job over several can be used, asked before the first of them is begun."""

import asyncio

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, BackendUnusable
from app.domain.job import Ended, JobRequest, JobState
from app.ports import Targets
from app.services.environments import Environments
from app.services.outcomes import target_failure

PATIENCE_S = 5.0


class RollCall:
    def __init__(self, environments: Environments, targets: Targets) -> None:
        self._environments = environments
        self._targets = targets

    async def refused(self, request: JobRequest) -> Ended | None:
        """How the job ends without having begun: a target refuses us, which only a person can change.

        Whoever does not answer in time is only away, and is waited for when its turn has come. Raises NotFound for a
        target that is no longer configured.
        """
        assert request.convoy is not None
        each = [self._environments.named(name) for name in request.convoy.targets]
        asking = [asyncio.create_task(self._refusal(one)) for one in each]
        _, late = await asyncio.wait(asking, timeout=PATIENCE_S)
        for one in late:
            one.cancel()
        answers = [one.result() for one in asking if one not in late]
        error = next((answer for answer in answers if answer is not None), None)
        if error is None:
            return None
        message = f"{error.detail}; no target of {request.environment} was touched"
        return Ended(JobState.FAILED, "target_unusable", message, target_failure(error))

    async def _refusal(self, environment: Environment) -> BackendUnusable | None:
        try:
            await self._targets.read(environment)
        except BackendUnusable as error:
            return error
        except BackendUnavailable:
            return None
        return None
