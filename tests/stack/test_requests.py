"""What only a real server sees: the bytes of a request, many requests at once, and streams that are cut off."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.servers import fetch
from tests.support.stack import RunningStack, running_stack

pytestmark = pytest.mark.stack

HEAD = b"POST /migrations/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
TOLD = "SELECT id FROM liftlock_control.events WHERE type ~ '^(job|step)[.]' AND id >= $1 ORDER BY id"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("bodies") / "data") as running:
        yield running


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n",
        b"2;\x01\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nbroken trailer\r\n\r\n",
        b"50\r\n{}",
    ],
)
def test_broken_chunks_are_the_callers_mistake(stack: RunningStack, body: bytes) -> None:
    answer = sent(stack.port, CHUNKED + body)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"application/problem+json" in answer


def test_whole_chunks_are_a_body(stack: RunningStack) -> None:
    assert sent(stack.port, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n").startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(101)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, x\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_is_a_problem_too(stack: RunningStack, request_: bytes, status: int) -> None:
    head, _, body = sent(stack.port, request_).partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head and b"nosniff" in head and b"frame-ancestors 'none'" in head
    assert (problem["status"], problem["type"]) == (status, "/problems/bad-request")


def test_fifty_equal_requests_with_one_key_make_one_job(stack: RunningStack) -> None:
    before = {one["id"] for one in stack.http.get("/jobs?limit=500").json()}

    def ask(_: int) -> tuple[int, str | None]:
        answer = httpx.post(f"{stack.url}/migrations/run", headers={"Idempotency-Key": "fifty"}, timeout=60)
        return answer.status_code, answer.json().get("id")

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    jobs = {job for status, job in answers if status == 202}
    assert len(jobs) == 1 and {status for status, _ in answers} <= {202, 409}
    assert {one["id"] for one in stack.http.get("/jobs?limit=500").json()} - before == jobs


def test_a_stream_that_is_cut_twenty_times_loses_and_doubles_nothing(stack: RunningStack) -> None:
    first = stack.job("POST", "/migrations/run")["id"]
    read = [one["id"] for one in stack.http.get(f"/jobs/{first}/events").json()][-1:]
    for _ in range(20):
        if len(read) % 2:
            stack.http.post("/migrations/run")
        known = {"Last-Event-ID": read[-1]}
        with stack.http.stream("GET", "/events?topics=jobs", headers=known, timeout=20) as answer:
            lines = answer.iter_lines()
            read.append(next(line for line in lines if line.startswith("id: ")).removeprefix("id: "))
    told = fetch(
        stack.record["targets"]["development"], TOLD, int(read[0])
    )  # the schedules' too, if their hour has come
    assert [int(one) for one in read] == [row["id"] for row in told][: len(read)]


def sent(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))
