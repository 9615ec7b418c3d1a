"""Who is told: added, tried out, looked at, told once more and removed, by whoever may."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.webhook import Try
from tests.api.stand import Stand, standing
from tests.ui.browser import Browser, Page
from tests.ui.conftest import ADMIN

ADDRESS = "https://hooks.example.com/services/quite-a-secret-path"
ADD, TEST, REMOVE = "Add the webhook", "Send a test", "Remove on-call"


@pytest.fixture(autouse=True)
def nobody_is_told(stand: Stand) -> None:
    stand.webhooks.known.clear()
    stand.deliveries.rows.clear()


def added(browser: Browser, **filled: Any) -> Page:
    return browser.press(browser.get("/ui/settings"), ADD, field__name="on-call", field__url=ADDRESS, **filled)


def test_a_webhook_is_added_with_what_it_hears_of_and_its_secret_is_shown_once(stand: Stand, browser: Browser) -> None:
    made = added(browser, field__events="job.failed, drift.found", field__environments="production")
    assert (made.status, "whsec_" in made.text) == (201, True)
    (known,) = stand.get("/webhooks").json
    assert (known["events"], known["environments"]) == (["drift.found", "job.failed"], ["production"])
    page = browser.get("/ui/settings")
    assert "drift.found, job.failed" in page.text and "https://hooks.example.com/…" in page.text
    assert "whsec_" not in page.html and "quite-a-secret-path" not in page.html


def test_a_secret_by_reference_is_not_shown_and_leads_back(stand: Stand, browser: Browser) -> None:
    made = added(browser, field__secret="env:THE_SECRET")
    assert (made.status, "on-call" in made.text, "THE_SECRET" in made.html) == (200, True, False)


def test_what_is_wrong_with_one_is_said_and_none_is_made(stand: Stand, browser: Browser) -> None:
    refused = added(browser, field__environments="nowhere")
    assert (refused.status, "there is no environment" in refused.text) == (422, True)
    assert stand.get("/webhooks").json == []


def test_cancelling_adds_none(stand: Stand, browser: Browser) -> None:
    form = browser.get("/ui/settings").form_with(ADD)
    assert form.buttons[0][2] == "Cancel"
    browser.post("/ui/act", {**form.fields, "field.name": "x", "field.url": ADDRESS, "answer": "no"})
    assert stand.get("/webhooks").json == []


def test_a_test_is_sent_and_the_same_message_once_more(stand: Stand, browser: Browser) -> None:
    added(browser)
    page = browser.press(browser.get("/ui/settings"), TEST)
    assert "not tried yet" in page.text and page.response.request.path.startswith("/ui/webhooks/")
    browser.press(page, "Deliver once more")
    first, again = stand.get(f"{stand.get('/webhooks').json[0]['links']['deliveries']}").json
    assert (first["messageId"], first["id"] == again["id"]) == (again["messageId"], False)


def test_an_answer_is_only_ever_text(stand: Stand, browser: Browser) -> None:
    added(browser)
    sent = browser.press(browser.get("/ui/settings"), TEST)
    ((key, delivery),) = stand.deliveries.rows.items()
    tried = Try(delivery.created_at, 7, 500, "<script>alert(1)</script>")
    stand.deliveries.rows[key] = replace(delivery, tries=(tried,))
    page = browser.get(sent.response.request.path)
    assert "HTTP 500" in page.text and "&lt;script&gt;alert(1)" in page.html and "<script>alert" not in page.html
    assert page.inline == []


def test_another_secret_is_shown_once_and_both_sign_for_a_day(stand: Stand, browser: Browser) -> None:
    added(browser)
    page = browser.get(browser.get("/ui/settings").links["on-call"])
    changed = browser.press(page, "Change the secret of on-call")
    assert (changed.status, "whsec_" in changed.text, "signs beside it until" in changed.text) == (200, True, True)
    assert "sign until" in browser.get(browser.get("/ui/settings").links["on-call"]).text


def test_removing_is_asked_once_more_and_forgets_the_deliveries(stand: Stand, browser: Browser) -> None:
    added(browser)
    page = browser.get("/ui/settings")
    assert [label for _, _, label in page.form_with(REMOVE).buttons] == ["Cancel", REMOVE]
    gone = browser.press(page, REMOVE)
    assert (gone.status, "Nobody is told of anything" in gone.text, stand.get("/webhooks").json) == (200, True, [])


def test_one_that_is_not_there_is_a_page_that_says_so(browser: Browser) -> None:
    assert browser.get("/ui/webhooks/nowhere").status == 404


def test_who_may_not_change_them_sees_them_and_why_not(guarded: Stand) -> None:
    made = guarded.post("/webhooks", json={"name": "on-call", "url": ADDRESS}, token=ADMIN).json
    viewer = Browser(guarded)
    role = {"name": "wall", "role": Role.VIEWER.value}
    viewer.sign_in(guarded.post("/tokens", json=role, token=ADMIN).json["token"])
    for path in ("/ui/settings", f"/ui/webhooks/{made['id']}"):
        page = viewer.get(path)
        assert page.deeds == [] and "on-call" in page.text
        assert "it needs the scope admin, which this token lacks" in page.text
    guarded.delete(f"/webhooks/{made['id']}", token=ADMIN)


def test_read_only_shows_them_and_offers_nothing() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        page = Browser(stand).get("/ui/settings")
        assert "Nobody is told of anything" in page.text and "Add a webhook" not in page.text
