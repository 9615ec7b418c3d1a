"""A step, one migration in one direction, and a plan, the steps in their order."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.divergence import Divergence
from app.domain.errors import ConflictsOpen
from app.domain.ledger import LedgerEntry
from app.domain.migration import Body, Checksum, Direction, Migration, SqlScript
from app.domain.problem import Problem

ALONE_MARKER = "-- migrate:down transaction:false\n"


class Atomicity(StrEnum):
    """What commits together: each migration, or the whole run."""

    MIGRATION = "migration"
    RUN = "run"


class Deed(StrEnum):
    """What a step does: carry out its body, or only write into the ledger what people say of the schema."""

    EXECUTED = "executed"
    MARKED = "marked"
    BASELINED = "baselined"
    ACCEPTED = "accepted"
    RETRIEVED = "retrieved"
    """What a migration would have destroyed is put into a table of its own; the ledger says the same as before."""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration in one direction. `body` None means nothing is executed, only recorded.

    `replaces`: of an accepted file, the raw checksum that the ledger has so far.
    """

    name: str
    version: str
    direction: Direction
    body: Body | None
    checksum: Checksum
    verify: SqlScript | None = None
    down: Body | None = None
    dependencies: tuple[str, ...] = ()
    irreversible: str | None = None
    source_format: str = "sql"
    notice: str | None = None
    deed: Deed = Deed.EXECUTED
    replaces: bytes | None = None

    @property
    def transactional(self) -> bool:
        """Whether the step is one transaction; what is only recorded always is."""
        return self.deed is not Deed.EXECUTED or self.body_transactional

    @property
    def body_transactional(self) -> bool:
        return not isinstance(self.body, SqlScript) or self.body.transactional


@dataclass(frozen=True, slots=True)
class Plan:
    """`remarks`: what else whoever reads the job should know of it, such as the hazards that were consented to."""

    steps: tuple[Step, ...] = ()
    divergences: tuple[Divergence, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        said = [found.message for found in self.divergences]
        return (*said, *(step.notice for step in self.steps if step.notice), *self.remarks)


def step_up(migration: Migration) -> Step:
    return Step(
        name=migration.name,
        version=migration.version,
        direction=Direction.UP,
        body=migration.up,
        checksum=migration.checksum,
        verify=migration.verify,
        down=migration.down,
        dependencies=migration.dependencies,
        irreversible=migration.irreversible,
        source_format=migration.source_format,
    )


def step_applied(entry: LedgerEntry) -> Step:
    """A step that is done: nothing of it is executed again, and SQL can still be taken back."""
    return Step(
        name=entry.name,
        version=entry.version,
        direction=Direction.UP,
        body=None,
        checksum=Checksum(entry.checksum, entry.token_checksum),
        down=_recorded_down(entry) if entry.down and entry.source_format != "python" else None,
        source_format=entry.source_format,
    )


def step_down(entry: LedgerEntry, files: Mapping[str, Migration]) -> Step:
    """SQL is undone with the text it was applied with; Python only with the unchanged file."""
    file = files.get(entry.name)
    notice = None
    body: Body | None = None
    if not entry.down:
        notice = (
            f"{entry.name} cannot be undone ({entry.irreversible}); it is recorded as rolled back, its effects stay"
        )
    elif entry.source_format == "python":
        body = _python_down(entry, file)
    elif file is not None and file.checksum.raw == entry.checksum:
        body = file.down
    else:
        body = _recorded_down(entry)
        notice = f"{entry.name}: the file is gone or has changed; undone with the text it was applied with"
    return Step(
        name=entry.name,
        version=entry.version,
        direction=Direction.DOWN,
        body=body,
        checksum=Checksum(entry.checksum, entry.token_checksum),
        source_format=entry.source_format,
        notice=notice,
    )


def _recorded_down(entry: LedgerEntry) -> SqlScript:
    """As it was recorded; a script that runs without a transaction is recorded below its marker."""
    text, alone = entry.down or "", False
    if text.startswith(ALONE_MARKER):
        text, alone = text.removeprefix(ALONE_MARKER), True
    return SqlScript(text, file=f"(ledger) {entry.name}", declared_alone=alone)


def recorded_text(body: Body | None) -> str | None:
    """What the ledger keeps of a script, so that `_recorded_down` knows how to run it."""
    if isinstance(body, SqlScript) and body.declared_alone:
        return ALONE_MARKER + body.text
    return None if body is None else body.text


def _python_down(entry: LedgerEntry, file: Migration | None) -> Body | None:
    """The ledger's copy of a Python file is never executed: whoever may write the target may not run code here."""
    if file is not None and file.checksum.token == entry.token_checksum:
        return file.down
    what = "is missing" if file is None else "has changed since it was applied"
    code = "missing_file" if file is None else "checksum_mismatch"
    message = (
        f"the Python file of {entry.name} {what}; put it back as it was applied "
        f"(checksum {entry.checksum.hex()[:12]}), since only the file can undo it"
    )
    raise ConflictsOpen(message, (Problem(code, message, migration=entry.name),))


def count_of(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
