"""Options that several commands take, each said once."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from app.cli.times import typed_seconds

F = TypeVar("F", bound=Callable[..., Any])


class Seconds(click.ParamType[float]):
    """`60s`, `5m`, `1h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = value if isinstance(value, float) else typed_seconds(str(value))
        if seconds is None:
            self.fail(f"{value!r} is no duration; write 60s, 5m or 1h", param, ctx)
        return float(seconds)


class Names(click.ParamType[tuple[str, ...]]):
    """Several, with commas between them."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        return value if isinstance(value, tuple) else tuple(one.strip() for one in str(value).split(",") if one.strip())


def several(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """As they stand, from top to bottom."""

    def decorate(function: F) -> F:
        for one in reversed(decorators):
            function = one(function)
        return function

    return decorate


def known_environments(ctx: click.Context, param: click.Parameter, typed: str) -> list[str]:
    """For completion, which must not wait for a service: those of liftlock.toml in this folder."""
    import tomllib
    from pathlib import Path

    try:
        tables = tomllib.loads(Path("liftlock.toml").read_text(encoding="utf-8-sig")).get("environments", {})
    except (OSError, ValueError):
        return []
    return [name for name in tables if name.startswith(typed)]


ENVIRONMENT = click.argument("environment", required=False, metavar="[ENV]", shell_complete=known_environments)
"""The configured one, else the service's default, when left out."""


def split_hazards(given: Iterable[tuple[str, ...]]) -> list[str]:
    return [code for codes in given for code in codes]


ALLOW = click.option(
    "--allow-hazards", multiple=True, type=Names(), metavar="CODES", help="Hazards that may be taken: INDEX_BUILD,LINT."
)
NOTE = click.option("--note", help="Why, for whoever reads the job later.")
CONFIRM = click.option("--confirm", metavar="ENV", help="The environment's name again, where its protection asks.")
LOCK_TIMEOUT = click.option("--lock-timeout-ms", type=int, metavar="MS", help="How long a step waits for a lock.")
ON_BUSY = click.option(
    "--on-busy",
    type=click.Choice(["queue", "fail", "join"]),
    help="While another job has the target.  [default: queue]",
)
ON_DRIFT = click.option("--on-drift", type=click.Choice(["refuse", "warn", "ignore"]), help="When the schema drifted.")
ON_FAILURE = click.option(
    "--on-failure", type=click.Choice(["stop", "rollback"]), help="What becomes of the steps before a failed one."
)
OUTSIDE = click.option(
    "--outside-window", type=click.Choice(["refuse", "queue"]), help="While it may not be changed.  [default: refuse]"
)
DETACH = click.option("--detach", is_flag=True, help="Do not wait for the end; print the job.")
TIMEOUT = click.option("--timeout", type=Seconds(), help="How long to wait, such as 5m; then 124, and the job goes on.")
WAITING = several(DETACH, TIMEOUT)
"""Of every command that asks for a job."""
CHANGING = several(CONFIRM, ALLOW, ON_BUSY, LOCK_TIMEOUT, NOTE)
EXIT_CODE = click.option("--exit-code", is_flag=True, help="Exit with 3 when there is a difference.")
