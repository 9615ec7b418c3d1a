"""Web pages and strange names are kept out."""

import pytest

from app.api.guard import is_known_host, is_same_origin
from app.domain.access import Auth
from tests.api.stand import Stand, standing


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "127.8.9.1", "[::1]:3000", "[::1]"],
)
def test_loopback_is_known_by_every_name_and_on_every_port(host: str) -> None:
    assert is_known_host(host, frozenset())


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "128.0.0.1", "127.0.0.1.evil.example", "me@localhost", "localhost/x",
     "localhost:port", "", "[::1", "10.0.0.7", "0.0.0.0"],
)  # fmt: skip
def test_every_other_name_is_not(host: str) -> None:
    assert not is_known_host(host, frozenset())


def test_a_configured_name_is_known_whatever_its_port() -> None:
    assert is_known_host("Api.Internal:8080", frozenset({"api.internal"}))


@pytest.mark.parametrize(
    ("sender", "host"),
    [
        ("http://localhost:3000", "localhost:3000"),
        ("https://liftlock.example", "liftlock.example"),
        ("https://liftlock.example", "liftlock.example:443"),
        ("http://LOCALHOST:3000", "localhost:3000"),
    ],
)
def test_an_origin_that_names_the_host_is_the_same(sender: str, host: str) -> None:
    assert is_same_origin(sender, host)


@pytest.mark.parametrize(
    "sender", ["null", "http://localhost:8080", "https://localhost:9", "file://", "x", "http://[", ""]
)
def test_every_other_origin_is_foreign(sender: str) -> None:
    assert not is_same_origin(sender, "localhost:3000")


def test_a_name_pointed_at_this_machine_is_refused_without_being_said_back_as_an_address(stand: Stand) -> None:
    refused = stand.post("/migrations/run", headers={"Host": "evil.example"})
    assert refused.status_code == 403
    assert refused.json["type"] == "/problems/forbidden"
    assert not stand.store.rows


def test_unknown_addresses_are_guarded_too(stand: Stand) -> None:
    assert stand.get("/nope", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_of_another_site_may_not_send_anything(stand: Stand, method: str, headers: dict[str, str]) -> None:
    refused = stand.client().open("/migrations/run", method=method, headers=headers, base_url="http://localhost:3000")
    assert refused.status_code == 403
    assert not stand.store.rows


def test_a_link_from_another_site_may_be_followed(stand: Stand) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert stand.get("/docs", headers=headers).status_code == 200
    assert stand.post("/migrations/run", headers=headers).status_code == 403


def test_our_own_pages_and_programs_without_a_browser_may_do_everything(stand: Stand) -> None:
    ours = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-origin"}
    assert stand.post("/migrations/run", headers=ours).status_code == 202
    assert stand.post("/migrations/run").status_code == 202


def test_configured_hosts_reach_the_service() -> None:
    with standing(changed_settings={"allowed_hosts": frozenset({"api"})}) as stand:
        assert stand.get("/version", headers={"Host": "api:3000"}).status_code == 200


def test_where_tokens_are_asked_for_probes_may_call_it_by_its_address() -> None:
    there = {"Host": "10.1.2.3:3000"}
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": "t" * 32}) as stand:
        assert stand.get("/health/ready", headers=there).status_code == 200
        assert stand.get("/metrics", headers=there).status_code == 401
        assert stand.get("/metrics", headers=there, token="t" * 32).status_code == 200
        assert stand.get("/jobs", headers=there, token="t" * 32).status_code == 403
    with standing() as stand:
        assert stand.get("/metrics", headers=there).status_code == 403


def test_nothing_of_ours_is_framed_sniffed_or_kept(stand: Stand) -> None:
    read, changed = stand.get("/migrations"), stand.post("/migrations/run")
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in read.headers["Content-Security-Policy"]
    assert read.headers["Cache-Control"] == "no-cache"
    assert changed.headers["Cache-Control"] == "no-store"
    assert stand.get("/whoami").headers["Cache-Control"] == "no-store"


def test_a_read_only_service_refuses_every_change_and_says_so_in_its_actions() -> None:
    with standing(changed_settings={"read_only": True}) as stand:
        refused = stand.post("/migrations/run")
        (run, _) = stand.get("/migrations/orders").json["actions"]
        assert (refused.status_code, refused.json["type"]) == (403, "/problems/read-only")
        assert (run["allowed"], "READ_ONLY" in run["reason"]) == (False, True)
