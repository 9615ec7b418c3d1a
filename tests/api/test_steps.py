"""What to do next: a step is one line, its call a command that goes where the request went."""

import pytest

from app.api.steps import next_steps
from app.domain.failure import Failure, FailureCode
from app.domain.job import JobState
from tests.api.stand import Stand

BASE = "http://localhost:3000"


@pytest.mark.parametrize(("step", "parts"), [
    ("edit o.sql", ["edit o.sql"]),
    ("POST /migrations/run", [f"curl -X POST '{BASE}/migrations/run?environment=a'"]),
    ("GET /migrations", [f"curl '{BASE}/migrations?environment=a'"]),
    ("POST /migrations/rollback/3", [f"curl -X POST '{BASE}/migrations/rollback/3?environment=a'"]),
    ("GET /migrations/conflicts?state=open", [f"curl '{BASE}/migrations/conflicts?state=open&environment=a'"]),
    ("POST /migrations/run?environment=b", [f"curl -X POST '{BASE}/migrations/run?environment=b'"]),
    ("GET /docs", [f"curl {BASE}/docs"]), ("GET /jobs/1?wait=30", [f"curl '{BASE}/jobs/1?wait=30'"]),
    ("correct the files named here, then POST /migrations/run again",
     [f"correct the files named here, then: curl -X POST '{BASE}/migrations/run?environment=a'"]),
    ("Write it out, or try it with POST /migrations/verify.",
     [f"Write it out, or try it with: curl -X POST '{BASE}/migrations/verify?environment=a'"]),
    ("GET /jobs, then look at GET /docs; and ask",
     [f"curl {BASE}/jobs; then look at: curl {BASE}/docs; and ask"]),
])  # fmt: skip
def test_calls_become_commands_and_prose_stays_prose(step: str, parts: list[str]) -> None:
    assert next_steps((step,), BASE, "a") == parts


def test_a_call_with_a_body_becomes_one_command() -> None:
    assert next_steps(('when it is there: POST /migrations/mark {"names": ["a"], "as": "applied"}',), BASE, "x") == [
        f"when it is there: curl -X POST '{BASE}/migrations/mark?environment=x' -H 'Content-Type: application/json'"
        """ -d '{"names": ["a"], "as": "applied"}'""",
    ]


def test_what_a_shell_or_an_address_would_take_apart_is_quoted() -> None:
    assert next_steps(("GET /migrations",), BASE, "it's & more") == [
        f"curl '{BASE}/migrations?environment=it%27s%20%26%20more'"
    ]


def test_without_an_environment_the_default_is_meant() -> None:
    assert next_steps(("POST /migrations/run",), BASE, None) == [f"curl -X POST {BASE}/migrations/run"]


@pytest.mark.parametrize(
    ("query", "body"), [("?environment=production&confirm=production", {}), ("", {"environment": "production"})]
)
def test_a_problem_goes_on_in_the_environment_of_its_request(stand: Stand, query: str, body: dict[str, str]) -> None:
    stand.apply(*stand.files)
    refused = stand.post(f"/migrations/rollback/4{query}", json={**body, "confirm": "production"})
    assert refused.status_code == 422
    assert refused.json["nextSteps"] == [f"curl -X POST '{BASE}/migrations/rollback/3?environment=production'"]


def test_an_environment_that_is_not_there_is_in_no_command(stand: Stand) -> None:
    refused = stand.post("/migrations/run?environment=nowhere", data="{", content_type="application/json")
    assert refused.json["nextSteps"] == [f"curl -X POST {BASE}/migrations/run"]


def test_a_failed_job_goes_on_in_its_own_environment(stand: Stand) -> None:
    job_id = stand.post("/migrations/run", json={"environment": "production"}).json["id"]
    steps = ("correct o.sql, then POST /migrations/run again",)
    failure = Failure(FailureCode.SQL_ERROR, "no such table", next_steps=steps)
    stand.finish(job_id, JobState.FAILED, "sql_error", error=failure)
    assert stand.get(f"/jobs/{job_id}").json["error"]["nextSteps"] == [
        f"correct o.sql, then: curl -X POST '{BASE}/migrations/run?environment=production'",
    ]  # fmt: skip
