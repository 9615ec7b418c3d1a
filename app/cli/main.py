"""`liftlock …`: the command line. Commands are imported when they are asked for."""

import importlib

import click

COMMANDS = {
    "demo": "app.cli.local.demo:demo",
    "up": "app.cli.local.up:up",
}


class LateGroup(click.Group):
    """Imports a command's module only to run it, or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=LateGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="liftlock", prog_name="liftlock")
def main() -> None:
    """PostgreSQL migrations as a service: run, roll back, reset and watch them over HTTP."""


if __name__ == "__main__":
    main()
