"""How commands are made: an example in the help, the options that all have, failures as lines and exit codes."""

import difflib
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from app.cli.exits import Exit
from app.cli.failing import Said, bug, complain, explained
from app.cli.out import Form, Out
from app.cli.session import Given, Session, out_of

COMMON = ("url", "json", "quiet", "ascii", "verbose")


class Exampled(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, example: str = "", **given: Any) -> None:
        super().__init__(*args, **given)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for line in self.example.splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Speaking(Exampled):
    """Its callback takes the session first, and answers an exit code, or None for 0."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.params.extend(_common())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [
            one for one in self.get_params(ctx) if isinstance(one, click.Option) and one.name not in (*COMMON, "help")
        ]
        common = [one for one in self.get_params(ctx) if one.name in (*COMMON, "help")]
        for title, params in (("Options", own), ("Everywhere", common)):
            records = [record for one in params if (record := one.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def invoke(self, ctx: click.Context) -> Any:
        params = dict(ctx.params)
        common = {name: params.pop(name) for name in COMMON}
        given = ctx.find_root().obj
        session = Session(
            out=out_of(common),
            flags={"url": common["url"]},
            verbose=common["verbose"],
            given=given if isinstance(given, Given) else Given(),
        )
        assert self.callback is not None
        ctx.exit(_guarded(session, self.callback, params))


_NO_COMMAND = "app.cli.no_command"
"""What stands where a command of a Listing could: the first argument of the one that is meant, or a slip."""


class Listing(click.Group):
    """Without a command, or with the name of none, its first one is meant, which lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_for_help = args and args[0] in ctx.help_option_names
        if not ctx.resilient_parsing and not asks_for_help and (not args or args[0] not in self.commands):
            ctx.meta[_NO_COMMAND] = next((word for word in args[:1] if not word.startswith("-")), None)
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            word = ctx.meta.get(_NO_COMMAND)
            # one of click's own kinds is about an option; this is about a word more than the first command takes
            if word is None or type(error) is not click.UsageError or not nearest(word, self.commands):
                raise
            raise click.UsageError(unknown_command(word, self.commands, ctx.info_name), ctx) from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for one in self.commands.values():
                if isinstance(one, Exampled):
                    formatter.write(f"{'':>{formatter.current_indent}}{one.example.splitlines()[0]}\n")


def unknown_command(word: str, known: Iterable[str], group: str | None = None) -> str:
    """With the names that are near to it."""
    near = nearest(word, known)
    typed = f"{group} {word}" if group else word
    return f"there is no command {typed!r}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def nearest(word: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(known), n=2)


def command(name: str | None = None, *, example: str) -> Callable[[Callable[..., Any]], Speaking]:
    return click.command(name, cls=Speaking, example=example)


def listing(name: str, commands: Sequence[click.Command], help_text: str) -> Listing:
    settings = {"help_option_names": ["-h", "--help"]}
    return Listing(name, commands=list(commands), help=help_text, context_settings=settings)


def _guarded(session: Session, callback: Callable[..., Any], params: dict[str, Any]) -> int:
    try:
        return int(callback(session, **params) or Exit.DONE)
    except (click.exceptions.Exit, click.exceptions.ClickException, click.exceptions.Abort, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:
        said = explained(error) or bug(error)
        if session.verbose >= 2:
            traceback.print_exception(error)
        complain(session.out, said, details=session.verbose > 0)
        return int(said.code)
    finally:
        session.close()


def complain_of_usage(error: click.UsageError, args: Sequence[str]) -> int:
    """As every other failure, also where what was typed does not get as far as a command."""
    _name_the_variable(error)
    path = error.ctx.command_path if error.ctx is not None else "liftlock"
    usage = error.ctx.get_usage().removeprefix("Usage: ") if error.ctx is not None else ""
    out = Out(form=Form.JSON if "--json" in args else Form.TEXT)
    said = Said(error.format_message(), " ".join(usage.split()), f"{path} --help", Exit.USAGE)
    complain(out, said)
    return error.exit_code


def _name_the_variable(error: click.UsageError) -> None:
    """click names the option, also where nobody has typed it and the value is a variable's."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return
    source = error.ctx.get_parameter_source(error.param.name or "")
    if source is ParameterSource.ENVIRONMENT and isinstance(error.param.envvar, str):
        error.param_hint = error.param.envvar


def _common() -> list[click.Option]:
    return [
        click.Option(["--url"], help="The service.  [default: LIFTLOCK_URL, else http://127.0.0.1:3000]"),
        click.Option(["--json"], is_flag=True, help="One JSON document, also of a failure."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Nothing but what is asked for, and errors."),
        click.Option(["--ascii"], is_flag=True, help="No signs and lines beyond ASCII."),
        click.Option(["-v", "--verbose"], count=True, help="Every problem; -vv: the traceback of a failure."),
    ]
