"""The sample history does what its files say, through the whole way."""

from pathlib import Path

import pytest

from app.cli.local.up import PACKAGED_SAMPLES
from app.domain.errors import Irreversible
from app.domain.job import JobKind, JobState
from tests.support.house import open_house
from tests.support.servers import Servers, fetch, value

pytestmark = pytest.mark.servers


def test_the_samples_run_roll_back_and_run_again(servers: Servers) -> None:
    with open_house(servers, PACKAGED_SAMPLES) as house:
        assert house.do().state is JobState.SUCCEEDED
        assert set(house.statuses().values()) == {"completed"} and len(house.statuses()) >= 8
        rows = fetch(house.dsn, "SELECT email, total_cents FROM open_orders ORDER BY 1")
        assert [tuple(row) for row in rows] == [
            ("ada@example.com", 14_450),
            ("grace@example.com", 14_450),
        ]
        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
        assert house.do(JobKind.ROLLBACK, count=3).state is JobState.SUCCEEDED
        assert list(house.statuses().values()).count("rolled_back") == 4
        assert house.do().state is JobState.SUCCEEDED


def test_the_irreversible_sample_stops_a_rollback_and_a_reset_names_it(servers: Servers) -> None:
    with open_house(servers, PACKAGED_SAMPLES) as house:
        house.do()

        with pytest.raises(Irreversible, match="original spelling"):
            house.submit(JobKind.ROLLBACK, count=8)
        job = house.do(JobKind.RESET)

        assert job.state is JobState.SUCCEEDED
        assert any("lowercase_emails" in notice for notice in job.notices)
        assert value(house.dsn, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
        assert house.do().state is JobState.SUCCEEDED


def test_each_sample_says_what_it_shows() -> None:
    for path in sorted(Path(PACKAGED_SAMPLES).glob("0*")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(("-- ", '"""')), path


def test_the_sample_that_drops_a_column_loses_none_of_its_values(servers: Servers) -> None:
    with open_house(servers, PACKAGED_SAMPLES) as house:
        assert house.do().steps[-1].notice == "kept full_name of customers (2 rows)"
        assert house.do(JobKind.ROLLBACK).steps[0].notice == "gave back full_name of customers (2 rows)"
        rows = fetch(house.dsn, "SELECT email, full_name FROM customers ORDER BY 1")
        assert [tuple(row) for row in rows] == [
            ("ada@example.com", "Ada Sailor"),
            ("grace@example.com", "Grace Harbour"),
        ]
