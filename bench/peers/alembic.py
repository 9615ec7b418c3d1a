"""Alembic with psycopg: the same statements as revisions, each in a transaction of its own."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.statements import parse_script
from bench.peers import NotHere

_INI = "[alembic]\nscript_location = %(here)s\n"
_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["BENCH_URL"]).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
_REVISION = """
from alembic import op

revision = {revision!r}
down_revision = {down_revision!r}


def upgrade():
{statements}
"""


@dataclass(frozen=True, slots=True)
class Alembic:
    folder: Path

    def run(self, dsn: str) -> None:
        url = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
        command = (sys.executable, "-m", "alembic", "--config", str(self.folder / "alembic.ini"), "upgrade", "head")
        environment = {**os.environ, "BENCH_URL": url}
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=self.folder)


def prepare(folder: Path, scripts: Sequence[str]) -> Alembic:
    """Raises NotHere when the packages of the extra `bench` are not installed."""
    for needed in ("alembic", "psycopg"):
        if importlib.util.find_spec(needed) is None:
            raise NotHere(f"{needed} is not installed; pip install --require-hashes -r requirements/bench.txt")
    versions = folder / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(_INI)
    (folder / "env.py").write_text(_ENV)
    for number, script in enumerate(scripts, 1):
        (versions / f"r{number:05d}.py").write_text(_revision(number, script))
    return Alembic(folder)


def _revision(number: int, script: str) -> str:
    return _REVISION.format(
        revision=f"r{number:05d}",
        down_revision=f"r{number - 1:05d}" if number > 1 else None,
        statements="\n".join(f"    op.execute({one.text!r})" for one in parse_script(script).statements),
    )
