"""What only a dry run has seen is asked for under the fence too; proofs are read once, and only for what goes up."""

from uuid import UUID

import pytest

from app.domain.dry_run import DryRun, Effect
from app.domain.environment import Protection
from app.domain.hazards import HazardCode
from app.domain.job import JobKind, JobState
from app.domain.migration import Migration
from app.domain.proof import Proof, Verdict
from tests.services.floor import FILES, Floor, ended

DROPPED = Effect(HazardCode.TABLE_DROPPED, "public.notes", "public.notes")


@pytest.fixture
def locked(floor: Floor) -> Floor:
    floor.ledger.protection = Protection.LOCKED
    return floor


def tried(floor: Floor, migration: Migration, checksum: str | None = None, environment: str = "development") -> None:
    proof = Proof(
        environment, migration.name, checksum or migration.checksum.raw.hex(), Verdict.DOWN_FAILS, "its down fails",
        UUID(int=1), "15.4", dry_run=DryRun(effects=(DROPPED,)),
    )  # fmt: skip
    floor.portal.run(floor.proofs.put(proof))


def test_the_worker_refuses_what_only_a_dry_run_has_seen(locked: Floor) -> None:
    tried(locked, FILES[1])
    outcome = ended(locked.execute(locked.attempt()))
    assert (outcome.state, outcome.reason) == (JobState.FAILED, "hazard_not_allowed")
    assert "TABLE_DROPPED notes (b.sql)" in outcome.message
    assert locked.ledger.deeds == []


def test_with_consent_it_runs_and_says_what_was_taken(locked: Floor) -> None:
    tried(locked, FILES[1])
    outcome = ended(locked.execute(locked.attempt(allow_hazards=("TABLE_DROPPED",))))
    assert (outcome.state, outcome.reason) == (JobState.SUCCEEDED, "applied")
    assert "TABLE_DROPPED notes (b.sql)" in outcome.notices


@pytest.mark.parametrize("other", [{"checksum": "aa"}, {"environment": "staging"}])
def test_a_dry_run_of_another_file_or_environment_is_none(locked: Floor, other: dict[str, str]) -> None:
    tried(locked, FILES[1], **other)
    assert ended(locked.execute(locked.attempt())).reason == "applied"


def test_proofs_are_read_once_for_a_job_and_not_where_nothing_goes_up(floor: Floor) -> None:
    first = floor.attempt()
    floor.portal.run(floor.claims.end(first, ended(floor.execute(first))))
    assert floor.proofs.asked == 1

    idle = floor.attempt()
    floor.portal.run(floor.claims.end(idle, ended(floor.execute(idle))))
    back = floor.attempt(kind=JobKind.ROLLBACK, count=1)
    assert ended(floor.execute(back)).reason == "rolled_back"
    assert floor.proofs.asked == 1
