"""`liftlock plan`: what would run, before it does."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from app.cli.command import command
from app.cli.exits import Exit, exit_of_problem
from app.cli.options import ALLOW, ENVIRONMENT, EXIT_CODE, split_hazards
from app.cli.session import Session

if TYPE_CHECKING:
    from app.client.documents.planned_problems import PlannedProblem
    from app.client.documents.plans import Plan


@command(
    example="liftlock plan production\nliftlock plan staging --kind rollback --count 2\nliftlock plan staging --sql"
)
@ENVIRONMENT
@click.option("--kind", type=click.Choice(["run", "rollback", "reset", "sync"]), help="What it is for.  [default: run]")
@click.option("--to", metavar="NAME", help="Run up to and with this one; of a rollback, what stays.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Of a rollback: how many.")
@click.option("--atomic", type=click.Choice(["migration", "run"]), help="Of a run: what commits together.")
@click.option("--from", "source", metavar="ENV", help="Of a sync: whose completed migrations.")
@ALLOW
@click.option("--id", "plan_id", metavar="ID", help="Show a plan that was made before.")
@click.option("--sql", is_flag=True, help="The text of every step, to the byte.")
@EXIT_CODE
def plan(
    session: Session,
    environment: str | None,
    kind: str | None,
    to: str | None,
    count: int | None,
    atomic: str | None,
    source: str | None,
    allow_hazards: tuple[tuple[str, ...], ...],
    plan_id: str | None,
    sql: bool,
    exit_code: bool,
) -> int:
    """What would run: every step with its SQL, its locks, its hazards and an estimate of its time.

    Nothing is written to the target. Of an environment with several targets there is a plan for each, in the order in
    which they are changed, and of one that cannot be looked at the reason. Exits with 7 when a run of one would be
    refused, or lacks consent, and with 9 when one of several cannot be looked at.
    """
    plans = session.client.plans
    if plan_id is not None:
        made = plans.get(plan_id)
    else:
        where = session.environment(environment)
        made = plans.make(where, kind, to, count, atomic, source, split_hazards(allow_hazards))
    if sql:
        # a text ends with a line end of its own, and its sections are told by their bytes
        session.out.answer("".join(plans.sql(one.id) for one in made.targets or (made,)).removesuffix("\n"))
        # not among the text: whoever pipes it on is to hear of it all the same
        return _without(made, session, session.out.complain) or Exit.DONE
    code = show_plan(session, made)
    steps = sum(one.step_count for one in made.targets or (made,))
    return Exit.DIFFERENCE if exit_code and code == Exit.DONE and steps else code


def show_plan(session: Session, plan: "Plan") -> int:
    """As text or JSON; the exit code says whether it may be run.

    Of several targets the one that has most in its way is answered, and lists the others: each is shown as text.
    """
    from app.cli.plan_text import plan_lines

    out, plans = session.out, session.client.plans
    if out.json:
        out.document(plan.raw)
    else:
        for place, one in enumerate(plan.targets or (plan,)):
            if place:
                out.say("")
            for line in plan_lines(out, plan if one.id == plan.id else plans.get(one.id), session.now()):
                out.say(line)
    lacking = _without(plan, session, out.say)
    if lacking is not None:
        return lacking
    if plan.problem is not None:
        return _exit_of(plan.problem)
    return Exit.DONE if plan.verdict == "ready" else Exit.REFUSED


def _without(plan: "Plan", session: Session, say: Callable[[str], None]) -> Exit | None:
    """Of several targets those that could not be looked at; None where all could."""
    from app.cli.plan_text import without_lines

    for line in without_lines(session.out, plan):
        say(line)
    return _exit_of(plan.without_plan[0].problem) if plan.without_plan else None


def _exit_of(problem: "PlannedProblem") -> Exit:
    return exit_of_problem(problem.type.rpartition("/")[2], problem.status)
