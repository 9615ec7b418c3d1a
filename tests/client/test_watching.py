"""A job is watched to its end, over what happens to the service meanwhile."""

import itertools

import httpx
import pytest

from app.client import StillGoing, Unreachable
from app.client.resources.jobs import Jobs
from app.client.resources.looks import PATIENCE_S
from app.client.transport import TRIES
from app.domain.job import Ended, JobState
from tests.api.stand import ONE, standing
from tests.client.wire import answering, client_of


def test_a_job_is_watched_until_it_has_ended() -> None:
    with standing(applied=(ONE,)) as stand, client_of(stand) as client:
        asked = client.migrations.run()
        seen: list[str] = []
        for job in client.stream(asked):
            seen.append(job.state)
            if len(seen) == 1:
                attempt = stand.start(job.id)
            elif len(seen) == 2:
                stand.run(stand.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "2 migrations applied")))
        assert seen == ["queued", "running", "succeeded"]
        assert client.wait(asked.id).message == "2 migrations applied"


def test_a_service_that_is_away_for_a_while_is_waited_for_but_not_for_ever() -> None:
    with standing(applied=(ONE,)) as stand, client_of(stand) as client:
        running = client.migrations.run()
    document = httpx.Response(200, json=running.raw, headers={"ETag": '"1"'})
    ended = httpx.Response(200, json={**running.raw, "state": "succeeded"})
    gone = [httpx.ConnectError("refused") for _ in range(TRIES)]
    proxy = httpx.Response(502, text="<html>Bad Gateway</html>")

    transport, sent = answering(document, *gone, proxy, ended)
    assert [job.state for job in Jobs(transport, lambda: 0).stream(running)] == ["queued", "succeeded"]
    assert [request.headers.get("If-None-Match") for request in sent][1:] == ['"1"'] * (TRIES + 2)

    clock = itertools.count(0, PATIENCE_S)
    with pytest.raises(Unreachable):
        list(Jobs(answering(document, *gone)[0], lambda: next(clock)).stream(running))
    with pytest.raises(Unreachable):
        list(Jobs(answering(*gone)[0], lambda: 0).stream(running))


def test_waiting_has_an_end_and_the_job_goes_on() -> None:
    with standing(applied=(ONE,)) as stand, client_of(stand) as client:
        asked = client.migrations.run()
        with pytest.raises(StillGoing) as raised:
            client.wait(asked, timeout_s=0)
        assert raised.value.job.id == asked.id
        assert client.jobs.get(asked.id).state == JobState.QUEUED
