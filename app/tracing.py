"""Traces of OpenTelemetry, from a request to the steps of its job; nothing at all where nobody asks for them.

The library is an extra (`liftlock[otel]`), and spans are sent only where OTEL_EXPORTER_OTLP_ENDPOINT says where to.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

Attributes = Mapping[str, str | int]

_tracers: list["Tracer"] = []
_lock = threading.Lock()


def send_traces(service: str) -> None:
    """Once for a process, after its fork: what sends is a thread. Raises ImportError without the extra."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: "TracerProvider | None") -> None:
    """Spans go there; None: nowhere any more."""
    with _lock:
        _tracers[:] = [] if provider is None else [provider.get_tracer("liftlock")]


@contextmanager
def span(name: str, parent: str | None, attributes: Attributes) -> Iterator[None]:
    """`parent`: a `traceparent` (https://www.w3.org/TR/trace-context), None for a trace of its own."""
    tracer = next(iter(_tracers), None)
    if tracer is None:
        yield
        return
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    known = None if parent is None else TraceContextTextMapPropagator().extract({"traceparent": parent})
    with tracer.start_as_current_span(name, known, attributes=dict(attributes)):
        yield


def spanned(name: str, began: datetime | None, ended: datetime | None, attributes: Attributes, error: str = "") -> None:
    """A span that is over, inside the current one."""
    tracer = next(iter(_tracers), None)
    if tracer is None or began is None or ended is None:
        return
    from opentelemetry.trace import Status, StatusCode

    made = tracer.start_span(name, attributes=dict(attributes), start_time=_ns(began))
    if error:
        made.set_status(Status(StatusCode.ERROR, error))
    made.end(_ns(ended))


def current() -> str | None:
    """The `traceparent` of the current span, for what will go on elsewhere; None where there is none."""
    if not _tracers:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
