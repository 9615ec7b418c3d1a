"""What is waited for is said, and so is what is missing once the API is ready."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.embedded import readiness
from app.embedded.children import free_port
from app.embedded.readiness import Answer, NotReady, wait_ready

POSTGRES_AWAY = {"name": "postgresql", "ok": False, "needed": True, "detail": "nothing listens at db:5432"}
REDIS_AWAY = {"name": "redis", "ok": False, "needed": False, "detail": "cannot be reached"}
REDIS = {"name": "redis", "ok": True, "needed": False, "detail": "answers"}


@contextmanager
def api(*answers: tuple[int, object]) -> Iterator[str]:
    """Gives one answer after the other, the last one for ever."""
    left = list(answers)

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, checks = left.pop(0) if len(left) > 1 else left[0]
            body = json.dumps({"checks": checks}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(readiness, "_PATIENT_S", 0.0)
    monkeypatch.setattr(readiness, "_POLL_S", 0.01)
    return []


def test_each_reason_is_told_once(told: list[str]) -> None:
    away = (503, [POSTGRES_AWAY, REDIS])
    with api(away, away, away, (503, [POSTGRES_AWAY, REDIS_AWAY]), (200, [REDIS])) as url:
        assert wait_ready(url, deadline=soon(), tell=told.append) == Answer(True, "it answers 200")
    postgres, redis = "postgresql: nothing listens at db:5432", "redis: cannot be reached"
    assert told == [postgres, f"{postgres}; {redis}"]


def test_a_short_wait_is_not_worth_a_word(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_PATIENT_S", 60.0)
    with api((503, [POSTGRES_AWAY]), (200, [])) as url:
        wait_ready(url, deadline=soon(), tell=told.append)
    assert told == []


def test_ready_without_redis_is_ready_with_a_word(told: list[str]) -> None:
    with api((200, [REDIS_AWAY])) as url:
        assert wait_ready(url, deadline=soon(), tell=told.append).away == ("redis: cannot be reached",)


@pytest.mark.parametrize("checks", [None, 5, ["x"], [{}], "x"])
def test_an_answer_of_another_shape_has_its_status_for_a_reason(told: list[str], checks: object) -> None:
    with api((503, checks), (200, checks)) as url:
        wait_ready(url, deadline=soon(), tell=told.append)
    assert told == ["it answers 503"]


def test_whoever_never_answers_is_given_up_with_the_reason(told: list[str]) -> None:
    with pytest.raises(NotReady, match="does not answer yet"):
        wait_ready(f"http://127.0.0.1:{free_port()}", deadline=time.monotonic() + 0.1, tell=told.append)
    assert told == ["it does not answer yet (ConnectionRefusedError)"]


def soon() -> float:
    return time.monotonic() + 20
