"""Migrations, ledger entries and histories, short enough to be written into a test."""

from datetime import UTC, datetime
from uuid import UUID

from app.domain.ledger import History, LedgerEntry, Status
from app.domain.migration import Body, Checksum, Migration, MigrationName, PythonScript, SqlScript
from app.domain.step import Plan

NOON = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


def sql(
    name: str,
    version: str = "1",
    needs: str = "",
    up: str = "SELECT 'up'",
    down: str | None = "SELECT 'down'",
    irreversible: str | None = None,
) -> Migration:
    """`needs`: the names of its dependencies with blanks between them."""
    return Migration(
        name=MigrationName(name),
        version=version,
        up=SqlScript(up, f"{name}.sql"),
        down=None if down is None else SqlScript(down, f"{name}.sql"),
        checksum=Checksum.of(f"{up}{down}".encode(), f"{up}{down}".replace("--", "")),
        file=f"{name}.sql",
        dependencies=tuple(MigrationName(needed) for needed in needs.split()),
        irreversible=irreversible,
    )


def python(name: str, version: str = "1", text: str = "async def up(c): ...") -> Migration:
    return Migration(
        name=MigrationName(name),
        version=version,
        up=PythonScript(text, f"{name}.py", "up"),
        down=PythonScript(text, f"{name}.py", "down"),
        checksum=Checksum.of(text.encode(), text.replace("#", "")),
        file=f"{name}.py",
        source_format="python",
    )


def entry(migration: Migration, position: int, status: Status = Status.COMPLETED) -> LedgerEntry:
    """The ledger's row of a migration that was applied as it is."""
    return LedgerEntry(
        id=UUID(int=position),
        name=migration.name,
        version=migration.version,
        status=status,
        position=position,
        checksum=migration.checksum.raw,
        token_checksum=migration.checksum.token,
        created_at=NOON,
        updated_at=NOON,
        applied_at=NOON,
        dependencies=tuple(migration.dependencies),
        down=_text(migration.down),
        irreversible=migration.irreversible,
        source_format=migration.source_format,
    )


def applied(*migrations: Migration) -> History:
    """A history in which these were applied, in this order."""
    return History.of(entry(migration, position) for position, migration in enumerate(migrations, 1))


def names(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def _text(body: Body | None) -> str | None:
    return None if body is None else body.text
