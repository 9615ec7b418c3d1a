"""Every disagreement between files and history is a row with both sides, and closes when its cause is gone."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.domain.environment import Dsn, Environment, OutOfOrder
from app.domain.errors import ConflictsOpen, MigrationsInvalid
from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch

pytestmark = pytest.mark.servers

ONE = "-- migrate:up\nCREATE TABLE one (id int);\n-- migrate:down\nDROP TABLE one;\n"
TWO = "-- migrate:up\nCREATE TABLE two (id int);\n-- migrate:down\nDROP TABLE two;\n"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        opened.write("1_one.sql", ONE)
        opened.write("2_two.sql", TWO)
        opened.do()
        yield opened


def open_conflicts(house: House) -> list[asyncpg.Record]:
    return fetch(house.dsn, "SELECT * FROM liftlock_control.conflicts WHERE state = 'open' ORDER BY id")


def test_a_changed_file_is_refused_with_both_checksums_and_recorded_once(house: House) -> None:
    house.write("1_one.sql", ONE.replace("id int", "id bigint"))

    for _ in range(2):
        with pytest.raises(ConflictsOpen, match="one has changed since it was applied"):
            house.submit()

    (conflict,) = open_conflicts(house)
    assert conflict["kind"] == "checksum_mismatch" and conflict["migrations"] == ["one"]
    assert '"appliedChecksum"' in conflict["evidence"] and '"fileChecksum"' in conflict["evidence"]
    assert conflict["answer"] == "refused before anything ran"


def test_a_conflict_closes_when_the_file_is_put_back(house: House) -> None:
    house.write("1_one.sql", ONE.replace("id int", "id bigint"))
    with pytest.raises(ConflictsOpen):
        house.submit()

    house.write("1_one.sql", ONE)
    house.submit()

    assert open_conflicts(house) == []
    (closed,) = fetch(house.dsn, "SELECT state, resolution FROM liftlock_control.conflicts")
    assert tuple(closed) == ("expired", "cause_gone")


def test_a_conflict_stays_open_while_its_target_cannot_be_looked_at(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    target = {"development": Environment("development", Dsn(dsn))}
    name = urlsplit(dsn).path[1:]
    with open_house(servers, folder, environments=target) as house:
        house.write("1_one.sql", ONE)
        house.do()
        house.write("1_one.sql", ONE.replace("id int", "id bigint"))
        with pytest.raises(ConflictsOpen):
            house.submit()

        execute(servers.postgres.dsn(), f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        execute(
            servers.postgres.dsn(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        assert house.submit().warnings

        assert [row["kind"] for row in open_conflicts(house)] == ["checksum_mismatch"]


def test_without_the_shortcut_the_worker_is_who_looks_and_refuses(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        house.write("1_one.sql", ONE)
        house.do()
        house.write("1_one.sql", ONE.replace("id int", "id bigint"))

        job_id = house.submit().job.id
        assert open_conflicts(house) == []
        refused = house.perform(job_id)

    assert (refused.state, refused.reason) == (JobState.FAILED, "conflicts_open")


def test_a_difference_in_comments_alone_is_a_notice_and_the_run_goes_on(house: House) -> None:
    house.write("1_one.sql", ONE.replace("CREATE", "-- the first\r\nCREATE"))
    house.write("3_three.sql", "-- migrate:up\nCREATE TABLE three (id int);\n")

    submitted = house.submit()

    assert any("comments or white space" in warning for warning in submitted.warnings)
    assert house.perform(submitted.job.id).state is JobState.SUCCEEDED


def test_a_missing_file_is_refused_and_recorded(house: House) -> None:
    (house.folder / "1_one.sql").unlink()

    with pytest.raises(ConflictsOpen, match="no file defines it"):
        house.submit()

    assert [row["kind"] for row in open_conflicts(house)] == ["missing_file"]


def test_a_file_that_cannot_be_read_closes_no_conflict(house: House) -> None:
    """What it defines nobody knows, so nobody knows either what is gone."""
    (house.folder / "1_one.sql").unlink()
    house.write("2_two.sql", TWO.replace("id int", "id bigint"))
    with pytest.raises(ConflictsOpen):
        house.submit()
    before = sorted(row["kind"] for row in open_conflicts(house))

    house.write("2_two.sql", "-- migrate:up\nCOMMIT;\n")
    with pytest.raises(MigrationsInvalid):
        house.submit()
    assert before == ["checksum_mismatch", "missing_file"]
    assert sorted(row["kind"] for row in open_conflicts(house)) == before
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert "missing_file" in [row["kind"] for row in open_conflicts(house)]


def test_what_is_missing_can_still_be_rolled_back_with_the_text_it_was_applied_with(house: House) -> None:
    (house.folder / "2_two.sql").unlink()

    job = house.do(JobKind.ROLLBACK)

    assert job.state is JobState.SUCCEEDED
    assert fetch(house.dsn, "SELECT to_regclass('two')::text")[0][0] is None


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"3_three.sql": "-- dependencies: nowhere\n" + TWO.replace("two", "three")}, "missing_dependency"),
        (
            {
                "3_three.sql": "-- dependencies: four\n" + TWO.replace("two", "three"),
                "4_four.sql": "-- dependencies: three\n" + TWO.replace("two", "four"),
            },
            "cycle",
        ),
        ({"2_zebra.sql": TWO.replace("two", "zebra")}, "version_collision"),
    ],
)
def test_files_that_contradict_each_other_are_refused_and_recorded(
    house: House, files: dict[str, str], kind: str
) -> None:
    for name, text in files.items():
        house.write(name, text)

    with pytest.raises(MigrationsInvalid):
        house.submit()

    assert [row["kind"] for row in open_conflicts(house)] == [kind]


@pytest.mark.parametrize("policy", [OutOfOrder.REFUSE, OutOfOrder.WARN])
def test_a_late_file_is_answered_as_the_environment_says(servers: Servers, folder: Path, policy: OutOfOrder) -> None:
    dsn = servers.new_database()
    environments = {"development": Environment("development", Dsn(dsn), out_of_order=policy)}
    with open_house(servers, folder, dsn, environments=environments) as house:
        house.write("2_two.sql", TWO)
        house.do()
        house.write("1_one.sql", ONE)

        if policy is OutOfOrder.REFUSE:
            with pytest.raises(ConflictsOpen, match="sorts before two"):
                house.submit()
        else:
            assert house.do().state is JobState.SUCCEEDED

        kinds = fetch(house.dsn, "SELECT kind, evidence->>'newestApplied' FROM liftlock_control.conflicts")
        assert [tuple(row) for row in kinds] == [("out_of_order", "two")]
