"""What the statements of a plan have made so far: tables that nobody uses yet, and what is proven of others."""

from dataclasses import dataclass, field

from app.domain.hazard_rules.rule import added_constraint, function_key, unvalidated
from app.domain.words import Stated, Words, schema_of

_MAKES = {
    "CREATE TABLE": "TABLE",
    "CREATE FOREIGN TABLE": "TABLE",
    "CREATE VIEW": "VIEW",
    "CREATE MATERIALIZED VIEW": "VIEW",
    "CREATE SEQUENCE": "SEQUENCE",
    "CREATE TYPE": "TYPE",
    "CREATE DOMAIN": "DOMAIN",
}
_REMOVES = frozenset({"DROP TABLE", "DROP FOREIGN TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP INDEX"})
_TEMPORARY = frozenset({"TEMP", "TEMPORARY"})
_MAY_HAVE_BEEN_THERE = (("IF", "NOT", "EXISTS"), ("OR", "REPLACE"))


@dataclass(slots=True)
class Progress:
    """`checks`: CHECK constraints by table and name that are not validated, with the column each proves not null."""

    created: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)
    not_null: set[tuple[str, str]] = field(default_factory=set)
    temporary: set[str] = field(default_factory=set)
    checks: dict[tuple[str, str], str] = field(default_factory=dict)

    def pass_over(self, stated: Stated) -> None:
        """Take in what the statement has done."""
        match stated.verb:
            case verb if verb in _MAKES:
                self._make(stated.words, _MAKES[verb])
            case "CREATE FUNCTION" | "CREATE PROCEDURE" | "CREATE AGGREGATE":
                self._make_function(stated.words)
            case "CREATE INDEX" | "CREATE INDEX CONCURRENTLY":
                self._make_index(stated.words)
            case verb if verb in _REMOVES:
                at = stated.words.skipping(len(verb.split()), "IF", "EXISTS")
                self.created -= set(stated.words.names(at))
            case "ALTER TABLE":
                for action in stated.altered.actions:
                    self._alter(stated.altered.table, action)

    def end_script(self) -> None:
        """Temporary tables go with their session; another table may have that name in the next script."""
        self.created -= self.temporary
        self.temporary.clear()

    def _make(self, words: Words, noun: str) -> None:
        at = words.find(noun)
        name, _ = words.name(at + 1)
        if any(words.has(*phrase) for phrase in _MAY_HAVE_BEEN_THERE):
            return
        if not _TEMPORARY.isdisjoint(words.upper[1:at]):
            self.temporary.add(name)
        self.created.add(name)

    def _make_function(self, words: Words) -> None:
        if not words.begins("OR", "REPLACE", at=1):
            self.created.add(function_key(words.name(2)[0]))

    def _make_index(self, words: Words) -> None:
        at = words.skipping(words.find("INDEX"), "INDEX", "CONCURRENTLY")
        on = words.find("ON", start=at)
        if words.begins("IF", at=at) or on == at:
            return
        table, _ = words.name(words.skipping(on + 1, "ONLY"))
        self.created.add(f"{schema_of(table)}.{words.column(at)}")

    def _alter(self, table: str, action: Words) -> None:
        constraint = added_constraint(action)
        if action.begins("RENAME", "TO") and table in self.created:
            self.created.discard(table)
            self.created.add(f"{schema_of(table)}.{action.column(2)}")
        elif action.begins("VALIDATE", "CONSTRAINT"):
            self._prove(table, self.checks.pop((table, action.column(2)), None))
        elif constraint is not None and constraint.word(0) in ("CHECK", "NOT"):
            column = proven_not_null(constraint)
            if unvalidated(constraint):
                self.checks[table, action.column(2)] = column
            else:
                self._prove(table, column)

    def _prove(self, table: str, column: str | None) -> None:
        """`column` None: a constraint of which nothing is known here. '' : a CHECK that says something else."""
        if column is None:
            return
        self.checked.add(table)
        if column:
            self.not_null.add((table, column))


def proven_not_null(constraint: Words) -> str:
    """The column of CHECK (column IS NOT NULL), in any number of parentheses, or of NOT NULL column; '' for others."""
    if constraint.begins("NOT", "NULL"):
        return constraint.column(2)
    condition = constraint.between(1, constraint.end_of_parentheses(1))
    upper = [word for word in condition.upper if word not in "()"]
    raw = [word for word in condition.raw if word not in "()"]
    if upper[1:] != ["IS", "NOT", "NULL"]:
        return ""
    return Words(tuple(raw), tuple(upper)).column(0)
