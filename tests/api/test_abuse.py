"""Whatever is sent, the answer is one of ours: never a 5xx, always a problem with its members."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.stand import Stand, standing

PATHS = (
    "/migrations", "/migrations/run", "/migrations/rollback", "/migrations/rollback/1", "/migrations/reset",
    "/migrations/conflicts", "/jobs", "/health/ready", "/version", "/problems", "/openapi.json", "/docs", "/",
)  # fmt: skip
FIELDS = (
    "environment", "to", "atomic", "onFailure", "onBusy", "lockTimeoutMs", "note", "confirm", "limit", "pageToken",
    "state", "kind", "wait", "x",
)  # fmt: skip

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
    | st.sampled_from(["development", "production", "queue", "run", "orders"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
bodies = (
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), values, max_size=5).map(
        lambda one: json.dumps(one).encode()
    )
    | values.map(lambda one: json.dumps(one).encode())
)
segments = st.text(st.characters(codec="utf-8", exclude_characters="/?#"), min_size=1, max_size=20)
paths = st.sampled_from(PATHS) | st.builds(
    "{}/{}".format,
    st.sampled_from(["/migrations", "/jobs", "/migrations/rollback", "/problems", "/migrations/conflicts", ""]),
    segments,
)
queries = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(max_size=5), st.text(max_size=20) | st.integers().map(str), max_size=4
)
headers = st.dictionaries(
    st.sampled_from(
        ["Idempotency-Key", "If-None-Match", "Prefer", "X-Request-Id", "traceparent", "Accept", "Content-Type"]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20).filter(lambda one: "wait" not in one),
    max_size=3,
)


@pytest.fixture(scope="module")
def worn() -> Iterator[Stand]:
    """One stand for every example: whatever came before must not matter."""
    with standing() as made:
        yield made


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"]),
    path=paths,
    query=queries,
    body=bodies,
    content_type=st.sampled_from([None, "application/json", "text/plain", "application/json; charset=latin-1"]),
    sent=headers,
)
def test_no_request_breaks_it(
    worn: Stand,
    method: str,
    path: str,
    query: dict[str, str],
    body: bytes,
    content_type: str | None,
    sent: dict[str, str],
) -> None:
    query = {name: "0" if name == "wait" and value.isdigit() else value for name, value in query.items()}
    answer: Any = worn.call(
        method, path, query_string=query, data=body, headers={"Content-Type": content_type or "", **sent}
    )
    assert answer.status_code < 500, answer.text
    assert answer.status_code not in range(300, 304)
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json["status"] == answer.status_code
        assert answer.json["requestId"] == answer.headers["X-Request-Id"]
        assert "Traceback" not in answer.text
