"""One trace from a request to the steps of its job, however many processes it goes through."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from app import tracing
from app.domain.job import JobId
from tests.support.house import open_house
from tests.support.servers import Servers

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)


@pytest.mark.servers
def test_the_steps_of_a_job_are_of_the_trace_of_its_request(
    servers: Servers, folder: Path, spans: InMemorySpanExporter
) -> None:
    with open_house(servers, folder) as house:
        house.write("1_good.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")
        house.write("2_bad.sql", "-- migrate:up\nSELECT no_such_function();\n")
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        job = house.http("POST", "/migrations/run", headers=headers).get_json()["id"]
        house.perform(JobId(UUID(job)))
    found = {span.name: span for span in spans.get_finished_spans()}
    request, work = found["POST /migrations/run"], found["job run"]
    good, bad = (span for span in spans.get_finished_spans() if span.name == "step up")
    assert {f"{span.context.trace_id:032x}" for span in found.values() if span.context} == {TRACE}
    assert [parent_of(one) for one in (request, work, good, bad)] == [
        CALLER, id_of(request), id_of(work), id_of(work),
    ]  # fmt: skip
    assert work.attributes is not None and work.attributes["liftlock.job"] == job
    assert good.attributes is not None and good.attributes["liftlock.migration"] == "good"
    assert (good.status.status_code, bad.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert bad.status.description == "sql_error"


def test_nothing_is_traced_where_nobody_asks_for_it() -> None:
    with tracing.span("a", None, {}):
        assert tracing.current() is None


def id_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"
