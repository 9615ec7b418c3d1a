"""Every page: that it is there, says what it is about, and holds nothing that a strict policy would refuse."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest

from app.domain.conflict import Collision, ConflictKind
from app.domain.convoying import child_request
from app.domain.environment import Dsn, Environment, Target
from app.domain.failure import Failure, FailureCode
from app.domain.job import JobId, JobState, Origin
from app.ports import NewJob
from app.ui.asking import Refused
from app.ui.pages.jobs import MOST_LINES
from tests.api.stand import ONE, SECRET, THREE, TWO, Stand, standing
from tests.domain.literals import sql
from tests.ui.browser import Browser, Page

HOSTILE = """<script>alert("1")<\\script>&'`"""
NASTY = sql(HOSTILE, "4", up="SELECT '<b>&\"''`</b>' -- </pre><script>alert(1)</script>\n", needs="orders")
READ = (
    "/ui/", "/ui/?all=1", "/ui/?q=ord", "/ui/jobs", "/ui/plans", "/ui/plans/new", "/ui/plans/new?kind=rollback",
    "/ui/graph", "/ui/conflicts", "/ui/conflicts?state=all", "/ui/drift", "/ui/compare", "/ui/preserved",
    "/ui/schedules", "/ui/history", "/ui/settings", "/ui/migrations/orders",
    "/ui/migrations/orders?environment=production",
)  # fmt: skip


@pytest.fixture(scope="module")
def busy() -> Iterator[Stand]:
    """With a job that failed, one that waits, a plan, and a conflict."""
    with standing(files=(ONE, TWO, THREE, NASTY), applied=(ONE,)) as stand:
        failed = stand.post("/migrations/run").json["id"]
        error = Failure(
            FailureCode.SQL_ERROR,
            f'relation "{HOSTILE}" is not there',
            migration=HOSTILE,
            direction="up",
            sqlstate="42P01",
            file=NASTY.file,
            line=1,
            next_steps=("correct it", "POST /migrations/run"),
        )
        stand.finish(failed, JobState.FAILED, "sql_error", error=error)
        stand.post("/migrations/run", json={"note": HOSTILE})
        stand.run(
            stand.log.record(
                Collision(ConflictKind.CHECKSUM_MISMATCH, HOSTILE, "one", "development", migrations=(HOSTILE, "orders"))
            )
        )
        yield stand


@pytest.fixture(scope="module")
def visitor(busy: Stand) -> Browser:
    return Browser(busy)


@pytest.fixture(scope="module")
def pages(busy: Stand, visitor: Browser) -> dict[str, Page]:
    """All of them, by their address."""
    jobs = [one["id"] for one in busy.get("/jobs").json]
    (conflict,) = busy.get("/migrations/conflicts?limit=1").json
    plan = busy.post("/migrations/plan").json["id"]
    more = [f"/ui/jobs/{one}" for one in jobs] + [f"/ui/conflicts/{conflict['id']}", f"/ui/plans/{plan}"]
    return {path: visitor.get(path) for path in (*READ, *more)}


def test_every_page_is_there_with_a_title_and_one_heading(pages: dict[str, Page]) -> None:
    broken = {path: page.status for path, page in pages.items() if page.status != 200 or page.html.count("<h1") != 1}
    assert broken == {}


def test_no_page_holds_what_the_policy_refuses(pages: dict[str, Page]) -> None:
    assert {path: page.inline for path, page in pages.items() if page.inline} == {}


def test_what_somebody_named_or_wrote_is_only_ever_text(pages: dict[str, Page]) -> None:
    shown = [path for path, page in pages.items() if "alert" in page.html]
    assert len(shown) >= 8
    for path in shown:
        assert "<script>alert" not in pages[path].html, path
        assert "</pre><script" not in pages[path].html, path


def test_no_page_shows_a_password(pages: dict[str, Page]) -> None:
    assert [path for path, page in pages.items() if SECRET in page.html] == []


def test_every_answer_keeps_frames_scripts_and_caches_out(pages: dict[str, Page]) -> None:
    headers = pages["/ui/"].response.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert headers["Cache-Control"] == "no-store"


def test_a_failed_job_gives_four_answers_and_marks_the_line(pages: dict[str, Page]) -> None:
    page = next(page for page in pages.values() if "What was left behind" in page.text)
    for answer in ("What failed", "Is it safe to retry", "What next", "SQLSTATE 42P01", "correct it", "curl -X POST"):
        assert answer in page.text
    assert "<mark>" in page.html and "the failing line:" in page.text


def test_a_job_that_waits_can_be_stopped_after_being_asked_once_more(busy: Stand, visitor: Browser) -> None:
    job = next(one for one in busy.get("/jobs").json if one["state"] == "queued")
    page = visitor.get(f"/ui/jobs/{job['id']}")
    assert [label for _, _, label in page.form_with("Stop the job").buttons] == ["Leave it", "Stop the job"]


def test_a_line_of_a_log_ends_where_the_log_ends_it(busy: Stand, visitor: Browser) -> None:
    """And not at what else ends lines in Unicode, which a note or an error of PostgreSQL may hold."""
    said = "one\u2028two\x85three\x0cfour"
    job = next(one.job for one in busy.store.rows.values() if one.job.state is JobState.FAILED)
    busy.events.tell(job, "job.notice", said)
    page = visitor.get(f"/ui/jobs/{job.id}")
    assert (page.status, said in page.html) == (200, True)


def test_a_filter_of_a_long_log_says_that_it_looks_at_its_end_only(busy: Stand, visitor: Browser) -> None:
    job = next(one.job for one in busy.store.rows.values() if one.job.state is JobState.FAILED)
    assert "the newest 500 lines" not in visitor.get(f"/ui/jobs/{job.id}").text.lower()
    for number in range(MOST_LINES):
        busy.events.tell(job, "job.progress", f"line {number}")
    page = visitor.get(f"/ui/jobs/{job.id}?log=nowhere")
    assert "no line of the newest 500 holds “nowhere”" in page.text and "the download has all of them" in page.text


def test_the_overview_finds_by_name_and_leads_an_id_to_its_job(busy: Stand, visitor: Browser) -> None:
    assert "orders" in visitor.get("/ui/?q=ORD").text
    assert "No migration is called so" in visitor.get("/ui/?q=nowhere").text
    job = busy.get("/jobs").json[0]["id"]
    assert visitor.get(f"/ui/?q={job}").response.headers["Location"] == f"/ui/jobs/{job}"


def test_a_job_that_waits_is_on_the_overview_however_many_have_ended_since(stand: Stand, browser: Browser) -> None:
    waits = stand.post("/migrations/run?environment=production", json={"confirm": "production"}).json["id"]
    for _ in range(51):
        stand.finish(stand.post("/migrations/run").json["id"])
    page = browser.get("/ui/")
    assert f"/ui/jobs/{waits}" in page.links.values() and "Nothing runs and nothing waits" not in page.text


def test_a_job_that_is_not_there_is_a_page_that_says_so(visitor: Browser) -> None:
    page = visitor.get(f"/ui/jobs/{UUID(int=7)}")
    assert (page.status, "there is no job" in page.text) == (404, True)
    assert visitor.get("/ui/nowhere").status == 404


def test_what_breaks_shows_an_id_and_nothing_of_why(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("hush")

    monkeypatch.setattr("app.ui.pages.overview.folded_rows", broken)
    page = visitor.get("/ui/", headers={"X-Request-Id": "my-request"})
    assert (page.status, "my-request" in page.text, "hush" in page.html) == (500, True, False)


def test_a_target_that_is_away_leaves_the_way_to_the_others(visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: str) -> None:
        raise Refused(503, {"title": "A server is not available", "detail": "nothing listens there"})

    monkeypatch.setattr("app.ui.pages.graph._picture", away)
    page = visitor.get("/ui/graph")
    assert (page.status, "nothing listens there" in page.text, "Schedules" in page.links) == (503, True, True)
    assert page.links["production"] == "/ui/graph?environment=production"


@pytest.mark.parametrize("path", ["graph", "preserved"])
def test_a_page_of_one_database_offers_each_of_several_targets_and_begins_with_the_first(path: str) -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://h/{name}")) for name in ("eu", "us"))
    several = Environment("development", targets[0].dsn, targets=targets)
    with standing(changed_settings={"environments": {"development": several}}) as stand:
        for asked in ("", "?environment=development", "?environment=development.eu"):
            page = Browser(stand).get(f"/ui/{path}{asked}")
            assert page.status == 200
            assert re.findall(r"<option[^>]*>([^<]*)", page.html) == ["development.eu", "development.us"]


def test_only_a_browser_is_led_from_the_front_door_to_the_dashboard(busy: Stand) -> None:
    client = busy.client()
    assert client.get("/", headers={"Accept": "text/html,*/*"}).headers.get("Location") == "/ui/"
    assert client.get("/", headers={"Accept": "*/*"}).status_code == 404
    assert client.get("/nowhere", headers={"Accept": "text/html"}).content_type == "application/problem+json"


def test_the_dashboard_does_not_answer_to_a_strange_host(busy: Stand) -> None:
    for path in ("/ui/", "/ui/sign-in"):
        assert busy.client().get(path, base_url="http://evil.example").status_code == 403


def test_a_job_of_several_targets_leads_to_that_of_each_and_back() -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://h/{name}")) for name in ("eu", "us"))
    shop = Environment("shop", targets[0].dsn, targets=targets)
    with standing(changed_settings={"environments": {"shop": shop}, "default_environment": "shop"}) as stand:
        whole = stand.post("/migrations/run").json["id"]
        page = Browser(stand).get(f"/ui/jobs/{whole}")
        assert "its turn has not come" in page.text and "It took no step" not in page.text
        leader = stand.start(whole)
        first = NewJob(
            JobId(stand.clock.new_id()),
            child_request(leader.request, 0, leader.job_id),
            Origin(),
            message="it is its turn",
        )
        stand.run(stand.convoys.add(leader.job_id, 0, first))
        page = Browser(stand).get(f"/ui/jobs/{whole}")
        assert "shop.us" in page.text and "shop.us" not in page.links
        part = Browser(stand).get(page.links["shop.eu"])
        assert part.links["all targets"] == f"/ui/jobs/{whole}"


def test_a_comparison_of_several_targets_leads_to_each_of_them() -> None:
    eu, us = (Target(name, Dsn(f"postgresql://db/{name}")) for name in ("eu", "us"))
    environments = {
        "old": Environment("old", Dsn("postgresql://db/old")),
        "shop": Environment("shop", eu.dsn, targets=(eu, us)),
    }
    with standing(changed_settings={"environments": environments}) as stand:
        page = Browser(stand).get("/ui/compare?from=old&to=shop")
        assert page.links["old and shop.us"] == "/ui/compare?from=old&to=shop.us"
        assert "selected>shop.us</option>" in Browser(stand).get(page.links["old and shop.us"]).html
