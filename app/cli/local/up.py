"""`liftlock up`: the whole stack on this machine, for one's own migrations."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from app.cli.command import Exampled
from app.cli.local.standing import json_option, port_option, stand
from app.domain.errors import ConfigurationInvalid
from app.embedded.options import StackOptions
from app.settings import load_settings

VARIABLES = {"--database-url": "DATABASE_URL", "--redis-url": "REDIS_URL"}
PLACEHOLDER_DATABASE = "postgresql://127.0.0.1/embedded"
PLACEHOLDER_REDIS = "redis://127.0.0.1/0"
PACKAGED_SAMPLES = Path(__file__).resolve().parents[3] / "migrations" / "samples"


def filled(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An empty flag is a slip of the shell; an empty variable is a variable that is not set."""
    if value is None or value.strip():
        return value
    if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
        raise click.BadParameter("it is empty; give an address, or leave the option out")
    return None


@click.command(cls=Exampled, example="liftlock up\nliftlock up --migrations db/migrations --port 3001")
@port_option
@click.option(
    "--data-dir",
    default=".liftlock",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Data, logs and stack.json.",
)
@click.option(
    "--migrations",
    default=None,
    envvar="LIFTLOCK_MIGRATIONS",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the migrations.  [default: LIFTLOCK_MIGRATIONS, else migrations, else the samples]",
)
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    callback=filled,
    help="Use this PostgreSQL instead of the embedded one.",
)
@click.option(
    "--redis-url",
    envvar="REDIS_URL",
    callback=filled,
    help="Use this Redis or Valkey instead of the embedded one.",
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Jobs worked on at once.")
@json_option
def up(
    port: int,
    data_dir: Path,
    migrations: Path | None,
    database_url: str | None,
    redis_url: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Run PostgreSQL, Valkey, the API, a worker and beat until Ctrl-C."""
    words, variables = without_passwords(sys.orig_argv)
    if variables:
        os.execve(sys.executable, words, {**os.environ, **variables})  # noqa: S606 - ourselves, as we were called
    options = StackOptions(
        data_dir=data_dir,
        migrations=migrations or default_migrations(),
        port=port,
        database_url=database_url,
        redis_url=redis_url,
        workers=workers,
        targets=configured_targets(database_url, redis_url),
        environment=dict(os.environ),
    )
    sys.exit(stand(options, as_json))


def without_passwords(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command line without addresses that hold a password, and these as variables: everybody on a machine may read
    the arguments of a process, its environment only who runs it."""
    left, variables, rest = list[str](), dict[str, str](), iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag not in VARIABLES:
            left.append(word)
            continue
        value = value if equals else next(rest, "")
        if _holds_password(value):
            variables[VARIABLES[flag]] = value
        else:
            left += [flag, value]
    return left, variables


def _holds_password(address: str) -> bool:
    try:
        return bool(urlsplit(address).password)
    except ValueError:  # what is no address is refused where it is read
        return False


def default_migrations() -> Path:
    """The samples, or a project's own folder where there is one that holds migrations."""
    own = Path("migrations")
    has_files = any(own.glob("*.sql")) or any(own.glob("[!_]*.py"))
    return own if has_files else PACKAGED_SAMPLES


def configured_targets(database_url: str | None, redis_url: str | None) -> dict[str, str] | None:
    """The environments of liftlock.toml, for stack.json; None without a file.

    The configuration is read as the stack's processes will read it, so that what is wrong with it ends the
    command before anything starts.
    """
    given = {"DATABASE_URL": database_url or PLACEHOLDER_DATABASE, "REDIS_URL": redis_url or PLACEHOLDER_REDIS}
    try:
        settings = load_settings({**os.environ, **given})
    except ConfigurationInvalid as error:
        raise click.ClickException(error.detail) from None
    targets = {one.name: one.dsn.secret for whole in settings.environments.values() for one in whole.each()}
    return None if targets == {"development": given["DATABASE_URL"]} else targets
