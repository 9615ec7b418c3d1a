"""Nothing that needs consent passes the gate; what was looked at once is not looked at again."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import pytest

from app.domain import examination
from app.domain.dry_run import DryRun, Effect
from app.domain.environment import Dsn, Environment, Protection
from app.domain.errors import BackendUnavailable, HazardNotAllowed
from app.domain.hazards import HazardCode, Risk
from app.domain.holdings import HeldColumn, Holder, Holding, Holdings, Reached
from app.domain.job import JobKind, JobRequest
from app.domain.ledger import History
from app.domain.migration import Catalog, Migration
from app.domain.preserved import PreservedKind
from app.domain.proof import NO_PROOFS, KnownProofs, Proof, Verdict
from app.domain.schema import SchemaObject, Snapshot
from app.domain.step import Plan, step_up
from app.ports import TargetView
from app.services import gate as gates
from app.services.gate import HazardGate
from tests.domain.literals import sql
from tests.fakes.lint import FakeLinter
from tests.fakes.schemas import LiteralSchemas
from tests.fakes.surveys import LiteralSurveys

T = TypeVar("T")

LOCKED = Environment("production", Dsn("postgresql://db/shop"), Protection.LOCKED)
OPEN = Environment("development", Dsn("postgresql://db/shop"))
EMPTY = TargetView(History())
WIDEN = sql("widen", up="ALTER TABLE notes ALTER body TYPE varchar(40)")
DROP = sql("drop", up="DROP TABLE notes")
LOSE = sql("lose", up="ALTER TABLE notes DROP COLUMN note")
NO_KEY = Holding("public.notes", Holder.TABLE, 9, 8192, (HeldColumn("note", "text"),))
LOST = Holdings((Reached(0, PreservedKind.COLUMNS, "public.notes", ("note",)),), {"public.notes": NO_KEY})
MOST_BYTES = 1_000_000


class Yard:
    """A gate, and what stands behind it."""

    def __init__(self, linter: FakeLinter | None = None, column: str | None = None) -> None:
        facts = {} if column is None else {"body": column}
        objects = [
            SchemaObject("column", f"public.notes.{name}", {"of": "public.notes", "type": type_})
            for name, type_ in facts.items()
        ]
        self.schemas = LiteralSchemas(Snapshot.of(objects))
        self.linter = linter or FakeLinter()
        self.surveys = LiteralSurveys()
        self.gate = HazardGate(self.schemas, self.linter, self.surveys, MOST_BYTES)

    def admit(
        self,
        *files: Migration,
        environment: Environment = LOCKED,
        view: TargetView = EMPTY,
        allow: tuple[str, ...] = (),
        proofs: KnownProofs = NO_PROOFS,
    ) -> list[str]:
        request = JobRequest(JobKind.RUN, environment.name, allow_hazards=allow)
        plan = Plan(tuple(step_up(one) for one in files))
        return [one.said() for one in run(self.gate.admit(request, environment, plan, view, proofs))]


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def test_a_hazard_passes_with_consent_and_not_without() -> None:
    yard = Yard()
    with pytest.raises(HazardNotAllowed):
        yard.admit(DROP)
    assert yard.admit(DROP, allow=("TABLE_DROPPED",)) == []
    assert yard.admit(DROP, environment=OPEN) == []


def test_the_protection_that_the_target_remembers_counts_too() -> None:
    with pytest.raises(HazardNotAllowed):
        Yard().admit(DROP, environment=OPEN, view=TargetView(History(), "development", Protection.CONFIRM))


def test_the_type_that_a_column_has_can_show_that_there_is_no_hazard() -> None:
    yard = Yard(column="character varying(20)")
    assert yard.admit(WIDEN) == []
    assert yard.schemas.asked == 1


def test_the_type_that_a_column_has_can_show_that_there_is_one() -> None:
    with pytest.raises(HazardNotAllowed) as caught:
        Yard(column="text").admit(WIDEN)
    assert "text now" in caught.value.detail


def test_a_schema_that_cannot_be_read_leaves_what_the_text_says() -> None:
    yard = Yard()
    yard.schemas.unavailable = BackendUnavailable("away")
    with pytest.raises(HazardNotAllowed):
        yard.admit(WIDEN)


def test_the_same_files_are_examined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(steps: Any, *given: Any) -> examination.FoundHazards:
        seen.append(len(steps))
        return examination.examine(steps, *given)

    monkeypatch.setattr(gates, "examine", counted)
    yard, other = Yard(), sql("drop", up="DROP TABLE orders")
    for files in ((DROP,), (DROP,), (other,), (DROP,), (DROP, sql("more"))):
        yard.admit(*files, environment=OPEN)
    assert seen == [1, 1, 2]


def test_what_was_tried_meanwhile_is_looked_at_again() -> None:
    yard, file = Yard(), sql("one")
    seen = DryRun(effects=(Effect(HazardCode.TABLE_DROPPED, "public.notes"),))
    raw = file.checksum.raw.hex()
    proof = Proof(LOCKED.name, "one", raw, Verdict.PROVEN, "it is", UUID(int=1), "15.4", dry_run=seen)
    assert yard.admit(file) == []
    with pytest.raises(HazardNotAllowed):
        yard.admit(file, proofs=KnownProofs({proof.key: proof}))
    assert yard.admit(file) == []


def test_an_allowance_of_advice_is_unused_only_once_the_linter_has_looked() -> None:
    yard, file = Yard(), sql("one", up="-- liftlock: allow LINT we know\nSELECT 1")
    assert yard.admit(file) == []
    run(yard.gate.lint_ahead(Catalog((file,))))
    assert yard.admit(file) == ["one.sql:1 allows LINT, which nothing there has; remove the line"]


def test_files_are_linted_ahead_for_the_servers_that_were_seen() -> None:
    yard, file = Yard(), sql("one")
    yard.admit(file, view=TargetView(History(), server_major=17))
    run(yard.gate.lint_ahead(Catalog((file,))))
    scripts = gates.scripts_of([step_up(file)])
    assert yard.linter.known(scripts, "17.0").verdicts == ((),)
    assert yard.linter.known(scripts, "16.0").verdicts == (None,)


def test_the_risk_of_a_file_is_worked_out_again_when_files_or_advice_are_others() -> None:
    yard = Yard()
    one, dropping = sql("one", "1"), sql("dropping", "2", up="DROP TABLE notes")
    catalog = Catalog((one, dropping))
    first = run(yard.gate.risks(catalog))
    assert first == {"one": Risk.LOW, "dropping": Risk.HIGH} and run(yard.gate.risks(catalog)) is first
    assert run(yard.gate.risks(Catalog((one,)))) == {"one": Risk.LOW}


def test_of_very_many_files_the_newest_are_linted_ahead() -> None:
    yard = Yard()
    files = tuple(
        sql(f"m{number}", str(number), up=f"SELECT {number}") for number in range(gates.MOST_LINTED_AHEAD + 50)
    )
    run(yard.gate.lint_ahead(Catalog(files)))
    verdicts = yard.linter.known(gates.scripts_of([step_up(one) for one in files])).verdicts
    assert [verdict is None for verdict in verdicts].count(True) == 50
    assert verdicts[49:51] == (None, ())


def test_a_linter_that_cannot_look_is_asked_once_for_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    linter = FakeLinter(notice="squawk is not installed")
    asked: list[int] = []
    lint = linter.lint

    async def counted(scripts: Any, pg_version: str) -> Any:
        asked.append(len(scripts))
        return await lint(scripts, pg_version)

    monkeypatch.setattr(linter, "lint", counted)
    run(Yard(linter).gate.lint_ahead(Catalog(tuple(sql(f"m{number}") for number in range(250)))))
    assert asked == [gates.AT_ONCE]


def test_what_would_be_lost_for_good_needs_consent_by_its_own_name() -> None:
    yard = Yard()
    yard.surveys.held = LOST
    with pytest.raises(HazardNotAllowed) as caught:
        yard.admit(LOSE, allow=("COLUMN_DROPPED",))
    assert caught.value.facts["allowHazards"] == ["DATA_LOSS"]
    assert yard.admit(LOSE, allow=("COLUMN_DROPPED", "DATA_LOSS")) == []
    assert yard.admit(LOSE, environment=OPEN) == []


def test_what_is_kept_needs_none() -> None:
    yard = Yard()
    kept = replace(NO_KEY, columns=(HeldColumn("id", "int"), *NO_KEY.columns), keys=(("id",),))
    yard.surveys.held = replace(LOST, tables={"public.notes": kept})
    assert yard.admit(LOSE, allow=("COLUMN_DROPPED",)) == []


def test_nobody_looks_into_a_target_from_which_nothing_is_taken() -> None:
    yard = Yard()
    yard.admit(sql("make", up="CREATE TABLE notes (id int); CREATE INDEX ON notes (id)"))
    assert yard.surveys.taken == []


def test_where_nobody_can_look_the_keeper_decides_while_the_step_runs() -> None:
    yard = Yard()
    yard.surveys.held, yard.surveys.unavailable = LOST, BackendUnavailable("away")
    assert yard.admit(LOSE, allow=("COLUMN_DROPPED",)) == []
