"""Markers in every place where a secret is configured, days as bad as they get, and then: who has said one of them?"""

import asyncio
import os
import re
import signal
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from app.embedded.children import free_port
from tests.support.eventually import eventually
from tests.support.stack import RunningStack, running_stack

pytestmark = pytest.mark.stack

ADMIN = "marker-of-the-admins-token-0123456789"
KEY = "marker-of-the-secret-key-0123456789abcdef"
WRONG_TOKEN = "marker-of-a-wrong-token"
AWAY, LOCKED_OUT = "marker-of-a-target-that-is-away", "marker-of-a-wrong-password"
HOOK_PATH = "marker-of-a-path-of-a-webhook"
HOOK_SECRET = "whsec_" + b64encode(b"marker of a webhooks secret 0123").decode()
QUICK = {"LIFTLOCK_LEASE_TTL_MS": "1500", "LIFTLOCK_BEAT_EVERY_MS": "500", "LIFTLOCK_SWEEP_EVERY_MS": "300"}
SHOWN_ONCE = frozenset({("POST", "/tokens"), ("POST", "/webhooks")})
SLOW = "-- migrate:up\nSELECT pg_sleep(2);\n"
BAD = "-- migrate:up\nSELECT no_such_function();\n"
CRASHING = """\
class Migration:
    name = "crash"
    version = "3"

    async def up(self, db):
        import os

        raise RuntimeError(f"no way to {os.environ['AWAY_URL']}, nor to {os.environ['DATABASE_URL']}")
"""


class Listening:
    """A stack whose every answer is kept, but for the two that show a secret once."""

    def __init__(self, stack: RunningStack, metrics_port: int) -> None:
        self.stack, self.metrics_port = stack, metrics_port
        self.heard: list[str] = []
        stack.http.headers["Authorization"] = f"Bearer {ADMIN}"
        stack.http.event_hooks["response"].append(self._keep)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.stack.http.request(method, path, **given)

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            found: dict[str, Any] = self.ask("GET", f"/jobs/{job['id']}").json()
            return found if found["state"] not in ("queued", "waiting", "running") else None

        return eventually(over, within_s=60, every_s=0.1)

    def _keep(self, response: httpx.Response) -> None:
        if (response.request.method, response.request.url.path) not in SHOWN_ONCE or response.status_code != 201:
            response.read()
            self.heard.append(f"{response.request.method} {response.url.path} {response.headers} {response.text}")


@pytest.fixture
def listening(tmp_path: Path, folder: Path) -> Iterator[Listening]:
    environ = QUICK | {
        "LIFTLOCK_AUTH": "token",
        "LIFTLOCK_ADMIN_TOKEN": ADMIN,
        "LIFTLOCK_SECRET_KEY": KEY,
        "LIFTLOCK_LOG_LEVEL": "DEBUG",
        "LIFTLOCK_METRICS_PORT": str(free_port()),
        "AWAY_URL": f"postgresql://ann:{AWAY}@127.0.0.1:1/none",
    }
    with running_stack(tmp_path / "data", "--migrations", str(folder), environ=environ) as stack:
        yield Listening(stack, int(environ["LIFTLOCK_METRICS_PORT"]))


def test_no_secret_is_ever_said(listening: Listening, tmp_path: Path, folder: Path) -> None:
    stack, ask = listening.stack, listening.ask
    token = live_through_bad_days(listening, tmp_path, folder)
    worker_metrics = httpx.get(f"http://127.0.0.1:{listening.metrics_port}/metrics", trust_env=False).text
    api_metrics = ask("GET", "/metrics").text
    assert 'liftlock_jobs_ended_total{environment="development",kind="run",state="failed"}' in worker_metrics
    assert "liftlock_http_requests_total" in api_metrics
    # and for half a minute the one that was killed
    assert re.search(r'liftlock_processes_alive{kind="worker"} [23]', api_metrics)

    places = {
        "an answer": "\n".join(listening.heard),
        "the logs": stack.logs() + stack.output,
        "the metrics of a worker": worker_metrics,
        "the control database": asyncio.run(everything_in(stack.record["targets"]["development"])),
        "the arguments of a process": "\n".join(arguments_of_processes()),
    }
    assert "job.started" in places["the logs"] and "/jobs/" in places["an answer"]
    assert "gunicorn" in places["the arguments of a process"] and "job.ended" in places["the control database"]
    of_valkey = (stack.data_dir / "valkey" / "password").read_text()
    servers = [urlsplit(stack.record["targets"]["development"]).password, of_valkey]
    markers = [ADMIN, KEY, WRONG_TOKEN, AWAY, LOCKED_OUT, HOOK_PATH, HOOK_SECRET, token.rpartition("_")[2], *servers]
    said = [(marker, place) for place, text in places.items() for marker in markers if marker and marker in text]
    assert len(markers) == 10 and said == []


def live_through_bad_days(listening: Listening, tmp_path: Path, folder: Path) -> str:
    """A target that is away, one that does not let us in, wrong tokens, failures, a crash; the token that was made."""
    ask, dsn = listening.ask, listening.stack.record["targets"]["development"]
    parts = urlsplit(dsn)
    wrong = parts._replace(netloc=f"postgres:{LOCKED_OUT}@{parts.hostname}:{parts.port}", path="/postgres").geturl()
    (tmp_path / "wrong").write_text(wrong)
    for name, url in (("away", "env:AWAY_URL"), ("shut", f"file:{tmp_path / 'wrong'}")):
        answer = ask("PUT", f"/environments/{name}", json={"url": url})
        assert answer.is_success, answer.text
    refused = ask("PUT", "/environments/open", json={"url": f"postgresql://ann:{AWAY}@127.0.0.1:1/x"})
    assert refused.status_code == 422
    token: str = ask("POST", "/tokens", json={"name": "t", "role": "viewer"}).json()["token"]
    hook = ask("POST", "/webhooks", json={
        "name": "h", "url": f"https://localhost:1/{HOOK_PATH}", "secret": HOOK_SECRET,
    }).json()  # fmt: skip
    ask("POST", f"/webhooks/{hook['id']}/test")
    for bearer in (WRONG_TOKEN, f"{token[:-1]}0", token):
        ask("POST", "/migrations/run", headers={"Authorization": f"Bearer {bearer}"})
    for name in ("away", "shut"):
        for method, path in (("POST", "/migrations/run"), ("GET", "/migrations"), ("POST", "/migrations/plan")):
            ask(method, f"{path}?environment={name}")
        ask("GET", f"/environments/{name}/status")
    (folder / "1_slow.sql").write_text(SLOW)
    crash_a_worker(listening)
    (folder / "2_bad.sql").write_text(BAD)
    failed = listening.ended(ask("POST", "/migrations/run").json())
    assert failed["state"] == "failed"
    (folder / "2_bad.sql").unlink()
    (folder / "3_crash.py").write_text(CRASHING)
    crashed = listening.ended(ask("POST", "/migrations/run").json())
    assert "no way to postgresql://ann:•••@127.0.0.1:1/none, nor to postgresql://" in crashed["message"]
    for path in ("/jobs", f"/jobs/{failed['id']}/events", f"/jobs/{failed['id']}/log", "/audit", "/tokens", "/webhooks",
                 "/environments?status=true", "/matrix", "/migrations/conflicts", "/schedules", "/health/ready",
                 "/environments/shut/registration", "/openapi.json"):  # fmt: skip
        assert ask("GET", path).status_code == 200, path
    # the worker that was killed may have been about to deliver: another may have it after half a minute
    eventually(lambda: ask("GET", f"/webhooks/{hook['id']}/deliveries").json()[-1]["tries"], within_s=60, every_s=0.2)
    return token


def crash_a_worker(listening: Listening) -> None:
    """Its pool process is killed in the middle of a migration, and another goes on."""
    job = listening.ask("POST", "/migrations/run").json()

    def owner() -> int | None:
        row = asyncio.run(one_row(listening.stack.record["targets"]["development"], job["id"]))
        return None if row is None else int(row.rpartition(":")[2])

    os.kill(eventually(owner), signal.SIGKILL)
    assert listening.ended(job)["state"] == "succeeded"


async def one_row(dsn: str, job_id: str) -> str | None:
    connection = await asyncpg.connect(dsn)
    try:
        found: str | None = await connection.fetchval(
            "SELECT owner FROM liftlock_control.jobs WHERE id = $1 AND state = 'running'", job_id
        )
        return found
    finally:
        await connection.close()


async def everything_in(dsn: str) -> str:
    """Every row of every table of Liftlock's own, in the control database and in the target."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname LIKE 'liftlock%'"
        )
        rows = [await connection.fetch(f"SELECT to_jsonb(t)::text FROM {table['name']} t") for table in tables]
        return "\n".join(str(row[0]) for found in rows for row in found)
    finally:
        await connection.close()


def arguments_of_processes() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
