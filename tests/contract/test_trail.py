"""The audit trail: rows are added and read, and nothing else."""

from datetime import timedelta

import asyncpg
import pytest

from app.domain.audit import Deed
from app.domain.job import Origin
from app.domain.principal import Principal
from app.ports import AuditWanted
from tests.contract.conftest import Room
from tests.contract.test_jobs import add
from tests.support.servers import execute

ADA = Origin(Principal("t-1", "token", "10.0.0.7", "ada"), "req-1")
BOB = Origin(Principal("bob", "token"))
REFUSED = Deed(ADA, "migrations.run", "production", None, "forbidden", {"needs": "run:production", "status": 403})


def test_a_deed_comes_back_as_it_was_noted(room: Room) -> None:
    room.run(room.trail.note(REFUSED))
    room.run(room.trail.note(Deed(BOB, "tokens.add", subject="t-2")))
    added, refused = room.run(room.trail.find(AuditWanted()))
    assert (refused.deed, added.deed) == (REFUSED, Deed(BOB, "tokens.add", subject="t-2"))
    assert added.id > refused.id and added.at >= refused.at


def test_the_trail_is_read_newest_first_and_page_by_page(room: Room) -> None:
    for number in range(5):
        room.run(room.trail.note(Deed(ADA, f"deed.{number}")))
    first = room.run(room.trail.find(AuditWanted(limit=2)))
    rest = room.run(room.trail.find(AuditWanted(limit=9, before=first[-1].id)))
    assert [row.deed.action for row in (*first, *rest)] == [f"deed.{number}" for number in (4, 3, 2, 1, 0)]


def test_rows_are_found_by_who_what_where_and_since_when(room: Room) -> None:
    other = Deed(BOB, "tokens.add", subject="t-2")
    for deed in (REFUSED, other):
        room.run(room.trail.note(deed))
    (newest, _) = room.run(room.trail.find(AuditWanted()))

    def found(**asked: object) -> list[Deed]:
        return [row.deed for row in room.run(room.trail.find(AuditWanted(**asked)))]  # type: ignore[arg-type]

    assert found(principal="t-1") == found(principal="ada") == [REFUSED]
    assert found(action="tokens.add") == found(principal="bob") == [other]
    assert found(environment="production") == [REFUSED]
    assert found(principal="ada", action="tokens.add") == found(environment="nowhere") == []
    assert found(since=newest.at - timedelta(hours=1)) == [other, REFUSED]
    assert found(since=newest.at + timedelta(seconds=1)) == []


@pytest.mark.servers
@pytest.mark.parametrize("room", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE liftlock_control.audit SET principal_id = 'eve'",
        "DELETE FROM liftlock_control.audit",
        "TRUNCATE liftlock_control.audit",
        "SET session_replication_role = replica; DELETE FROM liftlock_control.audit",
    ],
)
def test_the_services_own_role_can_change_no_row(room: Room, statement: str) -> None:
    room.run(room.trail.note(REFUSED))
    assert room.dsn is not None
    with pytest.raises(asyncpg.PostgresError, match="only ever added") as refused:
        execute(room.dsn, statement)
    assert refused.value.sqlstate == "23M07"
    assert [row.deed for row in room.run(room.trail.find(AuditWanted()))] == [REFUSED]


@pytest.mark.servers
@pytest.mark.parametrize("room", ["postgresql"], indirect=True)
def test_jobs_and_what_is_asked_of_them_say_who_from_where_and_in_which_request(room: Room) -> None:
    job = add(room, origin=ADA)
    room.run(room.control.pause(job.id, ADA.principal, "req-2"))
    room.run(room.control.resume(job.id, ADA.principal, "req-3"))
    room.run(room.control.cancel(job.id, ADA.principal, "req-4"))
    rows = [row.deed for row in room.run(room.trail.find(AuditWanted(principal="ada")))]
    assert job.origin == ADA
    assert [(one.action, one.origin.request_id) for one in reversed(rows)] == [
        ("migrations.run", "req-1"), ("jobs.pause", "req-2"), ("jobs.resume", "req-3"), ("jobs.cancel", "req-4"),
    ]  # fmt: skip
    assert {(one.origin.principal, one.environment, one.subject) for one in rows} == {
        (ADA.principal, "development", str(job.id))
    }
