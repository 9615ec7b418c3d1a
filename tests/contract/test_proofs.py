"""What is kept of proofs, in memory and in PostgreSQL."""

from dataclasses import replace
from uuid import UUID

from app.domain.dry_run import DryRun, Effect
from app.domain.failure import Failure, FailureCode
from app.domain.hazards import HazardCode, Risk
from app.domain.lock_modes import Lock, LockMode
from app.domain.proof import Proof, RowLoss, Verdict
from tests.contract.conftest import Room

JOB = UUID(int=8)
PROOF = Proof(
    environment="staging",
    name="add it's",
    checksum="aa",
    verdict=Verdict.NOT_RESTORED,
    text="its down leaves an index",
    job_id=UUID(int=7),
    server_version="15.4",
    failure=Failure(FailureCode.SQL_ERROR, "it broke", file="a.sql", line=3),
    differences=({"kind": "index", "object": "a", "expected": None},),
    total=61,
    losses=(RowLoss("public.a", 3, 1, 0),),
    notices=("copied by a dump",),
    dry_run=DryRun(
        changes=("table public.a is dropped (2 columns)",),
        total=60,
        locks=(Lock("public.a", LockMode.ACCESS_EXCLUSIVE),),
        effects=(Effect(HazardCode.TABLE_DROPPED, "public.a", "public.a", risk=Risk.LOW),),
        made=("public.b", "public.f()"),
    ),
)


def test_before_the_first_proof_there_is_none(room: Room) -> None:
    known = room.run(room.proofs.of("staging"))
    assert known.by_key == {} and room.run(room.proofs.of("staging")) is known


def test_a_proof_is_kept_whole_with_its_time(room: Room) -> None:
    kept = room.run(room.proofs.put(PROOF))
    assert kept.checked_at is not None and replace(kept, checked_at=None) == PROOF
    known = room.run(room.proofs.of("staging"))
    assert known.of("add it's", "aa") == kept
    assert known.of("add it's", "bb") is None
    assert room.run(room.proofs.of("production")).by_key == {}


def test_the_newest_verdict_takes_the_place_of_the_one_before(room: Room) -> None:
    first = room.run(room.proofs.put(PROOF))
    newer = replace(PROOF, verdict=Verdict.PROVEN, failure=None, differences=(), losses=(), dry_run=None, job_id=JOB)
    second = room.run(room.proofs.put(newer))
    assert room.run(room.proofs.of("staging")).of("add it's", "aa") == second
    assert first.checked_at is not None and second.checked_at is not None
    assert second.checked_at >= first.checked_at


def test_what_could_not_be_checked_takes_no_verdicts_place(room: Room) -> None:
    unchecked = replace(PROOF, verdict=Verdict.NOT_CHECKED, text="its time was over")
    assert room.run(room.proofs.put(unchecked)).verdict is Verdict.NOT_CHECKED
    known = room.run(room.proofs.put(PROOF))
    assert room.run(room.proofs.put(replace(unchecked, dry_run=None))) == known
    assert room.run(room.proofs.of("staging")).of("add it's", "aa") == known


def test_the_same_object_is_given_until_something_changes(room: Room) -> None:
    room.run(room.proofs.put(PROOF))
    known = room.run(room.proofs.of("staging"))
    room.run(room.proofs.put(replace(PROOF, environment="production")))
    assert room.run(room.proofs.of("staging")) is known
    room.run(room.proofs.put(replace(PROOF, checksum="bb")))
    assert room.run(room.proofs.of("staging")) is not known
    assert len(room.run(room.proofs.of("staging")).by_key) == 2
