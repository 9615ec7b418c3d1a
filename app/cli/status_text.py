"""Where environments and migrations stand, as lines for a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.cli.out import COLOURS, Out, cut, sign
from app.cli.times import ago, clock

if TYPE_CHECKING:
    from app.client.documents.environments import Environment, JobGlimpse, Matrix, MatrixRow
    from app.client.documents.migrations import Migration

KEPT_SETTLED = 3
"""Of those that are applied everywhere, the newest few are shown all the same."""
SHORT = {"development": "DEV", "production": "PROD"}
MOST_NAME, LEAST_NAME = 48, 16


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` before it is painted; `hint`: what to type about it."""

    text: str
    state: str
    hint: str | None = None


def status_lines(out: Out, matrix: "Matrix", folder: str, now: datetime, *, everything: bool) -> Iterator[str]:
    """All environments: three axes each, then the migrations that are not applied everywhere, and the newest few."""
    environments = matrix.environments
    many = f"{len(environments)} environment{'s' * (len(environments) != 1)}"
    yield _heading(out, f"{folder} · {len(matrix.migrations)} migrations · {many}", now)
    yield ""
    yield from _axes(out, environments, now)
    yield ""
    yield from _migrations(out, matrix, everything=everything)
    yield from _pending(out, environments)
    yield from removed_lines(out, matrix.removed)
    yield from unusable_lines(out, matrix.unusable)


def listing_lines(out: Out, environment: "Environment", listed: "Sequence[Migration]", now: datetime) -> Iterator[str]:
    """One environment, with all of its migrations and what is the matter with each."""
    yield _heading(out, f"{environment.name} · {len(listed)} migrations · {environment.protection}", now)
    yield ""
    yield from _axes(out, (environment,), now)
    yield ""
    wide = max((len(one.version) for one in listed), default=7)
    long = _name_width(out, [one.name for one in listed], max(7, wide) + 44)
    yield out.paint(f"  {'VERSION':<{max(7, wide)}}  {'NAME':<{long}}  {'STATE':<14} {'APPLIED':<12} UNDO", dim=True)
    for one in listed:
        state = out.paint(f"{sign(one.state)} {one.state.replace('_', ' ')}".ljust(14), COLOURS.get(one.state))
        applied = "-" if one.applied_at is None else ago(one.applied_at, now)
        undo = one.undo.replace("_", " ")
        yield f"  {one.version:<{max(7, wide)}}  {cut(one.name, long):<{long}}  {state} {applied:<12} {undo}"
        yield from (f"      {out.paint(cut(why, out.width - 6), dim=True)}" for why in _why(one))
    yield from _pending(out, (environment,))


def removed_lines(out: Out, environments: "Sequence[Environment]") -> Iterator[str]:
    """Those that are no longer in liftlock.toml, and what to type where that is meant."""
    for one in environments:
        if one.removed is not None:
            yield from out.wrapped(f"{sign('removed')} {one.removed.message}:")
            yield f"  {out.paint(f'liftlock env rm {one.name} --confirm {one.name}', 'cyan')}"


def unusable_lines(out: Out, environments: "Sequence[Environment]") -> Iterator[str]:
    """Those that are registered and name what is not there, and how that is put right."""
    for one in environments:
        yield from out.wrapped(f"{sign('unusable')} {one.unusable}:")
        yield f"  {out.paint(f'liftlock env put {one.name} --set KEY=VALUE', 'cyan')}"


def _heading(out: Out, said: str, now: datetime) -> str:
    at = f"{clock(now)} UTC"
    gap = max(2, min(out.width, 100) - len(said) - len(at))
    return f"{out.paint(said, bold=True)}{' ' * gap}{out.paint(at, dim=True)}"


def _axes(out: Out, environments: "Sequence[Environment]", now: datetime) -> Iterator[str]:
    """A column an environment; where there are too many for the terminal, one line an environment."""
    cells = [_cells(one, now) for one in environments]
    widths = [
        max(len(one.name), *(len(cell.text) for cell in column))
        for one, column in zip(environments, cells, strict=True)
    ]
    if 13 + sum(width + 2 for width in widths) > out.width and len(environments) > 1:
        yield from _one_a_line(out, environments, cells)
        return
    heads = "  ".join(one.name.upper().ljust(width) for one, width in zip(environments, widths, strict=True))
    yield out.paint(f"{'':<13}{heads}".rstrip(), dim=True)
    for at, name in enumerate(("sync", "drift", "last job")):
        row = [column[at] for column in cells]
        painted = "  ".join(
            out.paint(cell.text.ljust(width), COLOURS.get(cell.state)) for cell, width in zip(row, widths, strict=True)
        )
        hint = next((cell.hint for cell in row if cell.hint), None)
        room = 13 + sum(width + 2 for width in widths) + len(hint or "") <= out.width
        yield f"  {name:<11}{painted}{'    ' + out.paint(hint, 'cyan') if hint and room else ''}".rstrip()


def _one_a_line(out: Out, environments: "Sequence[Environment]", cells: Sequence[Sequence[Cell]]) -> Iterator[str]:
    wide = max(len(one.name) for one in environments)
    texts = [max(len(column[at].text) for column in cells) for at in range(3)]
    yield out.paint(f"  {'':<{wide}}  {'SYNC':<{texts[0]}}  {'DRIFT':<{texts[1]}}  LAST JOB", dim=True)
    for one, column in zip(environments, cells, strict=True):
        painted = "  ".join(
            out.paint(cell.text.ljust(width), COLOURS.get(cell.state))
            for cell, width in zip(column, texts, strict=True)
        )
        yield f"  {one.name:<{wide}}  {painted}".rstrip()


def _cells(environment: "Environment", now: datetime) -> tuple[Cell, Cell, Cell]:
    status, name = environment.status, environment.name
    if status is None:
        unknown = Cell("~ unknown", "unknown")
        return unknown, unknown, unknown
    state = status.sync.state
    pending = status.sync.evidence.pending.count if status.sync.evidence else 0
    count = f" ({pending})" if state == "behind" else ""
    sync = Cell(f"{sign(state)} {state.replace('_', ' ')}{count}", state, None)
    objects = status.drift.objects
    drifted = status.drift.state == "drifted"
    what = f"{objects} object{'s' * (objects != 1)}" if drifted else status.drift.state.replace("_", " ")
    drift = Cell(
        f"{sign(status.drift.state)} {what}", status.drift.state, f"liftlock drift {name}" if drifted else None
    )
    return sync, drift, _job_cell(status.running_job or status.last_job, now)


def _job_cell(job: "JobGlimpse | None", now: datetime) -> Cell:
    if job is None:
        return Cell("- none", "none")
    if job.finished_at is None:
        return Cell(f"{sign(job.state)} {job.kind} now", job.state, f"liftlock jobs watch {job.id}")
    hint = f"liftlock jobs show {job.id}" if job.state in ("failed", "needs_attention") else None
    return Cell(f"{sign(job.state)} {ago(job.finished_at, now)}", job.state, hint)


def _migrations(out: Out, matrix: "Matrix", *, everything: bool) -> Iterator[str]:
    rows = list(matrix.migrations)
    settled = 0 if everything else _settled(rows)
    shown = rows[settled:]
    heads = [SHORT.get(one.name, one.name.upper()) for one in matrix.environments]
    wide = max(7, *(len(row.version) for row in shown), 0) if shown else 7
    columns = "  ".join(heads)
    long = _name_width(out, [row.name for row in shown], wide + len(columns) + 20)
    yield out.paint(f"  {'VERSION':<{wide}}  {'NAME':<{long}}  {columns}  RISK    UNDO", dim=True)
    if settled:
        yield out.paint(f"  …{settled} earlier migrations applied everywhere (--all)", dim=True)
    for row in shown:
        cells = "  ".join(
            out.paint(sign(cell.state).ljust(len(head)), COLOURS.get(cell.state))
            for cell, head in zip(row.cells, heads, strict=True)
        )
        risk = out.paint(f"{row.risk or '-':<6}", COLOURS.get(row.risk or ""))
        undo = "yes" if row.reversible else "no"
        yield f"  {row.version:<{wide}}  {cut(row.name, long):<{long}}  {cells}  {risk}  {undo}"
        yield from (f"      {out.paint(line, dim=True)}" for line in _odd(row))


def _name_width(out: Out, names: Sequence[str], beside: int) -> int:
    """As wide as they are, and as what stands beside them leaves them."""
    return max(LEAST_NAME, min(MOST_NAME, out.width - beside, max(map(len, names), default=0)))


def _settled(rows: "Sequence[MatrixRow]") -> int:
    """How many at the beginning need not be shown."""
    first = next((at for at, row in enumerate(rows) if any(cell.state != "applied" for cell in row.cells)), len(rows))
    hidden = min(first, len(rows) - KEPT_SETTLED)
    return hidden if hidden > 1 else 0


def _odd(row: "MatrixRow") -> Iterator[str]:
    """The words for signs that are not seen every day."""
    for cell in row.cells:
        if cell.state not in ("applied", "pending", "absent"):
            yield f"{sign(cell.state)} {cell.state.replace('_', ' ')} in {cell.environment}"


def _why(one: "Migration") -> Iterator[str]:
    if one.error_message:
        yield one.error_message
    if one.blocked_by:
        yield f"blocked by {', '.join(one.blocked_by)}"
    if one.state == "modified":
        yield f"applied as {(one.applied_checksum or '')[:12]}, the file is {(one.checksum or '')[:12]}"


def _pending(out: Out, environments: "Sequence[Environment]") -> Iterator[str]:
    for one in environments:
        status = one.status
        if status is None or status.sync.state == "in_sync":
            continue
        evidence = status.sync.evidence
        count = evidence.pending.count if evidence else 0
        said = f"{count} pending in {one.name}." if count else f"{one.name}: {status.sync.message}"
        hint = f"liftlock plan {one.name}" if count else "liftlock conflicts " + one.name
        if evidence is None or (status.sync.state == "unknown" and not evidence.uncertain.count):
            hint = f"liftlock env show {one.name}"
        gap = max(2, min(out.width, 72) - len(said) - len(hint))
        yield f"{said}{' ' * gap}{out.paint(hint, 'cyan')}"
