"""A plan as lines for a terminal."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from app.cli.out import COLOURS, Out, cut
from app.cli.steps import as_typed
from app.cli.times import ago, lasting, size

if TYPE_CHECKING:
    from app.client.documents.planned_problems import PlannedProblem
    from app.client.documents.plans import Plan, PlannedHazard, PlannedKeeping, PlannedStatement, PlannedStep

INDENT = " " * 7
NAME_WIDTH = 40
MOST_STATEMENTS = 6


def plan_lines(out: Out, plan: "Plan", now: datetime) -> Iterator[str]:
    yield _heading(out, plan)
    if plan.steps:
        yield ""
    for step in plan.steps:
        yield from _step(out, step)
    yield from _right_now(out, plan, now)
    for notice in plan.notices:
        yield from _marked("!", notice, out.width)
    if plan.notices:
        yield ""
    yield from _wrapped(_totals(plan), out.width)
    yield from _next(out, plan)


def without_lines(out: Out, plan: "Plan") -> Iterator[str]:
    """The targets that have none, and why."""
    for one in plan.without_plan:
        yield ""
        yield out.paint(f"No plan for {one.environment}", bold=True)
        yield from _problem(out, one.problem)


def _heading(out: Out, plan: "Plan") -> str:
    """On one line where there is room for it, else on two."""
    kind = "" if plan.kind == "run" else f"{plan.kind} of "
    ledger = "" if plan.ledger_position is None else f", ledger {plan.ledger_position}"
    what, where = f"Plan {plan.id} for {kind}{plan.environment}", f"PostgreSQL {plan.server_version}{ledger}"
    guarded = "" if plan.protection == "open" else f"PROTECTED: {plan.protection}"
    whole = f"{what} ({where})"
    if len(whole) + len(guarded) + 2 > out.width:
        return f"{out.paint(what, bold=True)}\n  {where}  {out.paint(guarded, 'yellow')}".rstrip()
    gap = max(2, min(out.width, 100) - len(whole) - len(guarded))
    return f"{out.paint(whole, bold=True)}{' ' * gap}{out.paint(guarded, 'yellow')}".rstrip()


def _step(out: Out, step: "PlannedStep") -> Iterator[str]:
    arrow = "+" if step.direction == "up" else "-"
    how = "in a transaction" if step.transactional else "outside a transaction"
    took = "time unknown" if step.estimated_ms is None else f"about {lasting(step.estimated_ms)}"
    title = f"{step.ordinal + 1:>3}  {arrow} {step.version} {step.name}"
    yield f"{out.paint(title.ljust(NAME_WIDTH), bold=True)}  {how:<21} {took}".rstrip()
    if step.notice:
        yield from _said(out, "note", step.notice)
    if step.language == "python":
        yield f"{INDENT}{out.paint(f'{step.file}: its statements are made while it runs', dim=True)}"
    for statement in step.statements[:MOST_STATEMENTS]:
        yield from _statement(out, statement)
    more = len(step.statements) - MOST_STATEMENTS
    if more > 0 or step.statements_left_out:
        yield f"{INDENT}… {max(more, 0) + step.statements_left_out} more statements"
    for hazard in step.hazards:
        yield from _hazard(out, hazard)
    if step.keeping is not None:
        yield from _keeping(out, step.keeping)
    if not step.reversible:
        yield from _said(out, "no way back", step.irreversible or "the file says none", "yellow")


def _statement(out: Out, statement: "PlannedStatement") -> Iterator[str]:
    sql = " ".join(statement.sql.split())
    yield f"{INDENT}{out.paint(cut(sql, out.width - len(INDENT)), 'cyan')}"
    for lock in statement.locks:
        yield from _said(out, "lock", lock.says)
    for table in statement.tables:
        rows = "?" if table.estimated_rows is None else f"{table.estimated_rows:,}"
        yield f"{INDENT}table {table.name}: about {rows} rows, {size(table.bytes)}"
    for hazard in statement.hazards:
        yield from _hazard(out, hazard)


def _hazard(out: Out, hazard: "PlannedHazard") -> Iterator[str]:
    consents = {
        "not_asked": "",
        "file": "; the file allows it",
        "request": "; allowed",
        "environment": "; allowed here",
    }
    consent = "; needs consent here" if hazard.consent is None else consents.get(hazard.consent, f"; {hazard.consent}")
    rule = f" {hazard.rule}" if hazard.rule else ""
    mark = out.paint(f"! {hazard.code}{rule}", COLOURS.get(hazard.risk) or "yellow")
    lines = _wrapped(f"{hazard.happens} Risk {hazard.risk}{consent}.", out.width - len(INDENT) - 4)
    yield f"{INDENT}{mark}"
    yield from (f"{INDENT}  {line}" for line in lines)


def _keeping(out: Out, keeping: "PlannedKeeping") -> Iterator[str]:
    for one in keeping.sets:
        yield from _said(out, "kept" if one.kept else "lost", one.says, None if one.kept else "red")


def _said(out: Out, word: str, text: str, colour: str | None = None) -> Iterator[str]:
    first, *rest = _wrapped(text, out.width - len(INDENT) - len(word) - 2) or [""]
    yield f"{INDENT}{out.paint(word, colour, dim=colour is None)}  {first}"
    yield from (f"{INDENT}{' ' * len(word)}  {line}" for line in rest)


def _right_now(out: Out, plan: "Plan", now: datetime) -> Iterator[str]:
    seen = [one.says for one in plan.right_now.blockers]
    seen += [
        f"job {job.id} ({job.kind}, {job.state}, {ago(job.created_at, now)}) has the target, or waits for it."
        for job in plan.right_now.open_jobs
    ]
    yield ""
    if not seen:
        return
    head = "  Right now  "
    for at, text in enumerate(seen):
        for line_at, line in enumerate(_wrapped(text, out.width - len(head))):
            first = at == 0 and line_at == 0
            yield f"{out.paint(head, 'yellow') if first else ' ' * len(head)}{line}"
    yield ""


def _totals(plan: "Plan") -> str:
    totals = plan.summary
    if not plan.steps:
        return "Nothing to do." if plan.problem is None else "Nothing would be run."
    undo = "undo possible for all" if totals.undoable else "undo not possible for all"
    if plan.kind in ("rollback", "reset"):
        undo = ""
    whole = "" if totals.estimate_is_whole else " or more"
    parts = [
        f"{totals.to_apply} to apply, {totals.to_roll_back} to roll back",
        f"{totals.lacking} hazard{'s' * (totals.lacking != 1)} to accept" if totals.lacking else "",
        undo,
        f"about {lasting(totals.estimated_ms)}{whole}",
    ]
    return " · ".join(part for part in parts if part)


def _next(out: Out, plan: "Plan") -> Iterator[str]:
    """The command that does it, or why nobody can."""
    if plan.problem is not None:
        yield from _problem(out, plan.problem)
    elif plan.steps:
        yield f"    {out.paint(command_for(plan), 'cyan')}"


def _problem(out: Out, problem: "PlannedProblem") -> Iterator[str]:
    yield from _marked("✕", problem.detail, out.width)
    yield from (f"    {out.paint(as_typed(step), 'cyan')}" for step in problem.next_steps)


def command_for(plan: "Plan") -> str:
    """With everything that it still needs."""
    words = ["liftlock", "rollback" if plan.kind == "rollback" else "run", plan.environment, "--plan", plan.id]
    if plan.kind == "sync":
        words = ["liftlock", "sync", plan.environment]
    elif plan.kind == "reset":
        words = ["liftlock", "reset", plan.environment]
    if plan.consent is not None:
        words += ["--confirm", plan.consent.confirm] if plan.consent.confirm else []
        words += ["--allow-hazards", ",".join(plan.consent.hazards)] if plan.consent.hazards else []
    return " ".join(words)


def _marked(mark: str, text: str, width: int) -> Iterator[str]:
    for at, line in enumerate(_wrapped(text, width - 4)):
        yield f"  {' ' if at else mark} {line}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), max(20, width))
