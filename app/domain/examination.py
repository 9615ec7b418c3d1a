"""Every hazard of a plan, found from its files and from what was seen of them, and which still need consent.

The procedure: go through the steps in their order; ask each rule about each statement, telling it what the plan has
made so far; add what the linter says, and what only a dry run has seen; mark what a file allows, and note what it
allows for nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.domain.allowances import allowed_in
from app.domain.blocks import written_in
from app.domain.dry_run import DryRun, untold
from app.domain.environment import Protection
from app.domain.hazard_kinds import KINDS
from app.domain.hazard_rules import rules_for
from app.domain.hazard_rules.rule import Found, Scene
from app.domain.hazards import Hazard, HazardCode, asks, covering
from app.domain.lint import LintFinding, hazards_of
from app.domain.migration import Body, Direction, PythonScript, SqlScript
from app.domain.progress import Progress
from app.domain.removals import Removal
from app.domain.step import Deed, Step
from app.domain.taking import removals_of
from app.domain.words import Stated, shown, stated_in


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the target, as far as somebody has looked; nothing of it is needed.

    `created`: tables that are not in use yet. `column_types`: by table (with its schema) and column, as
    `format_type` spells them. `not_null`: columns that a validated CHECK proves to hold no NULL.
    """

    created: frozenset[str] = frozenset()
    column_types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    not_null: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Unused:
    """A hazard that a file allows and does not have: `line` of the file, 1-based."""

    code: HazardCode
    migration: str
    file: str
    line: int

    def said(self) -> str:
        return f"{self.file}:{self.line} allows {self.code}, which nothing there has; remove the line"


@dataclass(frozen=True, slots=True)
class FoundHazards:
    """`removals`: what the plan takes away; whether it can be kept is for the target to say."""

    hazards: tuple[Hazard, ...] = ()
    unused: tuple[Unused, ...] = ()
    removals: tuple[Removal, ...] = ()


class Consent(StrEnum):
    """Who has said that a hazard may be taken."""

    FILE = "file"
    REQUEST = "request"
    ENVIRONMENT = "environment"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Judged:
    """`consent` None: nobody has."""

    hazard: Hazard
    consent: Consent | None


@dataclass(frozen=True, slots=True)
class Consents:
    judged: tuple[Judged, ...] = ()

    @property
    def lacking(self) -> tuple[Hazard, ...]:
        return tuple(one.hazard for one in self.judged if one.consent is None)

    @property
    def lacking_codes(self) -> tuple[HazardCode, ...]:
        """Each once, in the order in which they are met."""
        return tuple(dict.fromkeys(hazard.code for hazard in self.lacking))

    @property
    def flag(self) -> str:
        """What to type to consent to all that is lacking; '' when nothing is."""
        return f"--allow-hazards {','.join(self.lacking_codes)}" if self.lacking_codes else ""


def examine(
    steps: Sequence[Step],
    known: Known | None = None,
    lint: Mapping[SqlScript, Sequence[LintFinding]] | None = None,
    tried: Mapping[str, DryRun] | None = None,
) -> FoundHazards:
    """`steps` in the order in which they will run; `lint`: what the linter has found, as far as it was asked.

    `tried`: by name, what going up did where just these files were tried.
    """
    known, lint, tried = known or Known(), lint or {}, tried or {}
    progress = Progress(created=set(known.created), not_null=set(known.not_null))
    hazards: list[Hazard] = []
    unused: list[Unused] = []
    made: set[str] = set()
    removals = removals_of(steps, known.created, tried)
    taking = {one.migration for one in removals}
    for step in steps:
        if step.deed is not Deed.EXECUTED or step.body is None:
            continue
        dry_run = tried.get(step.name) if step.direction is Direction.UP else None
        # of the steps before it: what it makes itself may take the place of what it has dropped
        unused_yet = frozenset() if dry_run is None else progress.created | made
        if isinstance(step.body, PythonScript):
            found = [_unseen(step, step.body)]
        else:
            advice = hazards_of(step.name, step.body, lint.get(step.body, ()))
            found = [*_of_script(step, step.body, known, progress), *advice]
        if dry_run is not None:
            found += untold(step, dry_run, found, unused_yet)
            made |= set(dry_run.made)
        marked, left = _with_allowances(step, step.body, found)
        hazards += marked
        if step.name in taking:
            left = [one for one in left if one.code is not HazardCode.DATA_LOSS]
        # of what nobody has read or tried nobody knows what it has
        if dry_run is not None or all(one.code is not HazardCode.UNSEEN_STATEMENTS for one in found):
            unused += left
    return FoundHazards(tuple(hazards), tuple(unused), removals)


def required_consent(
    hazards: Sequence[Hazard], consent: Collection[str], allowed: Collection[str], protection: Protection
) -> Consents:
    """Who consents to each hazard. `consent`: the environment's list, `allowed`: the request's, both of known codes.

    Under a protection that does not ask for a kind it counts as consented, and is listed all the same.
    """
    return Consents(tuple(Judged(hazard, _consent_to(hazard, consent, allowed, protection)) for hazard in hazards))


def with_reason(hazard: Hazard, script: Body) -> Hazard:
    """With the reason that its file gives for it, if it does."""
    given = allowed_in(script)
    reasons = [given[code].reason for code in covering(hazard.code) if code in given]
    return replace(hazard, allowed=reasons[0]) if reasons else hazard


def _consent_to(
    hazard: Hazard, consent: Collection[str], allowed: Collection[str], protection: Protection
) -> Consent | None:
    if hazard.allowed is not None:
        return Consent.FILE
    if not set(covering(hazard.code)).isdisjoint(allowed):
        return Consent.REQUEST
    if not set(covering(hazard.code)).isdisjoint(consent):
        return Consent.ENVIRONMENT
    return None if asks(KINDS[hazard.code], protection) else Consent.NOT_ASKED


def _unseen(step: Step, script: PythonScript) -> Hazard:
    kind = KINDS[HazardCode.UNSEEN_STATEMENTS]
    happens = "A migration in Python makes its statements while it runs, so nobody has judged them."
    return Hazard(
        HazardCode.UNSEEN_STATEMENTS, step.name, script.file, None, None, step.name, happens, kind.to_do, kind.risk
    )


def _of_script(step: Step, script: SqlScript, known: Known, progress: Progress) -> Iterator[Hazard]:
    stated = stated_in(script)
    for one in stated:
        scene = _scene(script, stated, known, progress)
        yield from _of_statement(step, script, one, scene)
        if one.verb == "DO":
            # what it makes it may make under a condition, so the plan does not count it as made
            for written in written_in(one.statement):
                yield from _of_statement(step, script, Stated(written, one.index), scene)
        progress.pass_over(one)
    progress.end_script()


def _of_statement(step: Step, script: SqlScript, stated: Stated, scene: Scene) -> Iterator[Hazard]:
    for rule in rules_for(stated.verb):
        for found in rule.judge(stated, scene):
            yield _hazard(step, script, stated, found)


def _scene(script: SqlScript, stated: tuple[Stated, ...], known: Known, progress: Progress) -> Scene:
    # the sets themselves: a scene is looked at before anything is added to them
    return Scene(
        created=progress.created,
        column_types=known.column_types,
        checked=progress.checked,
        not_null=progress.not_null,
        script=stated,
        transactional=script.transactional,
    )


def _hazard(step: Step, script: SqlScript, stated: Stated, found: Found) -> Hazard:
    kind = KINDS[found.code]
    return Hazard(
        code=found.code,
        migration=step.name,
        file=script.file,
        statement=stated.index,
        line=stated.statement.line + script.line - 1,
        object=shown(found.object),
        happens=found.happens or kind.happens,
        to_do=found.to_do or kind.to_do,
        risk=found.risk or kind.risk,
    )


def _with_allowances(step: Step, script: Body, found: list[Hazard]) -> tuple[list[Hazard], list[Unused]]:
    above = 0 if isinstance(script, PythonScript) else script.line - 1
    met = {code for one in found for code in covering(one.code)}
    return [with_reason(one, script) for one in found], [
        Unused(code, step.name, script.file, one.line + above)
        for code, one in allowed_in(script).items()
        if code not in met
    ]
