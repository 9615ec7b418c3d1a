"""What forms do: through the API, once, when it is meant, and only from the page that offered it."""

import json
from datetime import UTC, datetime

import pytest

from app.domain.access import Role
from app.domain.conflict import Collision, ConflictKind
from app.domain.environment import Dsn, Environment, Target
from app.domain.errors import BackendUnusable
from app.domain.job import Origin
from app.ports.control import Answer
from tests.api.stand import Stand, standing
from tests.ui.browser import ADDRESS, Browser, Page
from tests.ui.test_pages import READ

RUN = "Run 2 migrations on development"


def test_a_plan_of_several_targets_shows_that_of_each_and_who_has_none() -> None:
    targets = tuple(Target(name, Dsn(f"postgresql://h/{name}")) for name in ("eu", "us", "ap"))
    shop = Environment("shop", targets[0].dsn, targets=targets)
    with standing(changed_settings={"environments": {"shop": shop}, "default_environment": "shop"}) as stand:
        stand.targets.away["shop.ap"] = BackendUnusable("shop.ap is shut", facts={"backend": "postgresql"})
        browser = Browser(stand)
        page = browser.plan("shop", field__to="create users")
        assert page.status == 201
        assert browser.get(page.links["shop.us"]).text.count("on shop.us") > 0
        assert "shop.eu" in page.links and "shop.ap is shut" in page.text
        assert "liftlock run shop --to 'create users'" in page.text
        back = browser.plan("shop", kind="rollback", field__kind="rollback", field__count="2")
        assert "liftlock rollback shop 2" in back.text


def test_a_plan_is_made_read_and_run(stand: Stand, browser: Browser) -> None:
    plan = browser.plan()
    assert "2 to apply" in plan.text and "liftlock run development --plan" in plan.text
    job = browser.press(plan, RUN, field__note="for the release")
    assert (job.status, "for the release" in job.text) == (200, True)
    (made,) = stand.get("/jobs").json
    assert (made["kind"], made["request"]["planId"] in plan.html, made["note"]) == ("run", True, "for the release")


def test_the_command_of_a_plan_names_a_service_that_is_somewhere_else(stand: Stand, browser: Browser) -> None:
    here = browser.plan()
    path = f"/ui/plans/{stand.get('/plans').json[0]['id']}"
    elsewhere = browser.client.get(path, base_url="http://127.0.0.1:3001").text
    assert "--url" not in here.text
    assert " --url http://127.0.0.1:3001<" in elsewhere


def test_sent_twice_is_done_once(stand: Stand, browser: Browser) -> None:
    plan = browser.plan()
    first, second = browser.press(plan, RUN), browser.press(plan, RUN)
    assert (first.status, second.status, len(stand.get("/jobs").json)) == (200, 200, 1)


def test_what_is_done_stands_on_the_audit_trail_as_from_the_api(stand: Stand, browser: Browser) -> None:
    browser.press(browser.plan(), RUN)
    made = stand.get("/jobs").json[0]
    assert (made["principal"]["address"], len(made["requestId"])) == ("127.0.0.1", 32)


def test_production_wants_its_name_typed(stand: Stand, browser: Browser) -> None:
    plan = browser.plan("production")
    label = "Run 2 migrations on production"
    refused = browser.press(plan, label, typed="staging")
    assert (refused.status, "Nothing was done" in refused.text, stand.get("/jobs").json) == (422, True, [])
    browser.press(plan, label, typed="production")
    assert [one["environment"] for one in stand.get("/jobs").json] == ["production"]


def test_what_came_of_a_form_is_not_replaced_by_another_page(browser: Browser) -> None:
    refused = browser.post("/ui/act", {"offer": "{}", "seal": "0"})
    assert "hx-get" not in refused.html and "hx-get" in browser.get("/ui/jobs").html


def test_the_first_button_takes_nothing_away(stand: Stand, browser: Browser) -> None:
    plan = browser.plan("production")
    assert next(label for _, _, label in plan.form_with("Cancel").buttons) == "Cancel"
    back = browser.press(plan, "Cancel", typed="production", follow=False)
    assert (back.status, stand.get("/jobs").json) == (303, [])


def test_a_rollback_is_asked_for_once_more(stand: Stand, browser: Browser) -> None:
    plan = browser.plan(kind="rollback", field__count="1")
    form = plan.form_with("Roll back 1 migration on development")
    assert [label for _, _, label in form.buttons] == ["Cancel", "Roll back 1 migration on development"]
    browser.press(plan, "Roll back 1 migration on development")
    assert stand.get("/jobs").json[0]["kind"] == "rollback"


@pytest.mark.parametrize("field", ["offer", "seal"])
def test_a_form_that_was_changed_does_nothing(stand: Stand, browser: Browser, field: str) -> None:
    plan = browser.plan()
    changed = plan.form_with(RUN).fields | {"answer": "yes"}
    changed[field] = changed[field].replace("development", "production") if field == "offer" else "0" * 64
    refused = browser.post("/ui/act", changed)
    assert (refused.status, stand.get("/jobs").json) == (403, [])


def test_a_form_of_another_browser_does_nothing(stand: Stand, browser: Browser) -> None:
    fields = browser.plan().form_with(RUN).fields
    other = Browser(stand)
    other.get("/ui/")
    assert other.post("/ui/act", fields).status == 403
    assert stand.get("/jobs").json == []


def test_a_page_of_another_site_can_send_nothing(stand: Stand, browser: Browser) -> None:
    """Even with a form that it has somehow got hold of: the API looks at where a request comes from, too."""
    fields = browser.plan().form_with(RUN).fields
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    sent = browser.client.post("/ui/act", data=fields, headers=headers, base_url="http://localhost:3000")
    assert (sent.status_code, stand.get("/jobs").json) == (403, [])


def test_a_refusal_of_the_api_is_a_page_with_what_to_do_next(stand: Stand, browser: Browser) -> None:
    plan = browser.plan(kind="rollback", field__count="1")
    stand.apply()
    refused = browser.press(plan, "Roll back 1 migration on development")
    assert refused.status in (409, 412, 422) and "What this means" in refused.text


def test_a_job_is_stopped_and_asked_for_again(stand: Stand, browser: Browser) -> None:
    job = browser.press(browser.plan(), RUN)
    stopped = browser.press(job, "Stop the job")
    assert "cancelled" in stopped.text
    again = browser.press(stopped, "Ask for the same again")
    assert "the same as" in again.text
    assert [one["state"] for one in stand.get("/jobs").json] == ["queued", "cancelled"]


def test_leaving_a_job_alone_leaves_it_alone(stand: Stand, browser: Browser) -> None:
    browser.press(browser.press(browser.plan(), RUN), "Leave it")
    assert [one["state"] for one in stand.get("/jobs").json] == ["queued"]


def test_what_is_filled_in_wrongly_leads_back_to_its_form(browser: Browser) -> None:
    address = "/ui/plans/new?kind=rollback"
    form = browser.get(address).form_with("Plan it")
    for referrer, back in ((f"{ADDRESS}{address}", address), ("https://evil.example/ui/x", None), ("", None)):
        sent = browser.client.post(
            "/ui/act", data={**form.fields, "field.count": "0"}, base_url=ADDRESS, headers={"Referer": referrer}
        )
        page = Page(sent)
        assert (page.status, page.links.get("Go back")) == (422, back)
        assert page.text.count("takes a whole number") == 1


def test_a_schedule_is_paused_and_resumed(browser: Browser) -> None:
    paused = browser.press(browser.get("/ui/schedules"), "Pause it")
    assert "Resume it" in paused.buttons
    assert "Resume it" not in browser.press(paused, "Resume it").buttons


def test_a_conflict_is_settled_with_a_word_of_why(stand: Stand, browser: Browser) -> None:
    collision = Collision(
        ConflictKind.OBJECT_OVERLAP, "both alter orders", "one", "development", migrations=("orders",)
    )
    made = stand.run(stand.log.record(collision))
    page = browser.get(f"/ui/conflicts/{made.id}")
    settled = browser.press(page, "Ignore", field__note="it is meant so")
    assert "Settled" in settled.text and "it is meant so" in settled.text


def test_drift_that_is_taken_back_leads_on_to_the_plan_that_does_it(stand: Stand, browser: Browser) -> None:
    made = stand.run(stand.log.record(Collision(ConflictKind.SCHEMA_DRIFT, "1 object", "two", "development")))
    stand.run(stand.log.close(made.id, Answer("revert_drift", Origin(), "written to a file")))
    page = browser.get(f"/ui/conflicts/{made.id}")
    assert page.links.get("Plan it for development") == "/ui/plans/new?environment=development"


def test_drift_that_is_left_alone_says_until_when(stand: Stand, browser: Browser) -> None:
    made = stand.run(stand.log.record(Collision(ConflictKind.SCHEMA_DRIFT, "1 object", "three", "development")))
    until = datetime(2101, 1, 1, 8, tzinfo=UTC)
    stand.run(stand.log.close(made.id, Answer("ignore_until", Origin(), "holidays", until=until)))
    assert "ignore until 2101-01-01 08:00 UTC" in browser.get(f"/ui/conflicts/{made.id}").text


def test_the_theme_is_remembered_and_leads_nowhere_else(browser: Browser) -> None:
    page = browser.get("/ui/")
    form = next(one for one in page.forms if one.action == "/ui/theme")
    changed = browser.post("/ui/theme", {**form.fields, "theme": "dark", "back": "//evil.example"}, follow=False)
    assert changed.response.headers["Location"] == "/ui/"
    assert 'data-theme="dark"' in browser.get("/ui/jobs").html


def test_read_only_offers_nothing_on_any_page() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        browser = Browser(stand)
        pages: dict[str, Page] = {path: browser.get(path) for path in READ}
        assert {path: page.deeds for path, page in pages.items() if page.deeds} == {}
        assert all("Read-only" in page.text for page in pages.values())


def test_a_made_token_is_shown_once(stand: Stand, browser: Browser) -> None:
    made = browser.press(
        browser.get("/ui/settings"), "Make the token", field__name="wall", field__role=Role.VIEWER.value
    )
    assert (made.status, "ll_" in made.text) == (201, True)
    again = browser.get("/ui/settings")
    assert "wall" in again.text and "ll_" not in again.html


def test_offers_hold_nothing_that_the_browser_may_not_see(browser: Browser) -> None:
    offers = [json.loads(form.fields["offer"]) for form in browser.get("/ui/").forms if "offer" in form.fields]
    assert {tuple(sorted(one)) for one in offers} == {("back", "body", "href", "method", "takes", "ticks", "typed")}
