"""Protection, changed on purpose: unlocked for a while, locked again, or a target taken for another environment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.audit import Deed
from app.domain.environment import Environment, Protection
from app.domain.errors import ConfirmationRequired, EnvironmentProtected, TargetBusy
from app.domain.job import Origin
from app.ports import Ownership, Targets, Trail
from app.services.environments import Environments
from app.services.planning import protection_of
from app.services.submission import Submission

LASTING = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Guarded:
    """How an environment is protected now; `unlocked_until` None: as ever."""

    environment: Environment
    protection: Protection
    unlocked_until: datetime | None = None


class ProtectionDesk:
    def __init__(
        self, environments: Environments, targets: Targets, ownership: Ownership, trail: Trail, submission: Submission
    ) -> None:
        self._environments = environments
        self._targets = targets
        self._ownership = ownership
        self._trail = trail
        self._submission = submission

    async def unlock(self, name: str, confirm: str | None, note: str | None, origin: Origin) -> Guarded:
        """For a quarter of an hour one step less protected: `locked` as `confirm`, `confirm` as `open`.

        Raises NotFound, ReadOnly, ConfirmationRequired, EnvironmentProtected where the target is another's, or
        BackendUnavailable.
        """
        environment = self._named(name)
        _refuse_unconfirmed(environment.name, confirm, f"unlocks {environment.name} for 15 minutes")
        await self._refuse_other(environment)
        await self._trail.note(_deed("environments.unlock", environment, note, origin))
        until = await self._ownership.unlock(environment, LASTING, origin.principal.label)
        return Guarded(environment, protection_of(environment, await self._targets.read(environment)), until)

    async def lock(self, name: str, note: str | None, origin: Origin) -> Guarded:
        """Before its time is over. Raises as `unlock`, but wants no confirmation."""
        environment = self._named(name)
        await self._refuse_other(environment)
        await self._trail.note(_deed("environments.lock", environment, note, origin))
        await self._ownership.lock(environment, origin.principal.label)
        return Guarded(environment, protection_of(environment, await self._targets.read(environment)))

    async def claim(self, name: str, confirm: str | None, note: str | None, origin: Origin) -> Guarded:
        """Take a target that is recorded as another environment's, such as a copy of production, for this one.

        `confirm` names the environment that is recorded. Raises as `unlock`, or TargetBusy while a job is at work.
        """
        environment = self._named(name)
        recorded = (await self._targets.read(environment)).environment
        if recorded is not None and not environment.answers_to(recorded):
            what = f"takes a database that was set up as {recorded} for {environment.name}"
            _refuse_unconfirmed(recorded, confirm, what)
            await self._trail.note(_deed("environments.claim", environment, note, origin))
            if not await self._ownership.claim(environment, recorded):
                raise TargetBusy(
                    f"a job is at work in the target of {environment.name}, or somebody else has claimed it meanwhile",
                    next_steps=(f"GET /jobs?environment={environment.name}",),
                )
        return Guarded(environment, protection_of(environment, await self._targets.read(environment)))

    def _named(self, name: str) -> Environment:
        self._submission.refuse_when_read_only()
        return self._environments.named(name)

    async def _refuse_other(self, environment: Environment) -> None:
        recorded = (await self._targets.read(environment)).environment
        if not environment.answers_to(recorded):
            raise EnvironmentProtected(
                f"this database was set up as {recorded}; it is not for {environment.name} to unlock",
                facts={"recorded": recorded, "configured": environment.name},
                next_steps=(f'POST /environments/{environment.name}/claim {{"confirm": "{recorded}"}}',),
            )


def _deed(action: str, environment: Environment, note: str | None, origin: Origin) -> Deed:
    return Deed(origin, action, environment.name, detail={"note": note})


def _refuse_unconfirmed(expected: str, given: str | None, what: str) -> None:
    if given != expected:
        raise ConfirmationRequired(
            f"this {what}; type {expected} in `confirm` to say that you mean it",
            facts={"confirm": expected},
            next_steps=(f'send the same with {{"confirm": "{expected}"}}',),
        )
