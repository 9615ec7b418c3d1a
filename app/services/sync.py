"""EnvironmentSyncService: where every migration stands in each environment, and how environments differ."""

import asyncio
import difflib
from collections.abc import Sequence
from dataclasses import replace

from app.domain.axes import Standing
from app.domain.comparison import Comparison
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, NotFound, ValidationFailed
from app.domain.matrix import Matrix, matrix_of
from app.domain.problem import Problem
from app.domain.proof import NO_PROOFS, KnownProofs
from app.domain.standing import MigrationStatus
from app.domain.whole import counterparts, merged
from app.ports import Proofs
from app.services.comparing import Comparer
from app.services.environments import Environments
from app.services.gate import HazardGate
from app.services.overview import Overview, Sided

COMPARED_AT_ONCE = 4


class EnvironmentSyncService:
    """Reads only: what it says of targets is what they say now, and nothing is written to them.

    Of an environment with several targets it shows the worst.
    """

    def __init__(
        self, environments: Environments, overview: Overview, comparer: Comparer, proofs: Proofs, gate: HazardGate
    ) -> None:
        self._environments = environments
        self._overview = overview
        self._comparer = comparer
        self._proofs = proofs
        self._gate = gate
        self._last: dict[str, tuple[Sided, KnownProofs, tuple[MigrationStatus, ...]]] = {}
        self._merged: dict[str, tuple[Sequence[tuple[MigrationStatus, ...]], tuple[MigrationStatus, ...]]] = {}

    async def migrations(self, environment_name: str) -> tuple[MigrationStatus, ...]:
        """Every migration, in the order it runs; what no file defines any more comes first.

        Raises NotFound for the environment, BackendUnavailable when its target cannot be read.
        """
        environment = self._environments.configured(environment_name)
        each = await asyncio.gather(*(self._of_target(one) for one in environment.each()))
        return self._whole(environment, each) if environment.targets else each[0]

    async def migration(self, environment_name: str, name: str) -> MigrationStatus:
        """Raises NotFound with the nearest names."""
        every = await self.migrations(environment_name)
        for status in every:
            if status.name == name:
                return status
        near = difflib.get_close_matches(name, [status.name for status in every], n=3)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(
            f"there is no migration {name!r} in {environment_name}{meant}",
            facts={"didYouMean": near},
            next_steps=("GET /migrations",),
        )

    async def standing(self, environment_name: str) -> Standing:
        """The three axes of one environment; of a target that cannot be read it says why.

        Raises NotFound, or BackendUnavailable for the control database.
        """
        if (removed := self._environments.removed.get(environment_name)) is not None:
            return (await self._overview.removed((removed,)))[0]
        return await self._overview.one(self._environments.configured(environment_name))

    async def standings(self) -> tuple[Standing, ...]:
        """Of all environments at once; whoever does not answer in time is left unknown. Raises as `standing`."""
        return (await self._overview.many(self._environments.all())).standings

    async def left_out(self) -> tuple[Standing, ...]:
        """Of those that are no longer in liftlock.toml. Raises as `standing`."""
        return await self._overview.removed(self._environments.removed.values())

    async def matrix(self) -> Matrix:
        """Raises BackendUnavailable for the control database."""
        glance = await self._overview.many(self._environments.all())
        risks = await self._gate.risks(glance.catalog)
        return await asyncio.to_thread(matrix_of, glance.catalog, glance.standings, risks)

    async def compare(self, source: str, target: str, *, strict: bool) -> tuple[Comparison, ...]:
        """`target` held against `source`; `strict`: with owners, grants and versions of collations.

        Of several targets each, in their order; where both sides have several, with the one of the same name.
        Raises NotFound, or ValidationFailed where both are one.
        """
        sources, targets = self._environments.each(source), self._environments.each(target)
        pairs = [(other, one) for one in targets for other in counterparts(one, sources)]
        if source == target or not pairs:
            message = f"`from` and `to` are both {source!r}; name two environments"
            raise ValidationFailed(message, (Problem("contradiction", message, parameter="to"),))
        places = asyncio.Semaphore(COMPARED_AT_ONCE)

        async def compared(pair: tuple[Environment, Environment]) -> Comparison:
            async with places:
                return await self._comparer.compare(*pair, strict=strict)

        return tuple(await asyncio.gather(*map(compared, pairs)))

    async def _of_target(self, environment: Environment) -> tuple[MigrationStatus, ...]:
        sided, proofs = await asyncio.gather(self._overview.sided(environment), self._known_proofs(environment.name))
        return self._kept(sided, proofs)

    def _whole(
        self, environment: Environment, each: Sequence[tuple[MigrationStatus, ...]]
    ) -> tuple[MigrationStatus, ...]:
        """The same answer as the same object, while those of its targets are."""
        last = self._merged.get(environment.name)
        if last is not None and len(last[0]) == len(each) and all(a is b for a, b in zip(last[0], each, strict=True)):
            return last[1]
        found = merged(environment.name, each)
        self._merged[environment.name] = (tuple(each), found)
        return found

    async def _known_proofs(self, environment: str) -> KnownProofs:
        """While the control database is away, those that were known before: files and ledger can still be shown."""
        try:
            return await self._proofs.of(environment)
        except BackendUnavailable:
            last = self._last.get(environment)
            return NO_PROOFS if last is None else last[1]

    def _kept(self, sided: Sided, proofs: KnownProofs) -> tuple[MigrationStatus, ...]:
        """The same answer for the same files, the same ledger and the same proofs, as the same object."""
        name = sided.environment.name
        last = self._last.get(name)
        if last is not None and last[0] is sided and last[1] is proofs:
            return last[2]
        statuses = tuple(_with_proof(one, proofs) for one in sided.statuses)
        self._last[name] = (sided, proofs, statuses)
        return statuses


def _with_proof(status: MigrationStatus, proofs: KnownProofs) -> MigrationStatus:
    """Of the file where there is one, else of the text that was applied."""
    proof = proofs.of(status.name, status.checksum or status.applied_checksum)
    return status if proof is None else replace(status, proof=proof)
