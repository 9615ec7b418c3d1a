"""The picture of dependencies over HTTP."""

import pytest

from tests.api.stand import standing
from tests.domain.literals import sql

USERS, ORDERS = sql("users", "1"), sql("orders", "2", needs="users", up="SELECT 2")


def test_the_graph_says_what_needs_what_and_where_each_stands() -> None:
    with standing(files=(USERS, ORDERS), applied=(USERS,)) as stand:
        found = stand.get("/migrations/graph?environment=development").json
        users, orders = found["migrations"]
        assert found["environments"] == ["development"]
        assert (users["dependencies"], users["dependents"]) == ([], ["orders"])
        assert (orders["dependencies"], orders["dependents"]) == (["users"], [])
        assert [one["cells"][0]["state"] for one in (users, orders)] == ["applied", "pending"]
        assert found["links"]["svg"] == "/migrations/graph?format=svg&environment=development"
        assert stand.get("/migrations/graph").json["environments"] == ["development", "production"]


@pytest.mark.parametrize(
    ("drawn", "media", "begins"),
    [
        ("svg", "image/svg+xml", "<svg "),
        ("dot", "text/vnd.graphviz", "digraph "),
        ("mermaid", "text/plain", "flowchart "),
        ("text", "text/plain", "  "),
    ],
)
def test_the_graph_is_drawn_in_the_format_that_is_asked_for(drawn: str, media: str, begins: str) -> None:
    with standing(files=(USERS, ORDERS), applied=(USERS,)) as stand:
        answer = stand.get(f"/migrations/graph?format={drawn}")
        assert answer.mimetype == media and answer.text.startswith(begins)
        assert "orders" in answer.text
        again = stand.get(f"/migrations/graph?format={drawn}", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


def test_a_format_or_an_environment_that_is_not_there_is_refused() -> None:
    with standing() as stand:
        assert stand.get("/migrations/graph?format=png").status_code == 422
        assert stand.get("/migrations/graph?environment=nowhere").status_code == 404
