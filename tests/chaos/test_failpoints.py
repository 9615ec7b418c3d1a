"""A process dies, stops, raises or loses its connection at a named place: all jobs end, each step is done once."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from app.domain.environment import OnFailure
from app.domain.job import JobKind, JobRequest
from app.domain.migration import Direction
from app.domain.preserved import Retrieval
from app.failpoints import PLACES, Action, marker_of
from tests.chaos import checks
from tests.chaos.hand import CARE, PERFORM, SUBMIT, Hand, hand
from tests.support.eventually import eventually
from tests.support.house import open_house
from tests.support.servers import Servers, execute, fetch

pytestmark = [pytest.mark.servers, pytest.mark.stack]

EVERY_CASE = os.environ.get("LIFTLOCK_CHAOS") == "full"
WITH_CONNECTION = ("target.", "fence.", "pin.", "step.", "commit.", "failure.", "finish.",
                   "keep.", "restore.", "retrieve.")  # fmt: skip
KEEPING = ("keep.", "restore.", "retrieve.")
ROWS = 100
QUICK = {
    "LIFTLOCK_CONFIG": "-",
    "LIFTLOCK_NO_SHORTCUT": "true",
    "LIFTLOCK_LOG_LEVEL": "WARNING",
    "LIFTLOCK_LEASE_TTL_MS": "1000",
    "LIFTLOCK_BEAT_EVERY_MS": "300",
    "LIFTLOCK_SWEEP_EVERY_MS": "150",
    "LIFTLOCK_FENCE_TIMEOUT_MS": "300",
    "LIFTLOCK_GIVE_BACK_MS": "50",
}
GOOD = """\
-- migrate:up
INSERT INTO effects (name, direction) VALUES ('{name}', 'up');
CREATE TABLE IF NOT EXISTS m_{name} (id int);
SELECT pg_sleep({sleep});
-- migrate:down
INSERT INTO effects (name, direction) VALUES ('{name}', 'down');
DROP TABLE IF EXISTS m_{name};
"""
BAD = "-- migrate:up\nINSERT INTO effects (name, direction) VALUES ('c', 'up');\nSELECT 1 / 0;\n-- migrate:down\n"
LAPSE = """
    UPDATE liftlock_control.jobs SET state = 'running', attempt = attempt + 1, owner = 'nobody:1', parked = false,
        lease_until = clock_timestamp() - interval '1 s'
    WHERE id = (SELECT id FROM liftlock_control.jobs ORDER BY seq LIMIT 1)
"""
DUE = "UPDATE liftlock_control.jobs SET next_dispatch_at = clock_timestamp() WHERE state = 'queued'"
STATES = "SELECT state FROM liftlock_control.jobs ORDER BY seq"


@dataclass(frozen=True)
class Case:
    place: str
    action: Action

    def __str__(self) -> str:
        return f"{self.place}={self.action}"


def _cases() -> list[Case]:
    """All of them for `make chaos`; one action, in turns, at every other place for `make test`."""
    found = []
    for number, place in enumerate(list(PLACES)[:: 1 if EVERY_CASE else 2]):
        actions = [action for action in Action if action is not Action.DROP or place.startswith(WITH_CONNECTION)]
        found += [Case(place, one) for one in (actions if EVERY_CASE else [actions[number % len(actions)]])]
    return found


@pytest.fixture(scope="module")
def template(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with Liftlock's tables, to be copied."""
    with open_house(servers, tmp_path_factory.mktemp("none")) as house:
        execute(house.dsn, checks.EFFECTS)
        return house.dsn


@pytest.fixture
def dsn(servers: Servers, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    parts = urlsplit(template)
    name = f"{parts.path[1:]}_{abs(hash(request.node.name))}"
    execute(servers.postgres.dsn(), f'CREATE DATABASE "{name}" TEMPLATE "{parts.path[1:]}"')
    yield urlunsplit(parts._replace(path=f"/{name}"))
    execute(servers.postgres.dsn(), f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.parametrize("case", _cases(), ids=str)
def test_a_fault_at_a_place_neither_loses_a_job_nor_repeats_a_step(
    servers: Servers, folder: Path, tmp_path: Path, dsn: str, case: Case
) -> None:
    fails = case.place.startswith("failure.")
    _write(folder, slow=case.place == "watchdog.beat", fails=fails)
    environ = QUICK | {"DATABASE_URL": dsn, "REDIS_URL": servers.valkey.url, "LIFTLOCK_MIGRATIONS": str(folder)}
    armed = environ | {"LIFTLOCK_FAILPOINTS": str(case), "LIFTLOCK_FAILPOINTS_DIR": str(tmp_path / "markers")}
    log = tmp_path / "hands.log"
    asked = _asked()
    if case.place.startswith(KEEPING):
        asked = _asked_of_rows(case, environ, dsn, log)

    with hand(armed, _duties(case, environ, dsn, log), log, asked) as first:
        eventually(lambda: marker_of(tmp_path / "markers", case.place).exists())
        if case.action is Action.KILL:
            first.wait()
            assert first.exit_code == -9
        with hand(environ, (CARE, PERFORM), log):
            eventually(lambda: _ended(dsn), within_s=30)
            _wake(first, case)
            # whoever is awake again may have asked for the second job only now
            states = eventually(lambda: _ended(dsn), within_s=30)
            breaches = checks.of_control(dsn) + checks.of_target(dsn) + checks.of_rollbacks(dsn, {"development": dsn})

    assert breaches == [], log.read_text()
    assert set(states) == {"failed" if fails else "succeeded"}, log.read_text()
    if case.place.startswith(KEEPING):
        _assert_every_row_is_where_it_belongs(dsn, case)


def _write(folder: Path, *, slow: bool, fails: bool) -> None:
    (folder / "1_a.sql").write_text(GOOD.format(name="a", sleep=0.6 if slow else 0))
    (folder / "2_b.sql").write_text(GOOD.format(name="b", sleep=0))
    if fails:
        (folder / "3_c.sql").write_text(BAD)


def _asked() -> tuple[JobRequest, ...]:
    """The first fails with a broken file, and takes back what it did; the second finds nothing to roll back then."""
    return (
        JobRequest(JobKind.RUN, "development", on_failure=OnFailure.ROLLBACK),
        JobRequest(JobKind.ROLLBACK, "development", count=1),
    )


def _asked_of_rows(case: Case, environ: dict[str, str], dsn: str, log: Path) -> tuple[JobRequest, ...]:
    """A table has rows and is dropped and made again; or it is dropped, and its rows are to have another table."""
    _do(environ, dsn, log, JobRequest(JobKind.RUN, "development"))
    execute(dsn, f"INSERT INTO m_b SELECT generate_series(1, {ROWS})")
    rollback = JobRequest(JobKind.ROLLBACK, "development", count=1)
    if not case.place.startswith("retrieve."):
        return rollback, JobRequest(JobKind.RUN, "development")
    _do(environ, dsn, log, rollback)
    (kept,) = fetch(dsn, "SELECT id FROM liftlock.preserved")
    retrieval = Retrieval(kept["id"], "b", Direction.DOWN, "public", "back")
    return (JobRequest(JobKind.RESTORE, "development", retrieval=retrieval),)


def _do(environ: dict[str, str], dsn: str, log: Path, asked: JobRequest) -> None:
    before = len(fetch(dsn, STATES))
    with hand(environ, (SUBMIT, CARE, PERFORM), log, (asked,)):
        eventually(lambda: len(_ended(dsn) or ()) > before, within_s=30)


def _assert_every_row_is_where_it_belongs(dsn: str, case: Case) -> None:
    retrieved = case.place.startswith("retrieve.")
    table, state = ("back", "kept") if retrieved else ("m_b", "restored")
    (there,) = fetch(dsn, f"SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM {table}")
    assert tuple(there) == (ROWS, ROWS)
    (kept,) = fetch(dsn, "SELECT state, rows FROM liftlock.preserved")
    assert tuple(kept) == (state, ROWS)
    (shelf,) = fetch(dsn, "SELECT count(*) AS sets FROM pg_tables WHERE schemaname = 'liftlock_preserved'")
    assert shelf["sets"] == (1 if retrieved else 0)


def _duties(case: Case, environ: dict[str, str], dsn: str, log: Path) -> tuple[str, ...]:
    """The sweeper's places are met by one who only sweeps: a job of a dead worker, and one nobody rang for."""
    if not case.place.startswith("sweep."):
        return (SUBMIT, CARE, PERFORM)
    with hand(environ, (SUBMIT,), log, _asked()) as submitting:
        submitting.wait()
    execute(dsn, DUE if case.place == "sweep.before_ring" else LAPSE)
    return (CARE,)


def _ended(dsn: str) -> list[str] | None:
    states = [row["state"] for row in fetch(dsn, STATES)]
    return states if states and not {"queued", "running"} & set(states) else None


def _wake(stopped: Hand, case: Case) -> None:
    if case.action is Action.STOP:
        stopped.wake()
