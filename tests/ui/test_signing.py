"""Signing in: with a token, for twelve hours or until the token is revoked; and what a session is not good for."""

import pytest

from app.domain.access import Auth, Role
from app.domain.rate import Rate
from tests.api.stand import Stand, standing
from tests.ui.browser import Browser
from tests.ui.conftest import ADMIN


def token_of(stand: Stand, role: Role) -> dict[str, str]:
    made: dict[str, str] = stand.post("/tokens", json={"name": role.value, "role": role.value}, token=ADMIN).json
    return made


def test_a_page_leads_to_signing_in_and_back_to_itself(guarded: Stand) -> None:
    browser = Browser(guarded)
    sent_away = browser.get("/ui/jobs?state=failed")
    assert sent_away.response.headers["Location"] == "/ui/sign-in?next=%2Fui%2Fjobs%3Fstate%3Dfailed"
    page = browser.get(sent_away.response.headers["Location"])
    signed_in = browser.press(page, "Sign in", token=ADMIN, follow=False)
    assert signed_in.response.headers["Location"] == "/ui/jobs?state=failed"
    assert browser.get("/ui/jobs").status == 200


def test_the_cookie_is_kept_from_scripts_other_sites_and_the_api(guarded: Stand) -> None:
    browser = Browser(guarded)
    response = browser.press(browser.get("/ui/sign-in"), "Sign in", token=ADMIN, follow=False).response
    cookie = next(one for one in response.headers.getlist("Set-Cookie") if one.startswith("liftlock_session"))
    assert {"HttpOnly", "SameSite=Strict", "Path=/ui", "Max-Age=43200"} <= set(cookie.split("; "))
    assert ADMIN not in cookie
    assert browser.client.get("/jobs", base_url="http://localhost:3000").status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", f"ll_{'0' * 32}_{'0' * 64}"])
def test_a_wrong_token_is_told_and_opens_nothing(guarded: Stand, token: str) -> None:
    browser = Browser(guarded)
    assert browser.sign_in(token).status == 401
    assert browser.get("/ui/").status == 303


def test_who_is_signed_in_no_longer_is_told_so(guarded: Stand) -> None:
    made, browser = token_of(guarded, Role.VIEWER), Browser(guarded)
    assert "no longer" not in browser.get("/ui/sign-in").text
    browser.sign_in(made["token"])
    guarded.delete(f"/tokens/{made['id']}", token=ADMIN)
    assert browser.get("/ui/").status == 303
    assert "You are signed in here no longer" in browser.get("/ui/sign-in").text


def test_too_many_wrong_tokens_have_to_wait(guarded: Stand) -> None:
    browser = Browser(guarded)
    answers = [browser.sign_in("wrong").status for _ in range(12)]
    assert answers[-1] == 429


def test_a_form_of_nobody_signs_nobody_in(guarded: Stand) -> None:
    assert Browser(guarded).post("/ui/sign-in", {"token": ADMIN, "seal": "0" * 64}).status == 403


def test_a_viewer_sees_why_not_instead_of_a_way(guarded: Stand) -> None:
    browser = Browser(guarded)
    browser.sign_in(token_of(guarded, Role.VIEWER)["token"])
    page = browser.get("/ui/")
    assert "it needs the scope plan, which this token lacks" in page.text
    assert (page.deeds, "Scan drift" in page.disabled) == ([], True)
    assert "needs the scope admin" in browser.get("/ui/settings").text


def test_a_viewer_who_sends_it_all_the_same_is_refused_and_noted(guarded: Stand) -> None:
    admin, viewer = Browser(guarded), Browser(guarded)
    admin.sign_in(ADMIN)
    plan = admin.plan()
    job = admin.press(plan, "Run 3 migrations on development")
    assert job.status == 200
    viewer.sign_in(token_of(guarded, Role.VIEWER)["token"])
    refused = viewer.press(viewer.get("/ui/plans/new"), "Plan it", field__environment="development")
    assert (refused.status, "needs the scope plan" in refused.text) == (403, True)


def test_a_session_ends_with_its_token(guarded: Stand) -> None:
    token = token_of(guarded, Role.OPERATOR)
    browser = Browser(guarded)
    browser.sign_in(token["token"])
    assert browser.get("/ui/").status == 200
    guarded.delete(f"/tokens/{token['id']}", token=ADMIN)
    assert browser.get("/ui/").status == 303


def test_a_session_ends_after_twelve_hours(guarded: Stand) -> None:
    browser = Browser(guarded)
    browser.sign_in(ADMIN)
    guarded.clock.advance(12 * 3600 - 1)
    assert browser.get("/ui/").status == 200
    guarded.clock.advance(2)
    assert browser.get("/ui/").status == 303


def test_signing_out_ends_the_session_itself(guarded: Stand) -> None:
    browser = Browser(guarded)
    browser.sign_in(ADMIN)
    kept = browser.client.get_cookie("liftlock_session", path="/ui")
    assert kept is not None
    browser.press(browser.get("/ui/"), "Sign out")
    browser.client.set_cookie("liftlock_session", kept.value, path="/ui")
    assert browser.get("/ui/").status == 303


def test_signing_in_is_on_the_audit_trail_with_who_did(guarded: Stand) -> None:
    Browser(guarded).sign_in(token_of(guarded, Role.VIEWER)["token"])
    newest = guarded.get("/audit", token=ADMIN).json[0]
    assert (newest["action"], newest["principal"]["name"]) == ("sessions.open", "viewer")


@pytest.mark.parametrize("next_page", ["//evil.example", "https://evil.example", "/\\evil.example", "/ui/\\x", "/jobs"])
def test_signing_in_leads_nowhere_else(guarded: Stand, next_page: str) -> None:
    browser = Browser(guarded)
    page = browser.get("/ui/sign-in", query_string={"next": next_page})
    assert browser.press(page, "Sign in", token=ADMIN, follow=False).response.headers["Location"] == "/ui/"


def test_who_comes_from_another_site_is_asked_once_more_and_not_sent_away(guarded: Stand) -> None:
    page = Browser(guarded).get("/ui/jobs", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert (page.status, 'http-equiv="refresh"' in page.html) == (200, True)


def test_a_page_counts_as_one_request_however_much_it_asks() -> None:
    settings = {"auth": Auth.TOKEN, "admin_token": ADMIN, "rate": Rate(most=3, every_s=10)}
    with standing(changed_settings=settings) as stand:
        browser = Browser(stand)
        assert browser.sign_in(ADMIN).status == 200
        assert [browser.get("/ui/").status for _ in range(3)] == [200, 200, 429]
        refused = browser.get("/ui/jobs")
        assert (refused.response.headers["Retry-After"], "go on in 10 s" in refused.text) == ("10", True)
        stand.clock.advance(10)
        assert browser.get("/ui/jobs").status == 200
