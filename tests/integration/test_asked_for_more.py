"""An environment that comes to ask for more approvals, or for fewer, while jobs wait: in its file, and over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from app import failpoints
from app.caretaker import Caretaker
from app.domain.census import ProcessKind
from app.domain.environment import Dsn, Environment, Target
from app.domain.job import Attempt, Job, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.failpoints import Action, Failpoint
from tests.support.eventually import eventually
from tests.support.house import House, installed_database, open_house
from tests.support.servers import Servers, value

pytestmark = pytest.mark.servers

A = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"
ANN, BOB, EVE = (Origin(Principal(name, "token")) for name in ("ann", "bob", "eve"))
AGAIN = "shop asks for 2 approvals by now; it has 1 and waits for 1 more"

Opening = Callable[[int], AbstractContextManager[House]]
"""A process that has read a liftlock.toml with so many approvals."""


@pytest.fixture
def shop(servers: Servers) -> Environment:
    return Environment("shop", Dsn(servers.new_database()))


@pytest.fixture
def opening(servers: Servers, folder: Path, shop: Environment) -> Opening:
    return partial(opened, servers, folder, shop, installed_database(servers))


def opened(
    servers: Servers, folder: Path, shop: Environment, dsn: str, approvals: int
) -> AbstractContextManager[House]:
    (folder / "1_a.sql").write_text(A)
    return open_house(servers, folder, dsn, environments={"shop": replace(shop, approvals=approvals)})


def ask(house: House, kind: JobKind = JobKind.RUN) -> Job:
    return house.run_async(house.services.migrations.submit(JobRequest(kind, "shop"), ANN)).job


def approve(house: House, job: Job, by: Origin) -> Job:
    return house.run_async(house.services.approvals.approve(job.id, None, by))


def start(house: House) -> None:
    """What every process does at its start."""
    house.run_async(house.services.approvals.look_again())


def stands(house: House, job: Job) -> tuple[str, str, int]:
    shown = house.http("GET", f"/jobs/{job.id}").get_json()
    return shown["state"], shown["reason"], shown["approvalsNeeded"]


def is_empty(shop: Environment) -> bool:
    return bool(value(shop.dsn.secret, "SELECT to_regclass('a') IS NULL"))


def test_a_job_that_waits_needs_what_is_asked_for_since_the_restart(opening: Opening, shop: Environment) -> None:
    with opening(1) as house:
        job = ask(house)
    with opening(2) as house:
        start(house)
        assert stands(house, job) == ("waiting", "approval", 2)
        first = approve(house, job, BOB)
        assert (first.state, first.message) == (JobState.WAITING, "approved by bob; it waits for 1 more")
        approve(house, job, EVE)
        assert house.perform(job.id).reason == "applied"


@pytest.mark.parametrize("kind", [ProcessKind.API, ProcessKind.WORKER])
def test_every_process_looks_when_it_starts(opening: Opening, kind: ProcessKind) -> None:
    with opening(1) as house:
        job = ask(house)
    with opening(2) as house:
        caretaker = Caretaker(house.services, kind)
        caretaker.start()
        try:
            eventually(lambda: stands(house, job)[2] == 2)
        finally:
            caretaker.stop()
        assert stands(house, job) == ("waiting", "approval", 2)


def test_an_approval_that_comes_before_anybody_has_looked_is_not_the_last(opening: Opening) -> None:
    with opening(1) as house:
        job = ask(house)
    with opening(2) as house:
        assert approve(house, job, BOB).state is JobState.WAITING


def test_what_was_approved_and_is_queued_waits_again_and_lets_others_pass(opening: Opening) -> None:
    with opening(1) as house:
        job = ask(house)
        approve(house, job, BOB)
    with opening(2) as house:
        start(house)
        assert stands(house, job) == ("waiting", "approval", 1)
        assert house.job(job.id).message == AGAIN
        assert house.run_async(house.services.board.open_on("shop")) == ()
        assert [one["type"] for one in house.http("GET", f"/jobs/{job.id}/events").get_json()][-1] == "job.changed"


def test_a_worker_that_has_read_the_file_runs_nothing_with_fewer(opening: Opening, shop: Environment) -> None:
    with opening(1) as house:
        job = ask(house)
        approve(house, job, BOB)
    with opening(2) as worker:
        sent_back = worker.perform(job.id)
        assert (sent_back.state, sent_back.reason, sent_back.message) == (JobState.WAITING, "approval", AGAIN)
        assert is_empty(shop)
        approve(worker, job, EVE)
        assert worker.perform(job.id).reason == "applied"


def test_who_may_have_taken_the_target_before_is_looked_at_when_it_is_its_own(
    opening: Opening, shop: Environment
) -> None:
    """Whether the attempt that died had begun nobody knows before, so it is not sent back."""
    with opening(1) as house:
        job = ask(house)
        approve(house, job, BOB)
        assert isinstance(house.run_async(house.services.runner._claims.claim(job.id, "dies", -1)), Attempt)
        house.services.sweeper_portal.run(house.services.sweeper.sweep())
    with opening(2) as worker:
        over = worker.perform(job.id)
        assert (over.state, over.reason) == (JobState.FAILED, "approval_void")
        assert over.message == "shop asks for 2 approvals by now, and this job has 1; nothing was run, ask again"
        assert over.error is not None and over.error.next_steps == (f"POST /jobs/{job.id}/retry",)
        assert is_empty(shop)


@pytest.mark.parametrize(("dies_at", "reason"), [("started.after", "approval_void"), ("pin.after", "applied")])
def test_a_job_has_begun_when_its_plan_is_pinned(
    opening: Opening, shop: Environment, tmp_path: Path, dies_at: str, reason: str
) -> None:
    with opening(1) as house:
        job = ask(house)
        approve(house, job, BOB)
        failpoints.arm((Failpoint(dies_at, Action.RAISE),), tmp_path)
        try:
            with pytest.raises(failpoints.FailpointReached):
                house.perform(job.id)
        finally:
            failpoints.arm((), tmp_path)
        assert house.job(job.id).starts == 1
    with opening(2) as worker:
        assert worker.perform(job.id).reason == reason
        assert is_empty(shop) is (reason == "approval_void")


def test_with_fewer_asked_for_it_keeps_what_it_was_told(opening: Opening) -> None:
    with opening(2) as house:
        job = ask(house)
    with opening(1) as house:
        start(house)
        assert stands(house, job) == ("waiting", "approval", 2)
        assert approve(house, job, BOB).state is JobState.WAITING
        assert approve(house, job, EVE).state is JobState.QUEUED


def test_what_nobody_was_asked_about_is_refused_and_can_be_asked_for_again(opening: Opening, shop: Environment) -> None:
    with opening(0) as house:
        job = ask(house)
    with opening(1) as house:
        start(house)
        assert stands(house, job) == ("queued", "for_worker", 0)
        over = house.perform(job.id)
        assert (over.state, over.reason) == (JobState.FAILED, "approval_void")
        assert over.error is not None and over.error.next_steps == (f"POST /jobs/{job.id}/retry",)
        assert is_empty(shop)
        again = house.run_async(house.services.migrations.retry(job.id, ANN)).job
        assert (again.state, again.approvals_needed) == (JobState.WAITING, 1)


def test_what_is_put_over_http_holds_for_those_that_wait_at_once(
    servers: Servers, folder: Path, shop: Environment
) -> None:
    (folder / "1_a.sql").write_text(A)
    file = {"development": Environment("development", Dsn(servers.new_database()))}
    with open_house(servers, folder, environments=file, environ={"SHOP": shop.dsn.secret}) as house:
        house.http("PUT", "/environments/shop", json={"url": "env:SHOP", "approvals": 1})
        waiting, queued = ask(house), ask(house)
        approve(house, queued, BOB)
        assert house.http("PUT", "/environments/shop", json={"url": "env:SHOP", "approvals": 2}).status_code == 200
        assert stands(house, waiting) == ("waiting", "approval", 2)
        assert stands(house, queued) == ("waiting", "approval", 1)


@pytest.fixture
def several(servers: Servers) -> Iterator[Environment]:
    targets = tuple(Target(name, Dsn(servers.new_database())) for name in ("eu", "us"))
    yield Environment("shop", targets[0].dsn, targets=targets)


def applied(several: Environment) -> list[bool]:
    return [not is_empty(one) for one in several.each()]


def test_of_several_targets_none_is_begun_with_fewer(servers: Servers, folder: Path, several: Environment) -> None:
    opening = partial(opened, servers, folder, several, installed_database(servers))
    with opening(1) as house:
        job = ask(house)
        approve(house, job, BOB)
    with opening(2) as worker:
        assert worker.perform(job.id).message == AGAIN
        approve(worker, job, EVE)
        assert len(worker.perform(job.id).parts) == 1


@pytest.mark.parametrize("before", [0, 1])
def test_of_several_targets_those_that_are_left_go_on(
    servers: Servers, folder: Path, several: Environment, before: int
) -> None:
    opening = partial(opened, servers, folder, several, installed_database(servers))
    with opening(before) as house:
        job = ask(house)
        if before:
            approve(house, job, BOB)
        (first,) = house.perform(job.id).parts
        house.perform(first.id)
    with opening(2) as worker:
        start(worker)
        (_, second) = worker.perform(job.id).parts
        worker.perform(second.id)
        assert worker.perform(job.id).state is JobState.SUCCEEDED
        assert applied(several) == [True, True]


def test_of_several_targets_what_nobody_was_asked_about_touches_none(
    servers: Servers, folder: Path, several: Environment
) -> None:
    opening = partial(opened, servers, folder, several, installed_database(servers))
    with opening(0) as house:
        job = ask(house)
    with opening(1) as worker:
        over = worker.perform(job.id)
        assert (over.reason, over.parts, applied(several)) == ("approval_void", (), [False, False])
        assert over.error is not None and over.error.next_steps == (f"POST /jobs/{job.id}/retry",)


def test_who_wants_to_hear_of_jobs_that_wait_hears_of_it(servers: Servers, folder: Path, shop: Environment) -> None:
    (folder / "1_a.sql").write_text(A)
    told = """
        SELECT string_agg(e.type || ' ' || (e.detail->>'reason'), ', ' ORDER BY e.id)
        FROM liftlock_control.webhook_outbox o JOIN liftlock_control.events e ON e.id = o.event_id
    """
    file = {"shop": replace(shop, approvals=1)}
    with open_house(servers, folder, environments=file, secret_keys=("k" * 32,)) as house:
        assert house.http("POST", "/webhooks", json={"name": "ops", "url": "https://ops.example/"}).status_code == 201
        job = ask(house)
        approve(house, job, BOB)
        with open_house(servers, folder, house.dsn, environments={"shop": replace(shop, approvals=2)}) as worker:
            worker.perform(job.id)
        assert value(house.dsn, told) == "job.accepted approval, job.changed approval"
