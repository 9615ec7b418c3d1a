"""Events on their way to 200 open streams, the API beside them, and 1,000 requests that wait for one job."""

import asyncio
import json
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bench.caller import Caller
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, Target, value_at_most
from bench.stack import RunningStack, running_stack, work_folder

STREAMS = 200
POLLS = 1_000
MOST_EVENT_MS = 50.0
MOST_READ_MS = 100.0
SLEEP_S = 12
ROOM = {"LIFTLOCK_NO_SHORTCUT": "1", "LIFTLOCK_API_PROCESSES": "4"}
_PATIENCE_S = 60
_TRIES = 20
_RETRY_AFTER_S = 2


def measure(scale: Scale) -> Section:
    _allow_many_connections()
    rounds = scale.some(full=40, quick=8)
    with work_folder() as work:
        _write(work / "migrations", "0001_one", "SELECT 1")
        with running_stack(work / "stack", work / "migrations", environment=ROOM) as stack:
            events, reads = asyncio.run(_streamed(stack, rounds))
            _write(work / "migrations", "0002_sleep", f"SELECT pg_sleep({SLEEP_S})")
            polls, refused = asyncio.run(_polled(stack))
    return _section(events, reads, polls, refused)


def _section(events: Samples, reads: Samples, polls: Samples, refused: int) -> Section:
    all_answered = Target(f"all {POLLS} answered", refused == 0 and len(polls.values) == POLLS)
    return Section(
        (
            Row(
                f"event to client, {STREAMS} streams", events, "", (value_at_most(events.median, MOST_EVENT_MS, "ms"),)
            ),
            Row("GET /jobs/ID beside them", reads, "", (value_at_most(_p99(reads), MOST_READ_MS, "ms (p99)"),)),
            Row(f"end of a job to {POLLS} long polls", polls, "", (all_answered,)),
        ),
        (
            f"GET /jobs/ID, p99: {_p99(reads):.1f} ms. Streams and long polls are connections of one Python process on "
            "the machine that serves them. An event's time is from the moment in it, which is before its commit. A "
            "long poll that finds no place in the process that took its connection comes again, as Retry-After says.",
        ),
    )


def _p99(samples: Samples) -> float:
    ordered = sorted(samples.values)
    return ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]


async def _streamed(stack: RunningStack, rounds: int) -> tuple[Samples, Samples]:
    late_ms: list[float] = []
    streams = [asyncio.create_task(_listen(stack, late_ms)) for _ in range(STREAMS)]
    await _open(stack, streams)
    late_ms.clear()
    reads = await asyncio.to_thread(_ask, stack, rounds)
    await asyncio.sleep(0.5)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return Samples(tuple(late_ms), "ms"), reads


async def _listen(stack: RunningStack, late_ms: list[float]) -> None:
    reader, writer = await _connection(stack, "/events?topics=jobs")
    try:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                at = datetime.fromisoformat(json.loads(line[6:])["at"])
                late_ms.append((datetime.now(UTC) - at).total_seconds() * 1000)
    finally:
        writer.close()


async def _open(stack: RunningStack, streams: "list[asyncio.Task[None]]") -> None:
    await asyncio.sleep(3)
    if any(stream.done() for stream in streams):
        raise RuntimeError(f"a stream has ended before its time at {stack.api_url}")


def _ask(stack: RunningStack, rounds: int) -> Samples:
    watch = Stopwatch()
    with Caller(stack.api_url) as caller:
        for _ in range(rounds):
            job = caller.submit()
            for _ in range(20):
                with watch.timed():
                    caller.read(f"/jobs/{job['id']}")
            caller.ended(job)
    return watch.samples


async def _polled(stack: RunningStack) -> tuple[Samples, int]:
    """From the moment at which the job ended to each answer, and how many were answered otherwise."""
    with Caller(stack.api_url) as caller:
        job = await asyncio.to_thread(caller.submit)
    polls = await asyncio.gather(*(_poll(stack, f"/jobs/{job['id']}?wait=60") for _ in range(POLLS)))
    answered = [(body, at) for status, body, at in polls if status == 200]
    ends = [datetime.fromisoformat(json.loads(body)["finishedAt"] or "9999-01-01T00:00:00Z") for body, _ in answered]
    late = [(at - end).total_seconds() * 1000 for end, (_, at) in zip(ends, answered, strict=True)]
    return Samples(tuple(late), "ms"), POLLS - len(answered)


async def _poll(stack: RunningStack, path: str) -> tuple[int, bytes, datetime]:
    for _ in range(_TRIES):
        answer = await _polled_once(stack, path)
        if answer[0] != 503:
            break
        await asyncio.sleep(_RETRY_AFTER_S)
    return answer


async def _polled_once(stack: RunningStack, path: str) -> tuple[int, bytes, datetime]:
    reader, writer = await _connection(stack, path)
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S + 10)
        at = datetime.now(UTC)
        return int(head.split(b" ")[1]), await reader.read(), at
    finally:
        writer.close()


async def _connection(stack: RunningStack, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(stack.api_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
    return reader, writer


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _write(folder: Path, name: str, sql: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(f"-- migrate:up\n{sql};\n-- migrate:down\nSELECT 1;\n", encoding="utf-8")
    time.sleep(0.01)


BENCHMARK = Benchmark("events", "Events, streams and long polls", measure)
