"""What another linter says of a script, and what we make of it.

Most of its rules are ours too; ours know the plan and the target, so for those it is not asked. What is left is advice
under its own name, or a hazard of ours that only it sees.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.hazard_kinds import KINDS
from app.domain.hazards import FoundBy, Hazard, HazardCode
from app.domain.migration import SqlScript
from app.domain.statements import Statement

PG_VERSION = "15.0"
"""The server that a script is judged for when nobody knows better."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """`line` and `column`: 1-based, of the script's own text."""

    rule: str
    message: str
    advice: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Linted:
    """`verdicts` in the order of the scripts; None is not known. `notice`: why something is not known."""

    verdicts: tuple[tuple[LintFinding, ...] | None, ...]
    notice: str | None = None

    def by_script(self, scripts: Sequence[SqlScript]) -> Mapping[SqlScript, tuple[LintFinding, ...]]:
        """As `examine` takes it; `scripts` are those that were asked about, in their order."""
        found = zip(scripts, self.verdicts, strict=True)
        return {script: findings for script, findings in found if findings is not None}


# What our own rules report, by squawk's name for it.
COVERED: Mapping[str, HazardCode] = {
    "adding-field-with-default": HazardCode.TABLE_REWRITE,
    "adding-foreign-key-constraint": HazardCode.BLOCKS_WRITES,
    "adding-not-nullable-field": HazardCode.BLOCKS_READS,
    "adding-required-field": HazardCode.REQUIRED_COLUMN,
    "adding-serial-primary-key-field": HazardCode.BLOCKS_READS,
    "ban-alter-domain-with-add-constraint": HazardCode.BLOCKS_WRITES,
    "ban-drop-column": HazardCode.COLUMN_DROPPED,
    "ban-drop-constraint": HazardCode.CONSTRAINT_DROPPED,
    "ban-drop-database": HazardCode.OBJECT_DROPPED,
    "ban-drop-domain": HazardCode.OBJECT_DROPPED,
    "ban-drop-extension": HazardCode.EXTENSION_DROPPED,
    "ban-drop-function": HazardCode.FUNCTION_DROPPED,
    "ban-drop-schema": HazardCode.SCHEMA_DROPPED,
    "ban-drop-sequence": HazardCode.OBJECT_DROPPED,
    "ban-drop-table": HazardCode.TABLE_DROPPED,
    "ban-drop-type": HazardCode.OBJECT_DROPPED,
    "ban-drop-view": HazardCode.VIEW_DROPPED,
    "ban-set-schema": HazardCode.OBJECT_RENAMED,
    "ban-truncate-cascade": HazardCode.CASCADE_USED,
    "changing-column-type": HazardCode.TABLE_REWRITE,
    "constraint-missing-not-valid": HazardCode.BLOCKS_READS,
    "disallowed-unique-constraint": HazardCode.BLOCKS_READS,
    "renaming-object": HazardCode.OBJECT_RENAMED,
    "renaming-column": HazardCode.OBJECT_RENAMED,
    "renaming-table": HazardCode.OBJECT_RENAMED,
    "require-concurrent-index-creation": HazardCode.BLOCKS_WRITES,
    "require-concurrent-index-deletion": HazardCode.BLOCKS_READS,
    "require-concurrent-partition-detach": HazardCode.BLOCKS_READS,
    "require-concurrent-reindex": HazardCode.BLOCKS_READS,
}
# What Liftlock does by itself, or refuses before anything is linted.
NOT_ASKED = (
    "ban-concurrent-index-creation-in-transaction",
    "ban-uncommitted-transaction",
    "prefer-robust-stmts",
    "require-lock-timeout",
    "require-statement-timeout",
    "require-timeout-settings",
    "transaction-nesting",
)


def hazards_of(migration: str, script: SqlScript, findings: Sequence[LintFinding]) -> Iterator[Hazard]:
    """What our own rules leave to it: rules that are not known here too, those of later versions."""
    kind = KINDS[HazardCode.LINT]
    for finding in findings:
        if finding.rule in COVERED:
            continue
        yield Hazard(
            code=HazardCode.LINT,
            migration=migration,
            file=script.file,
            statement=_statement_at(script.parsed.statements, finding),
            line=finding.line + script.line - 1,
            object=finding.rule,
            happens=finding.message,
            to_do=finding.advice or kind.to_do,
            risk=kind.risk,
            rule=finding.rule,
            found_by=FoundBy.LINTER,
        )


def _statement_at(statements: Sequence[Statement], finding: LintFinding) -> int | None:
    """The last one that begins at or before the place."""
    place = (finding.line, finding.column)
    begun = [index for index, one in enumerate(statements) if (one.line, one.column) <= place]
    return begun[-1] if begun else None
