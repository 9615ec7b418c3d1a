"""From the outside: start the stack as a user does, speak HTTP only, kill what can be killed."""

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.servers import is_asleep
from tests.support.stack import LIFTLOCK, RunningStack, running_stack

pytestmark = pytest.mark.stack

SLOW = "-- migrate:up\nCREATE TABLE slow (id int);\nSELECT pg_sleep(3);\n-- migrate:down\nDROP TABLE slow;\n"
QUICK = {"LIFTLOCK_LEASE_TTL_MS": "1500", "LIFTLOCK_BEAT_EVERY_MS": "500", "LIFTLOCK_SWEEP_EVERY_MS": "300"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def stack(data_dir: Path, folder: Path) -> Iterator[RunningStack]:
    for number in (1, 2, 3):
        text = f"-- migrate:up\nCREATE TABLE t{number} (id int);\n-- migrate:down\nDROP TABLE t{number};\n"
        (folder / f"{number}_t{number}.sql").write_text(text)
    with running_stack(data_dir, "--migrations", str(folder), environ=QUICK) as running:
        yield running


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


def test_the_missions_calls_work_as_written(stack: RunningStack) -> None:
    answer = stack.http.post("/migrations/run")
    assert answer.status_code == 202 and answer.headers["Location"] == f"/jobs/{answer.json()['id']}"
    assert answer.headers["Retry-After"]
    job = eventually(lambda: _ended(stack, answer.json()["id"]))
    assert job["state"] == "succeeded", job

    (first, *_), rollback = stack.http.get("/migrations").json(), stack.job("POST", "/migrations/rollback")
    wanted = {"id", "name", "version", "status", "appliedAt", "rolledBackAt", "createdAt", "updatedAt", "errorMessage"}
    assert wanted <= set(first)
    assert (first["status"], rollback["state"]) == ("completed", "succeeded")
    assert stack.statuses() == {"t1": "completed", "t2": "completed", "t3": "rolled_back"}
    assert stack.job("POST", "/migrations/rollback/2")["state"] == "succeeded"
    assert set(stack.statuses().values()) == {"rolled_back"}
    assert stack.job("POST", "/migrations/run")["state"] == "succeeded"
    assert stack.job("DELETE", "/migrations/reset")["state"] == "succeeded"
    assert set(stack.statuses().values()) == {"rolled_back"}
    assert isinstance(stack.http.get("/migrations/conflicts").json(), list)


def _ended(stack: RunningStack, job_id: str) -> dict[str, Any] | None:
    job: dict[str, Any] = stack.http.get(f"/jobs/{job_id}?wait=10").json()
    return job if job["finishedAt"] else None


def test_a_worker_killed_in_the_middle_of_a_run_costs_time_and_nothing_else(stack: RunningStack, folder: Path) -> None:
    (folder / "4_slow.sql").write_text(SLOW)
    job_id = stack.http.post("/migrations/run").json()["id"]
    eventually(lambda: is_asleep(stack.record["targets"]["development"]))

    os.kill(stack.record["pids"]["worker"], signal.SIGKILL)
    job = eventually(lambda: _ended(stack, job_id), within_s=60)

    assert job["state"] == "succeeded", (job, stack.logs())
    assert job["attempt"] >= 2
    assert set(stack.statuses().values()) == {"completed"}
    assert [step["state"] for step in job["steps"]] == ["applied"] * 4


def test_a_stopped_valkey_delays_jobs_and_loses_none(stack: RunningStack) -> None:
    os.kill(stack.record["pids"]["valkey"], signal.SIGKILL)

    job = stack.job("POST", "/migrations/run")

    assert job["state"] == "succeeded", stack.logs()


def test_postgresql_killed_and_started_again_loses_nothing(stack: RunningStack) -> None:
    assert stack.job("POST", "/migrations/run")["state"] == "succeeded"

    killed = stack.record["pids"]["postgres"]
    os.kill(killed, signal.SIGKILL)
    # its backends answer for a moment longer
    eventually(lambda: stack.record["pids"]["postgres"] != killed, within_s=40, every_s=0.2)
    eventually(lambda: stack.http.get("/health/ready").status_code == 200, within_s=40, every_s=0.2)

    assert set(stack.statuses().values()) == {"completed"}
    assert stack.job("POST", "/migrations/rollback")["state"] == "succeeded", stack.logs()


def test_stack_json_is_private_and_complete_and_goes_with_the_stack(stack: RunningStack) -> None:
    path = stack.data_dir / "stack.json"
    record = stack.record

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {"apiUrl", "controlUrl", "redisUrl", "targets", "pids"} <= set(record)
    assert record["apiUrl"] == stack.url and set(record["targets"]) == {"development"}
    pids = [record["pids"][name] for name in ("api", "worker", "beat", "postgres", "valkey")]
    assert all(alive(pid) for pid in pids)
    stack.process.send_signal(signal.SIGINT)
    stack.process.wait(40)
    assert not path.exists()
    assert not any(alive(pid) for pid in pids)


def test_the_launcher_killed_outright_leaves_no_process(stack: RunningStack) -> None:
    pids = [pid for pid in _descendants(stack.process.pid) if pid != stack.process.pid]
    assert len(pids) >= 8

    stack.process.kill()
    stack.process.wait(5)

    eventually(lambda: not [pid for pid in pids if alive(pid)], within_s=20)


def _descendants(pid: int) -> set[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found, todo = set(), [pid]
    while todo:
        current = todo.pop()
        found.add(current)
        todo.extend(parents.get(current, []))
    return found


def test_a_second_start_finds_the_state_of_the_first(data_dir: Path, folder: Path) -> None:
    (folder / "1_t.sql").write_text("-- migrate:up\nCREATE TABLE t (id int);\n")
    with running_stack(data_dir, "--migrations", str(folder)) as first:
        assert first.job("POST", "/migrations/run")["reason"] == "applied"

    with running_stack(data_dir, "--migrations", str(folder)) as second:
        assert second.statuses() == {"t": "completed"}
        assert second.job("POST", "/migrations/run")["reason"] == "nothing_to_do"


def test_auto_run_runs_at_start_once(data_dir: Path, folder: Path) -> None:
    (folder / "1_t.sql").write_text("-- migrate:up\nCREATE TABLE t (id int);\n")
    with running_stack(data_dir, "--migrations", str(folder), environ={"AUTO_RUN_MIGRATIONS": "true"}) as stack:
        eventually(lambda: stack.statuses() == {"t": "completed"})

        assert [job["kind"] for job in stack.http.get("/jobs").json()] == ["run"]
        assert f"Migrations from {folder}\n" in stack.output


def test_the_demo_runs_the_samples_and_says_what_to_try_next(data_dir: Path) -> None:
    with running_stack(data_dir, command="demo") as stack:
        eventually(lambda: "Ctrl-C stops everything; the data stays" in stack.output, within_s=60)

        assert stack.output.count("  completed") == 11
        assert stack.output.count("    kept full_name of customers (2 rows)") == 2
        assert stack.output.count("    gave back full_name of customers (2 rows)") == 1
        assert "curl -X POST" in stack.output and "POST   " in stack.output
        assert f"Your own files: {LIFTLOCK} up --migrations DIR" in stack.output and "open  " not in stack.output
        assert (stack.data_dir / ".gitignore").read_text() == "*\n"
        _check_what_the_demo_has_staged(stack)


def _check_what_the_demo_has_staged(stack: RunningStack) -> None:
    (conflict,) = stack.http.get("/migrations/conflicts", params={"environment": "development", "state": "open"}).json()
    assert conflict["kind"] == "schema_drift" and "orders_made_by_hand" in json.dumps(conflict)
    adopted = stack.job("POST", f"{conflict['links']['self']}/resolve", json={"resolution": "adopt_drift"})
    assert adopted["reason"] == "marked"

    job = stack.http.post("/environments/staging/sync").json()
    eventually(lambda: "nightly-report" in stack.http.get(f"/jobs/{job['id']}/locks").text, within_s=60)
    ended = stack.http.get(f"/jobs/{job['id']}", params={"wait": 60}).json()

    (adopting,) = (stack.data_dir / "migrations").glob("0012_adopt-drift-development-*.sql")
    assert [step["name"] for step in ended["steps"]][2:] == ["drop_full_names", adopting.stem.partition("_")[2]]
    assert ended["state"] == "succeeded"


def test_the_demo_may_have_two_people_of_whom_one_approves_what_the_other_asks_for(data_dir: Path) -> None:
    with running_stack(data_dir, "--people", command="demo") as stack:
        eventually(lambda: "Ctrl-C stops everything; the data stays" in stack.output, within_s=60)
        ada, ben = (re.search(rf"^  {name} +(\S+)$", stack.output, re.MULTILINE) for name in ("ada", "ben"))
        assert ada and ben and stack.http.get("/migrations").status_code == 401
        asking, approving = ({"Authorization": f"Bearer {one[1]}"} for one in (ada, ben))

        stack.http.headers.update(approving)
        stack.job("POST", "/environments/staging/sync", headers=asking)
        body = {"confirm": "production", "allowHazards": ["UNSEEN_STATEMENTS"]}
        job = stack.http.post("/migrations/run?environment=production", headers=asking, json=body).json()
        assert (job.get("state"), job.get("reason")) == ("waiting", "approval"), job
        assert stack.http.post(f"/jobs/{job['id']}/approve", headers=asking, json={"note": "mine"}).status_code == 403
        assert stack.http.post(f"/jobs/{job['id']}/approve", json={"note": "seen"}).is_success
        ended = stack.http.get(f"/jobs/{job['id']}", params={"wait": 30}).json()
        assert ended["state"] == "succeeded"

    with running_stack(data_dir, "--people", command="demo") as again:
        eventually(lambda: again.output.count("Ctrl-C stops everything; the data stays") == 2, within_s=60)
        assert again.http.get("/migrations", headers=approving).status_code == 401


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"LIFTLOCK_SWEEP_EVERY_MS": "soon"}, "LIFTLOCK_SWEEP_EVERY_MS=soon: takes a whole number"),
        ({"AUTO_RUN_MIGRATIONS": "maybe"}, "AUTO_RUN_MIGRATIONS=maybe: takes true or false"),
        ({"DATABASE_URL": "mysql://me:secret@host/db"}, "DATABASE_URL is not understood; it takes postgresql://"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_left_running(
    data_dir: Path, folder: Path, environ: dict[str, str], said: str
) -> None:
    with (
        pytest.raises(RuntimeError, match="the stack ended with 1") as ended,
        running_stack(data_dir, "--migrations", str(folder), environ=environ),
    ):
        pass

    assert said in str(ended.value)
    assert "secret" not in str(ended.value)
    assert "Traceback" not in str(ended.value)
