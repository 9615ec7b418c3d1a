"""Somebody who has never seen Liftlock: plan, run, meet a lock, go back, settle a conflict, promote. In this order."""

import re
from typing import Any

import pytest

from tests.browser.conftest import Harbour
from tests.browser.hands import execute, held, value
from tests.browser.visit import Visit, visiting

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.servers]

STILL = 0.02
"""Of a page that nobody sees move: a line that a step adds, where 0.1 is what browsers call good."""


def test_1_what_is_pending_is_planned_and_run(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        for name in ("development", "staging", "production"):
            ada.expect_text(name)
        ada.page.get_by_role("link", name="Plan 11 migrations for development").click()
        ada.press("Plan it")
        ada.expect_text("11 to apply")
        ada.press("Run 11 migrations on development")
        ada.expect_text("11 migrations applied in development")
        assert ada.page.locator(".steps li.applied").count() == 11


def test_2_a_rollback_waits_for_a_lock_names_who_holds_it_and_gives_the_rows_back(
    harbour: Harbour, chromium: Any
) -> None:
    target = harbour.targets["development"]
    with visiting(harbour, chromium, "ada") as ada:
        ada.go("/ui/plans/new?kind=rollback&environment=development")
        ada.press("Plan it")
        ada.expect_text("1 to roll back")
        overview = Visit(harbour, ada.page.context.new_page())
        overview.go("/ui/")
        with held(target, "SELECT * FROM customers FOR UPDATE", "billing nightly") as pid:
            ada.page.get_by_text("Roll back 1 migration on development…").click()
            ada.press("Roll back 1 migration on development")
            ada.expect_text(f"pid {pid}")
            ada.expect_text("billing nightly")
            ada.page.locator("svg .bar.waiting").first.wait_for()
            ada.shoot("job")
            overview.expect_text("billing nightly")
        ada.expect_text("1 migration rolled back in development")
        assert re.search(r"It waited [\d.]+ m?s for locks", ada.page.locator("figcaption").inner_text())
        ada.expect_text("gave back full_name of customers (2 rows)")
        assert max(ada.moved(), overview.moved()) < STILL
    assert value(target, "SELECT count(*) FROM customers WHERE full_name IS NOT NULL") == 2


def test_3_what_a_hand_has_changed_is_found_and_settled(harbour: Harbour, chromium: Any) -> None:
    execute(harbour.targets["development"], "CREATE INDEX orders_by_hand ON orders (status)")
    with visiting(harbour, chromium, "ada") as ada:
        ada.go("/ui/drift")
        ada.press("Scan development")
        # this job's page is not the one that the number stands on: it comes in all the same
        ada.page.get_by_role("link", name="Conflicts 1 open").wait_for()
        ada.page.keyboard.press("g")
        ada.page.keyboard.press("c")
        ada.page.get_by_role("link", name="schema drift").click()
        ada.expect_text("orders_by_hand")
        ada.page.get_by_text("Ignore until…").click()
        ada.page.get_by_label("Until (UTC)").fill("2099-01-31T08:00")
        ada.page.locator("details[open]").get_by_label("Why").fill("the index stays")
        ada.page.locator("details[open]").get_by_role("button", name="Ignore until").click()
        ada.expect_text("the index stays")
        ada.expect_text("Settled")


def test_4_staging_takes_over_what_development_has(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada:
        ada.go("/ui/plans/new?environment=production")
        ada.press("Plan it")
        ada.page.get_by_role("link", name="Plan staging first").wait_for()
        ada.go("/ui/compare?from=development&to=staging")
        ada.expect_text("behind")
        ada.press("See what would bring staging to the level of development")
        ada.expect_text("10 to apply")
        _run(ada, "Run 10 migrations on staging")
        ada.expect_text("10 migrations applied in staging")


def test_5_production_takes_its_name_and_a_second_person(harbour: Harbour, chromium: Any) -> None:
    with visiting(harbour, chromium, "ada") as ada, visiting(harbour, chromium, "ben") as ben:
        ada.go("/ui/plans/new?kind=sync&environment=production")
        ada.page.get_by_label("What is new in").select_option("staging")
        ada.press("Plan it")
        ada.expect_text("10 to apply")
        label = "Run 10 migrations on production"
        ada.press(label)
        assert "plans" in ada.page.url  # the browser itself asks for what is not ticked and typed
        _run(ada, label)
        ada.expect_text("1 person has to approve it")
        ben.go(ada.page.url.removeprefix(harbour.url))
        ben.page.get_by_text("Approve it…").click()
        ben.press("Approve")
        ada.expect_text("10 migrations applied in production")
        ben.go("/ui/")
        ben.expect_text("applied")
        ben.shoot("overview")


def test_6_what_fails_gives_its_four_answers(harbour: Harbour, chromium: Any) -> None:
    execute(harbour.targets["development"], "DROP VIEW open_orders")
    with visiting(harbour, chromium, "ada") as ada:
        ada.go("/ui/plans/new?kind=rollback&environment=development&count=2")
        ada.press("Plan it")
        ada.page.get_by_text("Roll back 2 migrations on development…").click()
        ada.press("Roll back 2 migrations on development")
        for answer in (
            "What failed",
            "What was left behind",
            "Is it safe to retry",
            "What next",
        ):
            ada.expect_text(answer)
        assert "DROP VIEW open_orders" in ada.page.locator("mark").inner_text()
        ada.shoot("failed")


def _run(visit: Any, label: str) -> None:
    """Whatever this environment asks for: ticks, its name, or to be asked once more."""
    page = visit.page
    for tick in page.locator("input[name=tick]").all():
        tick.check()
    typed = page.locator("input[name=typed]")
    if typed.count():
        typed.fill(page.locator("form strong", has_text=re.compile("^(staging|production)$")).first.inner_text())
    if page.get_by_text(f"{label}…").count():
        page.get_by_text(f"{label}…").click()
    visit.press(label)
