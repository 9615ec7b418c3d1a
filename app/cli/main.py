"""`liftlock …`: the command line. Commands are imported when they are asked for."""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from app.cli.exits import Exit
from app.cli.pipes import ReaderGone, fall_silent, noticing_that_nobody_reads, write_nowhere_what_has_no_place

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Start here": {
        "demo": ("local.demo:demo", "Everything on this machine, with sample migrations."),
        "up": ("local.up:up", "Everything on this machine, for your own migrations."),
        "status": ("status:status", "Where environments and migrations stand."),
        "plan": ("plan:plan", "What would run, with locks, hazards and times."),
        "run": ("run:run", "Run what is pending."),
    },
    "Undo": {
        "rollback": ("run:rollback", "Undo the newest migration, the newest N, or down to one."),
        "reset": ("run:reset", "Undo everything; development only."),
        "preserved": ("preserved:preserved", "Rows that steps would have destroyed (ls, restore)."),
    },
    "Compare": {
        "compare": ("compare:compare", "Two environments side by side."),
        "drift": ("drift:drift", "Whether a schema is as the last job left it."),
        "sync": ("run:sync", "Bring one environment to what another has."),
        "conflicts": ("conflicts:conflicts", "What disagrees (ls, show, resolve)."),
    },
    "Watch": {
        "jobs": ("jobs:jobs", "Jobs (ls, show, watch, log, locks, cancel, pause, resume, retry, approve, reject)."),
        "schedules": ("schedules:schedules", "What runs by itself (ls, pause, resume, run)."),
        "history": ("audit:history", "What happened: migrations and jobs."),
        "audit": ("audit:audit", "Who asked for what."),
    },
    "Files": {
        "new": ("local.new:new", "Begin a migration."),
        "lint": ("local.lint:lint", "Look at files without a server."),
        "graph": ("local.graph:graph", "What needs what, drawn."),
        "verify": ("marks:verify", "Prove up, down and up again on a scratch database."),
        "mark": ("marks:mark", "Record as applied or rolled back without running."),
        "adopt": ("marks:adopt", "Take what was changed by hand into the history."),
    },
    "Scripts": {
        "check": ("check:check", "Whether an environment is as it should be."),
        "wait": ("check:wait", "Wait for a job to end."),
    },
    "Setup": {
        "env": ("environments:env", "Environments (ls, show, status, put, rm, unlock, lock, claim)."),
        "login": ("login:login", "Keep a token for this service."),
        "logout": ("login:logout", "Forget it."),
        "whoami": ("login:whoami", "Who asks, and what it may do."),
        "webhook": ("webhooks:webhook", "Whom to tell (ls, add, test, rotate, deliveries, redeliver, rm)."),
        "token": ("tokens:token", "Tokens (ls, add, revoke)."),
        "config": ("local.config:config", "What this command line is told, and where."),
        "doctor": ("local.doctor:doctor", "Find what is wrong with a set-up."),
        "completion": ("completion:completion", "Completion for bash, zsh and fish."),
    },
}
COMMANDS = {name: place for section in SECTIONS.values() for name, (place, _) in section.items()}


class LateGroup(click.Group):
    """Imports a command's module only to run it, or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(f"app.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from app.cli.command import unknown_command

            ctx.fail(unknown_command(args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", said) for name, (_, said) in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            formatter.write("  liftlock demo\n  liftlock status\n  liftlock run staging --json\n")

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's own; what cannot be understood is said in three lines, like every other failure."""
        write_nowhere_what_has_no_place()
        words = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(words, prog_name, complete_var, False, **extra)
        try:
            sys.exit(self._ended(words, prog_name, complete_var, extra))
        except (ReaderGone, BrokenPipeError):
            fall_silent()
            sys.exit(Exit.UNREAD)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with noticing_that_nobody_reads():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with noticing_that_nobody_reads():
            return super().invoke(ctx)

    def _ended(self, words: list[str], prog_name: str | None, complete_var: str | None, extra: dict[str, Any]) -> int:
        try:
            return super().main(words, prog_name, complete_var, False, **extra) or Exit.DONE
        except click.UsageError as error:
            from app.cli.command import complain_of_usage

            return complain_of_usage(error, words)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.Abort:
            click.echo("Aborted.", err=True)
            return Exit.DETACHED


@click.command(cls=LateGroup, context_settings=CONTEXT)
@click.version_option(package_name="liftlock", prog_name="liftlock")
def main() -> None:
    """PostgreSQL migrations as a service: run, roll back, reset and watch them over HTTP."""


if __name__ == "__main__":
    main()
