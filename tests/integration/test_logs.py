"""What the log says of a job: each line names the request that asked for it, the job, its target and the migration."""

from pathlib import Path
from uuid import UUID

import pytest
import structlog
from structlog.contextvars import merge_contextvars

from app.domain.job import JobId
from tests.support.house import open_house
from tests.support.servers import Servers

pytestmark = pytest.mark.servers


def test_the_lines_of_a_job_name_its_request_its_target_and_its_migrations(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        house.write("1_good.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")
        house.write("2_bad.sql", "-- migrate:up\nSELECT no_such_function();\n")
        job = house.http("POST", "/migrations/run", headers={"X-Request-Id": "asked-1"}).get_json()["id"]
        with structlog.testing.capture_logs(processors=[merge_contextvars]) as lines:
            house.perform(JobId(UUID(job)))
    said = {line["event"]: line for line in lines}
    for event in ("job.started", "step.done", "step.failed", "job.ended"):
        named = {name: said[event][name] for name in ("request_id", "job", "environment")}
        assert named == {"request_id": "asked-1", "job": job, "environment": "development"}, event
    assert (said["step.done"]["migration"], said["step.failed"]["migration"]) == ("good", "bad")
    assert said["step.failed"]["code"] == "sql_error"
    assert all(line.get("request_id") == "asked-1" for line in lines)
