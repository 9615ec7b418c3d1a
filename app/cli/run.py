"""`liftlock run`, `rollback`, `reset` and `sync`: the calls that move migrations."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict

import click

from app.cli.command import command
from app.cli.failing import CliError
from app.cli.options import (
    ALLOW,
    CHANGING,
    ENVIRONMENT,
    LOCK_TIMEOUT,
    NOTE,
    ON_BUSY,
    ON_DRIFT,
    ON_FAILURE,
    OUTSIDE,
    WAITING,
    split_hazards,
)
from app.cli.session import Session
from app.cli.watching import carried_out, submitted

if TYPE_CHECKING:
    from app.client.documents.jobs import Job

PLAN = click.option("--plan", "plan_id", metavar="ID", help="Run this plan, or nothing when anything has moved.")


class Waiting(TypedDict):
    detach: bool
    timeout: float | None


@command(example="liftlock run staging\nliftlock run production --plan 0198… --allow-hazards INDEX_BUILD")
@ENVIRONMENT
@click.option("--to", metavar="NAME", help="Up to and with this migration; everything when left out.")
@PLAN
@click.option("--atomic", type=click.Choice(["migration", "run"]), help="What commits together.  [default: migration]")
@ON_DRIFT
@ON_FAILURE
@OUTSIDE
@CHANGING
@WAITING
def run(session: Session, environment: str | None, **given: Any) -> int:
    """Run what is pending, and watch it to its end.

    Without ENV, the configured environment, else the service's default. With --plan, the plan's.
    """
    waiting, options = _parted(given)
    where = environment if given["plan_id"] else session.environment(environment)
    return asked(session, waiting, lambda: session.client.migrations.run(where, **options))


@command(example="liftlock rollback staging\nliftlock rollback staging 3\nliftlock rollback staging --to create_orders")
@ENVIRONMENT
@click.argument("count", required=False, metavar="[N]")
@click.option("--to", metavar="NAME", help="Undo everything applied after this one, which stays.")
@PLAN
@CHANGING
@WAITING
def rollback(session: Session, environment: str | None, count: str | None, **given: Any) -> int:
    """Undo the newest migration, the newest N, or everything after --to."""
    if count is None and environment is not None and environment.isdecimal():
        environment, count = None, environment
    is_number = count is None or (count.isdecimal() and int(count) > 0)
    if count is not None and (not is_number or given["to"] or given["plan_id"]):
        why = "N, --to and --plan each say how far; give one" if is_number else "N is a number from 1 on"
        raise CliError("how far is not clear", why, "liftlock rollback ENV [N | --to NAME]")
    waiting, options = _parted(given)
    where = environment if given["plan_id"] else session.environment(environment)
    if count is not None:
        options = {name: value for name, value in options.items() if name not in ("to", "plan_id")}
    number = None if count is None else int(count)
    return asked(session, waiting, lambda: session.client.migrations.rollback(where, number, **options))


@command(example="liftlock reset development\nliftlock reset development --no-preserve")
@ENVIRONMENT
@click.option("--preserve/--no-preserve", default=True, help="Keep the rows that go, for the next run; or none.")
@CHANGING
@WAITING
def reset(session: Session, environment: str | None, **given: Any) -> int:
    """Undo everything. Only where the environment's protection is open."""
    waiting, options = _parted(given)
    where = session.environment(environment)
    return asked(session, waiting, lambda: session.client.migrations.reset(where, **options))


@command(example="liftlock sync production --to staging\nliftlock sync production --to staging --dry-run")
@click.argument("environment", metavar="ENV")
@click.option("--to", "source", metavar="ENV", help="Whose completed migrations; as configured when left out.")
@click.option("--up-to", "to", metavar="NAME", help="Up to and with this migration.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and run nothing.")
@ON_DRIFT
@ON_FAILURE
@OUTSIDE
@ALLOW
@ON_BUSY
@LOCK_TIMEOUT
@NOTE
@WAITING
def sync(session: Session, environment: str, source: str | None, dry_run: bool, **given: Any) -> int:
    """Bring one environment to what another has completed."""
    if dry_run:
        from app.cli.plan import show_plan

        return show_plan(session, session.client.environments.plan_sync(environment, source, given["to"]))
    waiting, options = _parted(given)
    return asked(session, waiting, lambda: session.client.environments.sync(environment, source, **options))


def asked(session: Session, waiting: Waiting, ask: "Callable[[], Job]") -> int:
    """Ask for the job, and follow it unless told otherwise."""
    return submitted(session, ask) if waiting["detach"] else carried_out(session, ask, waiting["timeout"])


def _parted(given: dict[str, Any]) -> tuple[Waiting, dict[str, Any]]:
    """How to wait, and what is asked for."""
    options = {name: value for name, value in given.items() if name not in ("detach", "timeout")}
    if "allow_hazards" in options:
        options["allow_hazards"] = split_hazards(options["allow_hazards"]) or None
    return Waiting(detach=given["detach"], timeout=given["timeout"]), options
