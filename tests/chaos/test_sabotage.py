"""Negative controls: with one guard taken away, the same checks see the harm; with all of them there is none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import failpoints
from app.adapters.target import preconditions, queries
from app.domain.job import JobId, JobKind
from app.failpoints import Action, Failpoint
from tests.chaos.stage import Stage, staged
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

Sabotage = Callable[[Stage, pytest.MonkeyPatch], None]
MOVES_TO_PINNED = 3
UNLOCKED = "SELECT epoch, pg_backend_pid() AS pid FROM liftlock.fence WHERE scope = $1 AND holder = $2 AND epoch = $3"
UNCHECKED = (
    "SELECT epoch, pg_backend_pid() AS pid FROM liftlock.fence"
    " WHERE scope = $1 AND $2::uuid IS NOT NULL AND $3::bigint IS NOT NULL"
)
FENCE_IN_START = "EXISTS (SELECT 1 FROM liftlock.fence WHERE scope = $1 AND holder = $7 AND epoch = $6)"
NO_KEY = "ALTER TABLE liftlock.steps DROP CONSTRAINT steps_pkey"
KNOWN_STEP = "NOT EXISTS (SELECT 1 FROM liftlock.steps WHERE scope = $1 AND job_id = $2 AND step = $3)"


@pytest.fixture
def stage(servers: Servers, folder: Path) -> Iterator[Stage]:
    """With a ledger in its target: sabotage needs something to break."""
    with staged(servers, folder) as opened:
        for kind in (JobKind.RUN, JobKind.RESET):
            opened.perform(opened.puppet("first"), opened.submit(kind, "a"))
        yield opened


def intact(_stage: Stage, _monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken away."""


def without_fence_check(_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "F2_CHECK", UNCHECKED)
    monkeypatch.setattr(queries, "START_STEP", _replaced(queries.START_STEP, FENCE_IN_START, "$7::uuid IS NOT NULL"))


def check_then_act(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are asked for first, and neither the fence's row is locked nor the step's key unique."""
    stage.ask(stage.dsns["a"], NO_KEY)
    monkeypatch.setattr(queries, "F2_CHECK", UNLOCKED)
    start = _replaced(queries.START_STEP, FENCE_IN_START, f"{FENCE_IN_START} AND {KNOWN_STEP}")
    monkeypatch.setattr(queries, "START_STEP", start)


def without_steps_key(stage: Stage, _monkeypatch: pytest.MonkeyPatch) -> None:
    stage.ask(stage.dsns["a"], NO_KEY)


def without_steps_key_and_second_look(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is the ledger asked whether the migration stands already."""
    without_steps_key(stage, monkeypatch)
    monkeypatch.setattr(preconditions, "refuse_other_ledger", lambda *_: None)


@pytest.mark.parametrize(
    ("sabotage", "seen"),
    [
        (intact, []),
        (without_fence_check, ["worked in 2 turns", "did step 1 after its end"]),
    ],
)
def test_a_worker_that_comes_back_after_its_job_s_end_changes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, seen: list[str]
) -> None:
    sabotage(stage, monkeypatch)
    zombie, heir = stage.puppet("zombie"), stage.puppet("heir")
    run = stage.submit(JobKind.RUN, "a")
    _claim_and_advance(stage, zombie, run, MOVES_TO_PINNED + 1)
    stage.rescue(run)
    _claim_and_advance(stage, heir, run, MOVES_TO_PINNED)
    heir.give_up()
    stage.advance(heir, 10)
    stage.perform(heir, stage.submit(JobKind.ROLLBACK, "a", count=1))
    stage.advance(zombie, 1)

    expect_seen(stage, seen)


@pytest.mark.parametrize(
    ("sabotage", "seen"),
    [
        (intact, []),
        (check_then_act, ["m1 went up twice in a row"]),
    ],
)
def test_a_worker_that_is_overtaken_between_its_check_and_its_act_changes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, seen: list[str]
) -> None:
    sabotage(stage, monkeypatch)
    slow, heir = stage.puppet("slow"), stage.puppet("heir")
    run = stage.submit(JobKind.RUN, "a")
    _claim_and_advance(stage, slow, run, MOVES_TO_PINNED)

    async def overtaken() -> None:
        await stage.rescued(run)
        await stage.performed(heir, run)

    slow.before_acting(overtaken)
    stage.advance(slow, 1)

    expect_seen(stage, seen)


@pytest.mark.parametrize(
    ("sabotage", "seen"),
    [
        (intact, []),
        (without_steps_key, []),
        (without_steps_key_and_second_look, ["m1 went up twice in a row"]),
    ],
)
def test_a_step_whose_commit_was_not_answered_is_not_done_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sabotage: Sabotage, seen: list[str]
) -> None:
    sabotage(stage, monkeypatch)
    worker = stage.puppet("worker")
    run = stage.submit(JobKind.RUN, "a")
    _claim_and_advance(stage, worker, run, MOVES_TO_PINNED)
    failpoints.arm((Failpoint("commit.answered", Action.DROP),), tmp_path)
    try:
        stage.advance(worker, 3)
    finally:
        failpoints.arm((), tmp_path)

    expect_seen(stage, seen)


def expect_seen(stage: Stage, wanted: list[str]) -> None:
    """Every sentence of `wanted` is among the breaches; with nothing wanted there is none."""
    breaches = stage.breaches("a")
    assert bool(breaches) is bool(wanted), breaches
    assert [one for one in wanted if not any(one in breach for breach in breaches)] == [], breaches


def _claim_and_advance(stage: Stage, puppet, job_id: JobId, moves: int) -> None:  # type: ignore[no-untyped-def]
    assert stage.run(puppet.claim(job_id))
    stage.advance(puppet, moves)


def _replaced(sql: str, part: str, other: str) -> str:
    assert part in sql, "the statement has changed: take its guard away in the new one"
    return sql.replace(part, other)
