"""Verdicts in memory."""

from dataclasses import replace
from types import MappingProxyType

from app.domain.proof import KnownProofs, Proof, Verdict
from app.ports import Clock


class MemoryProofs:
    """Implements ports.Proofs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, KnownProofs] = {}
        self.asked = 0

    async def put(self, proof: Proof) -> Proof:
        known = self._known.get(proof.environment, KnownProofs())
        before = known.by_key.get(proof.key)
        if before is not None and Verdict.NOT_CHECKED is proof.verdict is not before.verdict:
            return before
        kept = replace(proof, checked_at=self._clock.now())
        self._known[proof.environment] = KnownProofs(MappingProxyType({**known.by_key, proof.key: kept}))
        return kept

    async def of(self, environment: str) -> KnownProofs:
        self.asked += 1
        return self._known.setdefault(environment, KnownProofs())
