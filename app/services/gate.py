"""HazardGate: nothing that needs consent passes without it, at submission and again under the fence.

What the files say is not all of it: the target says of which types columns are, and what of that which a plan takes
away can be kept. Where nothing is taken and nothing is lacking nobody looks there.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from app.domain.consent import notices_of, refuse_lacking
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, HazardNotAllowed
from app.domain.examination import Consents, FoundHazards, Known, Unused, examine, required_consent
from app.domain.foresight import settled
from app.domain.hazards import HazardCode, Risk, highest
from app.domain.job import JobRequest
from app.domain.keeping import Keeping, keeping_of
from app.domain.known import known_of
from app.domain.ledger import History
from app.domain.lint import PG_VERSION, Linted, LintFinding
from app.domain.migration import Catalog, SqlScript
from app.domain.pinned import Pinned
from app.domain.proof import NO_PROOFS, KnownProofs, dry_runs_of
from app.domain.removals import Removal
from app.domain.step import Deed, Plan, Step, step_up
from app.ports import Linter, Schemas, Surveys, TargetSession, TargetView
from app.services.planning import protection_of

MOST_KEPT = 16
LOOKS = 4
AT_ONCE = 100
MOST_EXAMINED_AHEAD = 2_000
MOST_LINTED_AHEAD = 200
"""Every process of the API lints for itself; a plan has the rest linted when it needs them."""


_NOTHING = Keeping()


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known beside the files. `known` None: nobody has looked at the schema.

    `keeping`: of what `removals` take.
    """

    proofs: KnownProofs
    known: Known | None = None
    removals: tuple[Removal, ...] = ()
    keeping: Keeping = _NOTHING


@dataclass(frozen=True, eq=False)
class _Risks:
    """What was `found` of these files, and what the linter had said by then."""

    catalog: Catalog
    steps: Sequence[Step]
    scripts: Sequence[SqlScript]
    linted: Linted | None = None
    found: Mapping[str, Risk] = field(default_factory=dict)


class _NotForeseen(Exception):
    """The plan that was made takes away what nobody has looked at yet."""

    def __init__(self, plan: Plan, removals: tuple[Removal, ...]) -> None:
        super().__init__()
        self.plan = plan
        self.removals = removals


class HazardGate:
    """`keep_bytes`: how large one set of kept rows may be."""

    def __init__(self, schemas: Schemas, linter: Linter, surveys: Surveys, keep_bytes: int) -> None:
        self._schemas = schemas
        self._linter = linter
        self._surveys = surveys
        self._keep_bytes = keep_bytes
        self._kept: OrderedDict[object, FoundHazards] = OrderedDict()
        self._risks: _Risks | None = None
        self._versions: set[str] = set()

    async def admit(
        self,
        request: JobRequest,
        environment: Environment,
        plan: Plan,
        view: TargetView,
        proofs: KnownProofs = NO_PROOFS,
    ) -> tuple[Unused, ...]:
        """What the files allow for nothing. Raises HazardNotAllowed, after a look at the schema where that may help."""
        found = self._examined(plan, view, Facts(proofs))
        facts = await self._foreseen(environment, plan, found.removals, Facts(proofs))
        try:
            self._refuse(request, environment, plan, view, facts)
        except HazardNotAllowed:
            facts = replace(facts, known=await self._look_again(environment))
            self._refuse(request, environment, plan, view, facts)
        return self._examined(plan, view, facts).unused

    async def pin(
        self,
        session: TargetSession,
        request: JobRequest,
        environment: Environment,
        plan: Callable[[TargetView], Plan],
        proofs: KnownProofs = NO_PROOFS,
    ) -> tuple[Pinned, History]:
        """Under the fence: pin the plan, with what was consented to among its notices. Raises as `admit`."""

        def consented(view: TargetView, facts: Facts) -> Plan:
            made = plan(view)
            removals = self._examined(made, view, facts).removals
            if removals != facts.removals:
                raise _NotForeseen(made, removals)
            consents = notices_of(self._refuse(request, environment, made, view, facts))
            return replace(made, remarks=(*made.remarks, *consents))

        facts = Facts(proofs)
        for _ in range(LOOKS):
            try:
                return await session.pin(partial(consented, facts=facts))
            except _NotForeseen as unlooked:
                facts = await self._foreseen(environment, unlooked.plan, unlooked.removals, facts)
            except HazardNotAllowed:
                if facts.known is not None:
                    raise
                facts = replace(facts, known=await self._look_again(environment) or Known())
        raise AssertionError("the files say something else each time they are read")

    async def keeping(self, environment: Environment, steps: Sequence[Step], removals: Sequence[Removal]) -> Keeping:
        """What would be kept of that which `removals` take, and what is lost. Raises BackendUnavailable."""
        if not removals:
            return _NOTHING
        holdings = await self._surveys.holdings(environment, removals)
        return keeping_of(steps, removals, holdings, self._keep_bytes)

    async def known(self, environment: Environment) -> Known:
        """What the schema tells. Raises BackendUnavailable."""
        return known_of(await self._schemas.read(environment))

    async def lint(self, steps: Sequence[Step], pg_version: str) -> Linted:
        """What the linter says of the steps' scripts, looking where it has to."""
        return await self._linter.lint(scripts_of(steps), pg_version)

    async def risks(self, catalog: Catalog) -> Mapping[str, Risk]:
        """The highest of each migration on its way up, by itself, and as far as it has been linted."""
        last = self._risks
        if last is None or last.catalog is not catalog:
            steps = tuple(step_up(one) for one in catalog.migrations)
            last = _Risks(catalog, steps, scripts_of(steps))
        linted = self._linter.known(last.scripts, max(self._versions, default=PG_VERSION))
        if last.linted != linted:
            found = await asyncio.to_thread(_risks_of, last.steps, linted.by_script(last.scripts))
            last = replace(last, linted=linted, found=found)
            self._risks = last
        return last.found

    async def examine_ahead(self, catalog: Catalog) -> None:
        """Look at files that nobody has asked about yet. In parts: the loop belongs to requests."""
        for part in _newest(catalog, MOST_EXAMINED_AHEAD):
            examine(part)
            await asyncio.sleep(0)

    async def lint_ahead(self, catalog: Catalog) -> None:
        """Have them linted too, for the servers that were seen. A linter that cannot look is not asked again."""
        for part in _newest(catalog, MOST_LINTED_AHEAD):
            for version in sorted(self._versions or {PG_VERSION}):
                if (await self.lint(part, version)).notice is not None:
                    return

    async def _look_again(self, environment: Environment) -> Known | None:
        try:
            return await self.known(environment)
        except BackendUnavailable:
            return None

    async def _foreseen(
        self, environment: Environment, plan: Plan, removals: tuple[Removal, ...], facts: Facts
    ) -> Facts:
        """Where nobody can look the keeper decides, while the step runs: nothing goes without consent either way."""
        try:
            keeping = await self.keeping(environment, plan.steps, removals)
        except BackendUnavailable:
            keeping = _NOTHING
        return replace(facts, removals=removals, keeping=keeping)

    def _refuse(
        self, request: JobRequest, environment: Environment, plan: Plan, view: TargetView, facts: Facts
    ) -> Consents:
        found = settled(self._examined(plan, view, facts), plan.steps, facts.keeping)
        protection = protection_of(environment, view)
        verdict = required_consent(found.hazards, environment.consent, request.allow_hazards, protection)
        refuse_lacking(request, verdict)
        return verdict

    def _examined(self, plan: Plan, view: TargetView, facts: Facts) -> FoundHazards:
        """The same files are planned again with every request: what was found is kept by the scripts themselves."""
        version = version_of(view)
        self._versions.add(version)
        scripts = scripts_of(plan.steps)
        linted = self._linter.known(scripts, version)
        key = (tuple((step.name, step.deed, step.body) for step in plan.steps), linted.verdicts, facts.proofs)
        if facts.known is None and key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = examination_of(plan.steps, linted, facts.known, facts.proofs)
        if facts.known is None:
            self._kept[key] = found
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found


def _risks_of(steps: Sequence[Step], advice: Mapping[SqlScript, Sequence[LintFinding]]) -> Mapping[str, Risk]:
    return {one.name: highest(examine((one,), None, advice).hazards) for one in steps}


def _newest(catalog: Catalog, most: int) -> Iterator[Sequence[Step]]:
    """In parts. What is pending is among the newest, but for a database that is set up anew."""
    newest = sorted(catalog.migrations, key=lambda migration: migration.sort_key)[-most:]
    steps = [step_up(migration) for migration in newest]
    return (steps[at : at + AT_ONCE] for at in range(0, len(steps), AT_ONCE))


def examination_of(steps: Sequence[Step], linted: Linted, known: Known | None, proofs: KnownProofs) -> FoundHazards:
    """An `allow LINT` of a file that the linter has not seen may well be used."""
    scripts = scripts_of(steps)
    found = examine(steps, known, linted.by_script(scripts), dry_runs_of(steps, proofs))
    unseen = {script.file for script, verdict in zip(scripts, linted.verdicts, strict=True) if verdict is None}
    if not unseen:
        return found
    sure = tuple(one for one in found.unused if one.code is not HazardCode.LINT or one.file not in unseen)
    return replace(found, unused=sure)


def scripts_of(steps: Sequence[Step]) -> list[SqlScript]:
    return [step.body for step in steps if step.deed is Deed.EXECUTED and isinstance(step.body, SqlScript)]


def version_of(view: TargetView) -> str:
    """Of the target's server, as linters write it."""
    return PG_VERSION if view.server_major is None else f"{view.server_major}.0"
