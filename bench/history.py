"""Folders of migrations made for a benchmark; the files are valid for dbmate too."""

import time
from pathlib import Path


def write_small_schema(folder: Path, count: int) -> tuple[str, ...]:
    """CREATE TABLE and CREATE INDEX, every third alters the table before it; the up sections, in order."""
    folder.mkdir(exist_ok=True)
    ups = []
    for number in range(1, count + 1):
        up, down = _altering(number) if number % 3 == 0 else _creating(number)
        write_migration(folder, number, up, down)
        ups.append(up)
    return tuple(ups)


def write_migration(folder: Path, number: int, up: str, down: str) -> None:
    path = folder / f"{number:05d}_step_{number:05d}.sql"
    path.write_text(f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n", encoding="utf-8")


def write_trivial(folder: Path, count: int) -> None:
    """Migrations that only the ledger notices."""
    folder.mkdir(exist_ok=True)
    for number in range(1, count + 1):
        write_migration(folder, number, f"SELECT {number};", "SELECT 0;")


def rewrite_all(folder: Path) -> None:
    """Files as new as after a deployment: a comment in each that was never there before."""
    stamp = f"-- written at {time.time_ns()}\n"
    for path in folder.iterdir():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text(
            "".join(line for line in lines if not line.startswith("-- written at")) + stamp, encoding="utf-8"
        )


def _creating(number: int) -> tuple[str, str]:
    table = f"things_{number:05d}"
    up = (
        f"CREATE TABLE {table} (\n"
        f"    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
        f"    name text NOT NULL,\n"
        f"    created_at timestamptz NOT NULL DEFAULT now()\n"
        f");\n"
        f"CREATE INDEX {table}_by_name ON {table} (name);"
    )
    return up, f"DROP TABLE {table};"


def _altering(number: int) -> tuple[str, str]:
    table = f"things_{number - 1:05d}"
    return f"ALTER TABLE {table} ADD COLUMN note text;", f"ALTER TABLE {table} DROP COLUMN note;"
