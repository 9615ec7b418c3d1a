"""Every page in both themes, by keyboard, without scripts, on small and large screens, and as news comes in."""

from typing import Any

import pytest

from tests.browser.conftest import Harbour
from tests.browser.visit import visiting
from tests.support.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.servers]

PAGES = (
    "/ui/", "/ui/jobs", "/ui/conflicts?state=all", "/ui/plans", "/ui/plans/new", "/ui/plans/latest", "/ui/graph",
    "/ui/compare", "/ui/drift", "/ui/preserved", "/ui/schedules", "/ui/history", "/ui/settings",
    "/ui/migrations/create_orders", "/ui/jobs/nowhere",
)  # fmt: skip


A_TURN_MS = 6_000
LEAST_TEXT_PX, LEAST_WIDTH = 10, 360
TOO_SMALL = """least => [...document.querySelectorAll("#page *")].filter(one => {
    const own = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const scale = one.getScreenCTM?.().a ?? 1;
    return own && one.getClientRects().length && parseFloat(getComputedStyle(one).fontSize) * scale < least;
}).map(one => one.textContent.slice(0, 40))"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def _every_page(harbour: Harbour) -> list[str]:
    jobs, conflicts = harbour.stack.http.get("/jobs").json(), harbour.stack.http.get("/migrations/conflicts").json()
    kinds = {(one["kind"], one["state"]): one["id"] for one in jobs}
    return [
        *PAGES,
        *(f"/ui/jobs/{one}" for one in kinds.values()),
        *(f"/ui/conflicts/{one['id']}" for one in conflicts[:1]),
        *(f"/ui{one['links']['self']}" for one in harbour.stack.http.get("/webhooks").json()),
    ]


def test_every_page_is_for_everybody_in_both_themes_and_on_every_screen(harbour: Harbour, chromium: Any) -> None:
    """WCAG AA by axe, everything opened; and nothing to push from side to side, on 360 px and on 4K."""
    found: dict[str, list[str]] = {}
    wide: list[str] = []
    small: list[str] = []
    with visiting(harbour, chromium, "ada", reduced_motion="reduce") as ada:
        for path in _every_page(harbour):
            ada.go(path)
            ada.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            # themes differ in nothing but colours
            for scheme, rules in (("light", ()), ("dark", ("color-contrast",))):
                ada.page.emulate_media(color_scheme=scheme)
                found |= {f"{path} {scheme}": violations} if (violations := ada.violations(rules)) else {}
            for width in (LEAST_WIDTH, 3840, 1280):
                ada.page.set_viewport_size({"width": width, "height": 860})
                wide += [f"{path} {width}"] if ada.page.evaluate(WIDER) else []
                shut = ada.violations(("scrollable-region-focusable",)) if width == LEAST_WIDTH else []
                found |= {f"{path} {width}": shut} if shut else {}
                small += [f"{path} {width} {one}" for one in ada.page.evaluate(TOO_SMALL, LEAST_TEXT_PX)]
    with visiting(harbour, chromium, None) as nobody:
        nobody.go("/ui/")
        found |= {"sign in": violations} if (violations := nobody.violations()) else {}
    assert (found, wide, small) == ({}, [], [])


def test_a_viewer_sees_every_page_and_a_reason_for_what_is_shut(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "wall") as wall:
        wall.expect_text("it needs the scope plan, which this token lacks")
        assert wall.page.get_by_role("button", name="Scan drift").first.is_disabled()
        assert wall.violations() == []


def test_the_main_way_goes_by_keyboard_alone(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        keyboard, page = ada.page.keyboard, ada.page
        keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
        keyboard.press("?")
        assert page.get_by_role("dialog").is_visible()
        keyboard.press("Escape")
        for key in "gp":
            keyboard.press(key)
        page.get_by_role("heading", name="Plans").wait_for()
        page.get_by_role("link", name="Make a plan").focus()
        keyboard.press("Enter")
        page.get_by_role("button", name="Plan it").focus()
        keyboard.press("Enter")
        page.get_by_role("button", name="Run").first.focus()
        keyboard.press("Enter")
        page.wait_for_url("**/ui/jobs/*")
        keyboard.press("/")
        keyboard.type("orders")
        keyboard.press("Enter")
        ada.expect_text("create_orders")


def test_enter_never_confirms_what_is_severe(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        ada.go("/ui/plans/new?kind=rollback&environment=production")
        ada.press("Plan it")
        typed = ada.page.locator("input[name=typed]")
        typed.fill("production")
        typed.press("Enter")
        assert "/ui/plans/" in ada.page.url
        typed.press("Tab")
        before = len(harbour.stack.http.get("/jobs").json())
        ada.press("Cancel")
        assert len(harbour.stack.http.get("/jobs").json()) == before


def test_everything_can_be_read_and_sent_without_scripts(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada", java_script_enabled=False) as ada:
        for path in ("/ui/", "/ui/jobs", "/ui/graph", "/ui/plans/latest"):
            ada.go(path)
            assert ada.page.locator("#page table, #page .card").count() > 0
        ada.go("/ui/plans/new?kind=rollback&environment=development")
        ada.press("Plan it")
        ada.page.get_by_text("Roll back 1 migration on development…").click()
        ada.press("Cancel")
        ada.expect_text("1 to roll back")
        ada.page.locator("#theme-form button").click()
        assert ada.page.locator("html").get_attribute("data-theme") == "dark"


def test_a_ring_of_the_stream_shows_within_half_a_second_and_moves_nothing(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        rings = "retry: 60000\n\nid: 1\ndata: {}\n\n"
        ada.page.route("**/ui/events*", lambda route: route.fulfill(content_type="text/event-stream", body=rings))
        with ada.page.expect_response(
            lambda answer: "/ui/jobs" in answer.url and answer.request.resource_type == "xhr"
        ):
            ada.go("/ui/jobs")
        ada.page.evaluate(
            "window.moved = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
            " window.moved += one.value; }).observe({type: 'layout-shift'})"
        )
        _ring(ada.page)
        assert ada.page.evaluate("window.moved") < 0.01
        job = harbour.stack.http.post("/environments/staging/drift/scan").json()["id"]
        began = ada.page.evaluate("performance.now()")
        ada.page.evaluate("htmx.trigger(document.getElementById('page'), 'doorbell')")
        ada.expect_link(f"/ui/jobs/{job}")
        took_ms = ada.page.evaluate("performance.now()") - began
        assert took_ms < 2_000  # half a second on a machine of its own; here others are at work as well


def test_a_job_that_rings_nobody_is_looked_at_all_the_same(harbour: Harbour, chromium: Any) -> None:
    job = harbour.stack.http.get("/jobs").json()[0]["id"]
    with visiting(harbour, chromium, "ada") as ada:
        ada.page.clock.install()
        rings = "retry: 60000\n\n"
        ada.page.route("**/ui/events*", lambda route: route.fulfill(content_type="text/event-stream", body=rings))
        ada.go(f"/ui/jobs/{job}")
        ada.page.clock.run_for(1_000)
        ada.page.wait_for_load_state("networkidle")
        ada.page.evaluate("document.getElementById('page').setAttribute('data-moving', '')")
        with ada.page.expect_response(lambda answer: answer.request.resource_type == "xhr"):
            ada.page.clock.run_for(3_000)


def test_a_broken_stream_says_since_when_and_asks_instead(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        _without_stream(ada.page, f"{harbour.url}/ui/jobs")
        job = harbour.stack.http.post("/environments/staging/drift/scan").json()["id"]
        ada.page.clock.run_for(A_TURN_MS)
        ada.expect_link(f"/ui/jobs/{job}")


def test_a_hidden_tab_asks_nothing_and_catches_up(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        _without_stream(ada.page, f"{harbour.url}/ui/jobs")
        asked: list[str] = []
        ada.page.on("request", lambda request: asked.append(request.url))
        _hide(ada.page, "true")
        job = harbour.stack.http.post("/environments/staging/drift/scan").json()["id"]
        ada.page.clock.run_for(3 * A_TURN_MS)
        assert asked == []
        _hide(ada.page, "false")
        ada.expect_link(f"/ui/jobs/{job}")


def test_what_is_typed_and_opened_stays_as_news_comes_in(harbour: Harbour, chromium: Any) -> None:
    conflict = harbour.stack.http.get("/migrations/conflicts").json()[0]["id"]
    job = next(one["id"] for one in harbour.stack.http.get("/jobs").json() if one["kind"] == "rollback")
    with visiting(harbour, chromium, "ada") as ada:
        ada.go(f"/ui/jobs/{job}")
        ada.page.get_by_text("Technical details").click()
        _ring(ada.page)
        assert ada.page.locator("details[open]", has_text="Technical details").count() == 1
        ada.go("/ui/history")
        ada.page.get_by_label("Who").fill("somebody")
        ada.page.get_by_label("Action").focus()
        _ring(ada.page)
        assert ada.page.get_by_label("Who").input_value() == "somebody"
        ada.go(f"/ui/conflicts/{conflict}")
        assert ada.page.get_by_role("heading", name="Both sides").is_visible()


def test_two_tabs_of_one_person_see_the_same(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        second = ada.page.context.new_page()
        second.goto(f"{harbour.url}/ui/schedules")
        ada.go("/ui/schedules")
        ada.press("Pause it")
        ada.expect_text("paused")
        second.get_by_text("paused").first.wait_for(timeout=10_000)
        ada.press("Resume it")
        eventually(lambda: second.get_by_text("paused").count() == 0)
        assert second.get_by_role("button", name="Resume it").count() == 0


def _without_stream(page: Any, address: str) -> None:
    """By the page's own clock, which only tests move: nobody waits for five seconds to be over."""
    page.clock.install()
    page.route("**/ui/events*", lambda route: route.abort())
    page.goto(address)
    eventually(lambda: page.clock.run_for(A_TURN_MS) or page.get_by_text("no stream since").is_visible())


def _hide(page: Any, hidden: str) -> None:
    page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{configurable: true, get: () => {hidden}}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def _ring(page: Any) -> None:
    with page.expect_response(lambda answer: answer.request.resource_type == "xhr"):
        page.evaluate("htmx.trigger(document.getElementById('page'), 'doorbell')")
    page.locator(".htmx-request").wait_for(state="detached")
