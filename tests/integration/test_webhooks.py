"""Webhooks on real servers: what is noted with what happened, and how a message gets to its receiver."""

import asyncio
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from app.adapters.courier import HttpCourier
from app.adapters.vault import SecretVault
from app.domain.addresses import Network
from app.domain.job import JobState, Origin
from app.domain.webhook import Try
from app.ports import Message
from tests.fakes.clock import START
from tests.support.house import open_house
from tests.support.servers import Servers, value

HERE: Network = ipaddress.IPv4Network("127.0.0.1")
BAD = "-- migrate:up\nSELECT no_such_function();\n"
GOOD = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n"


class Receiver(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, dict[str, str], str]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.seen.append((self.path, {key.lower(): one for key, one in self.headers.items()}, body))
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
        else:
            self.send_response(200)
        self.send_header("Set-Cookie", "session=of-this-receiver-alone; Path=/")
        self.end_headers()
        self.wfile.write(b"x" * 5000)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[tuple[str, list[tuple[str, dict[str, str], str]]]]:
    class Ours(Receiver):
        seen: ClassVar[list[tuple[str, dict[str, str], str]]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ours)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Ours.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def take(url: str, *allowed: Network, timeout_s: float = 5) -> Try:
    (tried,) = take_each([url], *allowed, timeout_s=timeout_s)
    return tried


def take_each(urls: Sequence[str], *allowed: Network, timeout_s: float = 5) -> list[Try]:
    """One after the other, by one courier."""

    async def work() -> list[Try]:
        courier = HttpCourier(allowed, timeout_s)
        try:
            return [await courier.take(Message(url, (("webhook-id", "msg_1"),), '{"ü": 1}'), START) for url in urls]
        finally:
            await courier.close()

    return asyncio.run(work())


def test_a_message_arrives_with_its_headers_and_the_beginning_of_the_answer_is_kept() -> None:
    with receiving() as (url, seen):
        tried = take(f"{url}/hook?a=b", HERE)
    assert (tried.status, tried.answer, tried.error) == (200, "x" * 500, None)
    ((path, headers, body),) = seen
    assert (path, body, headers["webhook-id"]) == ("/hook?a=b", '{"ü": 1}', "msg_1")
    assert headers["host"] == url.removeprefix("http://") and headers["content-type"] == "application/json"


def test_what_one_receiver_has_set_is_told_to_no_other_at_its_address() -> None:
    with receiving() as (url, seen):
        take_each([f"{url}/one", f"{url}/other"], HERE)
        assert [(path, "cookie" in headers) for path, headers, _ in seen] == [("/one", False), ("/other", False)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1"])
def test_nobody_is_sent_into_this_machine(host: str) -> None:
    with receiving() as (url, seen):
        port = url.rpartition(":")[2]
        tried = take(f"http://{host}:{port}/hook?hush")
    assert seen == [] and tried.status is None
    assert tried.error == "its address is not a public one; LIFTLOCK_WEBHOOK_ALLOW names networks that may be used"


def test_an_address_that_nobody_can_be_sent_to_is_a_try_that_failed() -> None:
    for path in ("\x7f", "a" * 70_000, "\ud800"):
        assert take(f"http://127.0.0.1:9/{path}", HERE).error is not None


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with receiving() as (url, seen):
        tried = take(f"{url}/redirect", HERE)
    assert tried.status == 302 and len(seen) == 1


def test_http_is_for_networks_that_are_named() -> None:
    tried = take("http://1.1.1.1/hook")
    assert tried.error == "it takes https; http is for networks that LIFTLOCK_WEBHOOK_ALLOW names"


def test_a_receiver_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tried = take(f"http://127.0.0.1:{silent.getsockname()[1]}/", HERE, timeout_s=0.2)
    assert tried.error == "no answer within 0.2 s" and tried.duration_ms >= 200


def test_what_is_sealed_is_opened_with_any_of_the_keys_and_with_no_other() -> None:
    old, new = "o" * 32, "n" * 32
    kept = SecretVault([old], {}).seal("hush")
    assert kept.startswith("sealed:") and "hush" not in kept
    assert SecretVault([new, old], {}).open(kept) == "hush"
    assert SecretVault([new], {}).open(kept) is None and SecretVault([], {}).open(kept) is None
    assert SecretVault([], {"HOOK": "hush"}).open("env:HOOK") == "hush"


@pytest.mark.servers
def test_the_end_of_a_job_is_told_once_and_that_of_an_idle_tick_never(servers: Servers, folder: Any) -> None:
    settings: dict[str, Any] = {"secret_keys": ("k" * 32,), "webhook_allow": (HERE,)}
    with receiving() as (url, seen), open_house(servers, folder, **settings) as house:
        assert value(house.dsn, "SELECT count(*) FROM liftlock_control.webhook_outbox") == 0
        body = {"name": "all", "url": f"{url}/all"}
        assert house.http("POST", "/webhooks", json=body).status_code == 201
        house.write("1_a.sql", GOOD)
        house.do()
        house.write("2_b.sql", BAD)
        assert house.do().state is JobState.FAILED
        house.run_async(house.services.schedules.run("purge", None, Origin()))
        rounds = [house.services.sweeper_portal.run(house.services.notifier.round()) for _ in range(3)]
        assert rounds == [2, 0, 0]
        told = sorted((json.loads(text) for _, _, text in seen), key=lambda one: one["timestamp"])
        assert [one["type"] for one in told] == ["job.succeeded", "job.failed"]
        assert "no_such_function" in told[1]["data"]["said"]
        assert value(house.dsn, "SELECT count(*) FROM liftlock_control.webhook_outbox") == 0
        stored = value(house.dsn, "SELECT url || secret FROM liftlock_control.webhooks")
        assert url not in str(stored) and "whsec_" not in str(stored)
