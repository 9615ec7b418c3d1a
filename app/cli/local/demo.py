"""`liftlock demo`: the stack with the samples, run once through the HTTP API, and what to try next."""

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.command import Exampled
from app.cli.local.scene import READER, WATCHED_S, set_scene
from app.cli.local.standing import json_option, port_option, stand
from app.cli.local.up import PACKAGED_SAMPLES
from app.embedded.options import StackInfo, StackOptions
from app.embedded.private import make_data_dir
from app.embedded.stack import CONTROL_DATABASE

if TYPE_CHECKING:
    from app.client import Job, Liftlock

ENVIRONMENTS = Path(__file__).with_name("demo.toml")
# development stands in the control database itself, as everywhere without a liftlock.toml
DATABASES = {"development": CONTROL_DATABASE, "staging": "liftlock_staging", "production": "liftlock_production"}
PEOPLE = ("ada", "ben")
PEOPLE_SAID = """
Two people, each for a browser of its own, at {url}/ui/:{shown}
What one asks for in production the other has to approve. Calls take -H "Authorization: Bearer TOKEN"."""
WORDS = {"completed": "✓", "pending": "○", "failed": "✕", "rolled_back": "↩"}
SCENE = f"""
In development somebody has made an index by hand: that is drift, and open in the conflict log.
Staging has the first eight, and a session named {READER} that reads customers: bring staging up, and the
step that alters them waits for it {WATCHED_S:.0f} s."""


@click.command(cls=Exampled, example="liftlock demo\nliftlock demo --port 3001 --data-dir /tmp/liftlock-demo")
@port_option
@click.option(
    "--data-dir",
    default=".data",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Data, logs and stack.json.",
)
@click.option("--people", is_flag=True, help="Two people sign in; each approves what the other asks for in production.")
@json_option
def demo(port: int, data_dir: Path, people: bool, as_json: bool) -> None:
    """Run everything on this machine, apply the sample migrations, and stay up until Ctrl-C."""
    admin = secrets.token_urlsafe(32) if people else None
    try:
        files, own = own_samples(data_dir), {} if admin is None else _with_people(data_dir, admin)
    except OSError as error:
        raise click.ClickException(
            f"The data folder {data_dir} cannot be used ({error.strerror}: {error.filename}); "
            f"name one that can be written: --data-dir DIR"
        ) from None
    options = StackOptions(
        data_dir=data_dir,
        migrations=files,
        port=port,
        workers=2,
        targets=DATABASES,
        environment=_own_environment() | own,
    )
    sys.exit(stand(options, as_json, partial(show_main_job, admin=admin)))


def own_samples(data_dir: Path) -> Path:
    """A copy for this demo alone: settling a drift writes a migration, and that has no place among the packaged ones.

    What is there already stays: it is what the databases of this folder have been through.
    """
    make_data_dir(data_dir)
    own = data_dir / "migrations"
    own.mkdir(exist_ok=True)
    for sample in PACKAGED_SAMPLES.iterdir():
        if sample.is_file() and not (own / sample.name).exists():
            shutil.copyfile(sample, own / sample.name)
    return own


def show_main_job(info: StackInfo, admin: str | None = None) -> None:
    """Through the HTTP API, as a user would. Raises SystemExit when the API refuses."""
    from app.client import Liftlock, LiftlockProblem

    with Liftlock(info.api_url, token=admin) as client:
        try:
            first = _tell("POST", f"{info.api_url}/migrations/run", lambda: client.wait(client.migrations.run()))
            if first.state == "succeeded" and any(one.startswith("kept ") for one in _notices(first)):
                # the newest sample has just destroyed something: there and back, nothing of it is lost
                _tell("POST", f"{info.api_url}/migrations/rollback", lambda: client.wait(client.migrations.rollback()))
                _tell("POST", f"{info.api_url}/migrations/run", lambda: client.wait(client.migrations.run()))
            listed = client.migrations.list()
            in_the_way = set_scene(info, client)
            tokens = {} if admin is None else _tokens(client)
        except LiftlockProblem as refused:
            click.echo(f"the API refused: {refused}", err=True)
            raise SystemExit(1) from None
    click.echo(f"\n$ curl {info.api_url}/migrations")
    width = max((len(one.name) for one in listed), default=0)
    for one in listed:
        glyph = WORDS.get(one.status, "?")
        click.echo(f"  {glyph} {one.version:<6} {one.name:<{width}}  {one.status}  {one.error_message or ''}".rstrip())
    if in_the_way:
        click.echo(SCENE)
    if tokens:
        shown = "".join(f"\n  {name:<5} {token}" for name, token in tokens.items())
        click.echo(PEOPLE_SAID.format(url=info.api_url, shown=shown))
    click.echo(_next(info))


def _tokens(client: "Liftlock") -> dict[str, str]:
    """New ones with each start: they are shown once."""
    for one in client.access.tokens():
        if one.name in PEOPLE and one.revoked_at is None:
            client.access.revoke_token(one.id)
    return {name: str(client.access.add_token(name, "releaser").token) for name in PEOPLE}


def _tell(method: str, address: str, ask: "Callable[[], Job]") -> "Job":
    """The call as a user would type it, and what came of it."""
    click.echo(f"\n$ curl -X {method} {address}")
    job = ask()
    click.echo(f"  {job.state}: {job.message}")
    for notice in _notices(job):
        click.echo(f"    {notice}")
    return job


def _notices(job: "Job") -> list[str]:
    """Those of its steps."""
    return [step.notice for step in job.steps if step.notice]


def _next(info: StackInfo) -> str:
    url = info.api_url
    return f"""
Try next, in another terminal:
  curl -X POST   {url}/migrations/rollback            undo the newest migration
  curl -X POST   {url}/migrations/rollback/3          undo three more
  curl           {url}/migrations                     see where each one stands
  curl -X POST   {url}/migrations/run                 bring them back
  curl -X POST   {url}/environments/staging/sync      bring staging to what development has
  curl -X POST   {url}/environments/production/sync   then production, which asks for consent first
  curl           {url}/jobs                           every job, newest first
  curl           {url}/migrations/conflicts           the conflict log
  curl -X DELETE {url}/migrations/reset               undo everything (development only)

In a browser:
  {url}/ui/    the dashboard
  {url}/docs   the whole API

The samples are in {info.data_dir / "migrations"}; change them, or add one.
Your own files: {_as_called()} up --migrations DIR
Ctrl-C stops everything; the data stays in {info.data_dir}"""


def _as_called() -> str:
    """As it stands in the shell of whoever reads this: not every environment that holds us is activated."""
    called = sys.argv[0]
    return called if Path(called).name == "liftlock" else "liftlock"


def _with_people(data_dir: Path, admin: str) -> dict[str, str]:
    config = data_dir / "demo.toml"
    # production is the last of the file
    config.write_text(f"{ENVIRONMENTS.read_text(encoding='utf-8')}approvals = 1\n", encoding="utf-8")
    return {"LIFTLOCK_AUTH": "token", "LIFTLOCK_ADMIN_TOKEN": admin, "LIFTLOCK_CONFIG": str(config.absolute())}


def _own_environment() -> dict[str, str]:
    """The demo is the same everywhere, and touches nothing of the project that it is started in."""
    ignored = ("DATABASE_URL", "REDIS_URL", "AUTO_RUN_MIGRATIONS")
    kept = ("LIFTLOCK_SERVERS", "LIFTLOCK_PG_BINDIR", "LIFTLOCK_REDIS_BIN")
    mine = {
        name: value
        for name, value in os.environ.items()
        if name in kept or (name not in ignored and not name.startswith("LIFTLOCK_"))
    }
    return mine | {"LIFTLOCK_CONFIG": str(ENVIRONMENTS)}
