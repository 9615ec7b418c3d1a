"""What has to be true elsewhere, and of the hour, before a migration may run here; and what a sync brings.

The procedure of a sync: refuse files that contradict each other and what disagrees here, as a run does; take what the
source has completed and this environment has not, in the order of the files; hold back everything from the first one
on that is not ready. What this environment has beyond the source is said, and left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.divergence import Divergence
from app.domain.environment import Environment
from app.domain.errors import ConflictsOpen, NotPromoted, OutsideWindow
from app.domain.job import JobRequest, OutsideWindows
from app.domain.ledger import History, LedgerEntry, Status
from app.domain.migration import Catalog, Migration
from app.domain.plan import needed_for, ordered_or_refused, refuse_disagreements
from app.domain.problem import Problem
from app.domain.step import Plan, Step, step_up
from app.domain.windows import closed_at, said_duration

MOST_NAMED = 10
HELD_BACK = "held back: "


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a decision needs to know beside files and ledger: when it is for, and what other environments have."""

    at: datetime
    histories: Mapping[str, History] = field(default_factory=dict)


def refuse_unpromoted(environment: Environment, steps: Sequence[Step], around: Surroundings) -> None:
    """Raises NotPromoted with each step that is not ready to come here."""
    found = [problem for step in steps if (problem := unready(environment, step, around)) is not None]
    if not found:
        return
    ready = [step.name for step in steps[: _place(steps, found[0])]][-1:]
    raise NotPromoted(
        f"{found[0].message}{_and_more(len(found))}; nothing was run",
        tuple(found),
        facts={"environment": environment.name, "requires": list(environment.requires)},
        next_steps=(
            *(f'POST /migrations/run?environment={environment.name} {{"to": "{name}"}}' for name in ready),
            *_ways_there(environment, steps, around),
        ),
    )


def _ways_there(environment: Environment, steps: Sequence[Step], around: Surroundings) -> Iterator[str]:
    """To run it where it has not been; to settle which file it is; or just to wait, where it stands there already."""
    for name in environment.requires:
        there = [around.histories[name].by_name.get(step.name) for step in steps]
        done = [(step, one) for step, one in zip(steps, there, strict=True) if _is_completed(one)]
        if len(done) < len(steps):
            yield f"POST /migrations/run?environment={name}"
        if any(one.token_checksum != step.checksum.token for step, one in done if one is not None):
            yield f"GET /environments/compare?from={name}&to={environment.name}"
    soaked = [_soaked(environment, name, step, around) for name in environment.requires for step in steps]
    latest = max((one for one in soaked if one is not None and one > around.at), default=None)
    if latest is not None:
        yield f"not before {latest.isoformat()}: POST /migrations/run?environment={environment.name}"


def unready(environment: Environment, step: Step, around: Surroundings) -> Problem | None:
    """Why a migration may not run here yet: not completed where it must be, as another file, or not for long enough."""
    for name in environment.requires:
        message = _unready_in(environment, name, step, around)
        if message is not None:
            return Problem("not_promoted", message, migration=step.name)
    return None


def _unready_in(environment: Environment, name: str, step: Step, around: Surroundings) -> str | None:
    wanted = f"which {environment.name} requires"
    entry = around.histories[name].by_name.get(step.name)
    if entry is None or not _is_completed(entry):
        state = "" if entry is None else f" (it is {entry.status} there)"
        return f"{step.name} is not completed in {name}, {wanted}{state}"
    if entry.token_checksum != step.checksum.token:
        return f"{step.name} was completed in {name}, {wanted}, as another file than this one"
    ready = _soaked(environment, name, step, around)
    if ready is not None and ready > around.at:
        soak = said_duration(environment.soak)
        return f"{step.name} has to stand in {name} for {soak} before it may run here: not before {ready.isoformat()}"
    return None


def _is_completed(entry: LedgerEntry | None) -> bool:
    return entry is not None and entry.status is Status.COMPLETED


def _soaked(environment: Environment, name: str, step: Step, around: Surroundings) -> datetime | None:
    """From when on it has stood there for long enough; None where it does not, or nothing is asked of it."""
    entry = around.histories[name].by_name.get(step.name)
    if entry is None or not _is_completed(entry) or not environment.soak:
        return None
    # not since it was applied: its text may have been accepted as another one since
    return entry.updated_at + environment.soak


def refuse_outside_window(environment: Environment, plan: Plan, around: Surroundings) -> None:
    """Raises OutsideWindow. Where there is nothing to run there is nothing to wait for."""
    closed = closed_at(environment.windows, around.at) if plan.steps else None
    if closed is not None:
        raise OutsideWindow(
            f"{environment.name} may not be changed now: {closed.said()}",
            facts={
                "environment": environment.name,
                "rule": closed.why,
                "opensAt": None if closed.opens_at is None else closed.opens_at.isoformat(),
            },
            next_steps=()
            if closed.opens_at is None
            else ('send the same with "outsideWindow": "queue" to have it run then',),
        )


def plan_sync(
    environment: Environment, catalog: Catalog, history: History, source: str, around: Surroundings, to: str | None
) -> Plan:
    """What `source` has completed and this environment has not, as far as it is ready, up to and with `to`.

    Raises MigrationsInvalid, ConflictsOpen or NotFound.
    """
    ordered = ordered_or_refused(catalog)
    theirs = around.histories[source]
    divergences = refuse_disagreements(ordered, history, environment.out_of_order)
    wanted = [one for one in ordered if theirs.is_applied(one.name) and not history.is_applied(one.name)]
    if to is not None:
        wanted = needed_for(ordered, wanted, to)
    _refuse_disagreements(environment, source, wanted, ordered, history, theirs)
    steps = [step_up(migration) for migration in wanted]
    ready = _ready(environment, steps, around)
    remarks = (*_held_back(environment, steps[ready:], around), *_ahead(environment, source, history, theirs))
    return Plan(tuple(steps[:ready]), _about(divergences, steps[:ready]), remarks)


def _refuse_disagreements(
    environment: Environment,
    source: str,
    wanted: Sequence[Migration],
    ordered: Sequence[Migration],
    history: History,
    theirs: History,
) -> None:
    files = {str(migration.name) for migration in ordered}
    found = [
        *_other_files(source, wanted, theirs),
        *_gone_files(source, files, history, theirs),
        *_other_here(source, environment, history, theirs),
        *_broken_chain(source, environment, wanted, history),
    ]
    if found:
        raise ConflictsOpen(
            f"{found[0].message}{_and_more(len(found))}; nothing was run",
            tuple(found),
            next_steps=(f"GET /environments/compare?from={source}&to={environment.name}",),
        )


def _other_files(source: str, wanted: Sequence[Migration], theirs: History) -> list[Problem]:
    return [
        Problem(
            "checksum_mismatch",
            f"{one.name} was completed in {source} as another file than this one; put that file back",
            migration=one.name,
            file=one.file,
        )
        for one in wanted
        if theirs.by_name[one.name].token_checksum != one.checksum.token
    ]


def _gone_files(source: str, files: set[str], history: History, theirs: History) -> list[Problem]:
    return [
        Problem(
            "missing_file",
            f"{entry.name} is completed in {source}, and no file defines it; put the file back",
            migration=entry.name,
        )
        for entry in theirs.applied
        if entry.name not in files and not history.is_applied(entry.name)
    ]


def _other_here(source: str, environment: Environment, history: History, theirs: History) -> list[Problem]:
    return [
        Problem(
            "diverged",
            f"{entry.name} was completed in {environment.name} and in {source} as two different files; "
            f"roll it back in one of them and run it again",
            migration=entry.name,
        )
        for entry in history.applied
        if theirs.is_applied(entry.name) and theirs.by_name[entry.name].token_checksum != entry.token_checksum
    ]


def _broken_chain(
    source: str, environment: Environment, wanted: Sequence[Migration], history: History
) -> list[Problem]:
    """A source that was marked by hand may have what depends on something it has not."""
    brought = {one.name for one in wanted}
    return [
        Problem(
            "missing_dependency",
            f"{one.name} depends on {needed}, which is completed neither in {source} nor in {environment.name}",
            migration=one.name,
            file=one.file,
        )
        for one in wanted
        for needed in one.dependencies
        if needed not in brought and not history.is_applied(needed)
    ]


def _ready(environment: Environment, steps: Sequence[Step], around: Surroundings) -> int:
    """How many of the steps, from the first one on: what comes later never overtakes what is held back."""
    for at, step in enumerate(steps):
        if unready(environment, step, around) is not None:
            return at
    return len(steps)


def _held_back(environment: Environment, held: Sequence[Step], around: Surroundings) -> list[str]:
    if not held:
        return []
    why = unready(environment, held[0], around)
    assert why is not None
    behind = f"; with it wait {_names([step.name for step in held[1:]])}" if len(held) > 1 else ""
    return [f"{HELD_BACK}{why.message}{behind}"]


def _ahead(environment: Environment, source: str, history: History, theirs: History) -> list[str]:
    extra = [entry.name for entry in history.applied if not theirs.is_applied(entry.name)]
    if not extra:
        return []
    return [
        f"{environment.name} is ahead of {source} by {_names(extra)}, which a sync leaves alone: run "
        f"{'it' if len(extra) == 1 else 'them'} in {source}, or roll back in {environment.name}"
    ]


def _about(divergences: tuple[Divergence, ...], steps: Sequence[Step]) -> tuple[Divergence, ...]:
    """Notices about files that are not brought are none of this plan's."""
    brought = {step.name for step in steps}
    return tuple(one for one in divergences if brought.intersection(one.migrations))


def _place(steps: Sequence[Step], problem: Problem) -> int:
    return next(at for at, step in enumerate(steps) if step.name == problem.migration)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"


def _and_more(number: int) -> str:
    return "" if number == 1 else f" (and {number - 1} more)"


def opening(environment: Environment, request: JobRequest, now: datetime) -> datetime | None:
    """When a request may go on that would wait for its window; None where it need not, or would not."""
    waits = request.kind.goes_up and request.outside_window is OutsideWindows.QUEUE
    closed = closed_at(environment.windows, now) if waits else None
    return None if closed is None else closed.opens_at
