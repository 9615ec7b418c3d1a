"""Health, version and the documents."""

import hashlib
import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace

from app import create_app
from app.adapters.health import Check
from app.api.operations import UNTOLD
from app.domain.access import Auth
from tests.api.stand import Stand, standing


def test_live_is_always_alive(stand: Stand) -> None:
    assert stand.get("/health/live").json == {"status": "alive"}


def test_ready_tells_degraded_from_unready(stand: Stand) -> None:
    postgresql, redis = stand.health.answers
    assert stand.get("/health/ready").json["status"] == "ready"
    stand.health.answers = (postgresql, replace(redis, ok=False, detail="away"))
    degraded = stand.get("/health/ready")
    assert (degraded.status_code, degraded.json["status"]) == (200, "degraded")
    stand.health.answers = (Check("postgresql", False, True, "nothing listens there"), redis)
    unready = stand.get("/health/ready")
    assert (unready.status_code, unready.json["status"]) == (503, "unready")
    assert unready.headers["Retry-After"]


def test_only_those_who_are_let_in_are_told_what_is_the_matter_with_a_server() -> None:
    admin = "t" * 32
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": admin}) as stand:
        postgresql, _ = stand.health.answers
        away = Check("redis", False, False, "redis://10.1.2.3:6379/0 cannot be reached")
        stand.health.answers = (postgresql, away)
        strangers = [stand.get("/health/ready", headers=one).json for one in ({}, {"Authorization": "Bearer wrong"})]
        known = stand.get("/health/ready", headers={"Authorization": f"Bearer {admin}"}).json
    assert [one["checks"][1]["detail"] for one in strangers] == [UNTOLD] * 2
    assert [one["status"] for one in strangers] == ["degraded"] * 2
    assert (known["checks"][0]["detail"], known["checks"][1]["detail"]) == (postgresql.detail, away.detail)


def test_the_version_is_told(stand: Stand) -> None:
    told = stand.get("/version").json
    assert told["name"] == "liftlock"
    assert told["python"].startswith("3.")


def test_the_api_is_described_for_programs(stand: Stand) -> None:
    described = stand.get("/openapi.json")
    assert described.json["openapi"].startswith("3.1")
    assert described.headers["ETag"]
    assert "/migrations/rollback/{n}" in described.json["paths"]
    for item in described.json["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
    run = described.json["components"]["schemas"]["RunBody"]["properties"]
    assert "description" in run["lockTimeoutMs"]
    assert {"minimum": 1, "maximum": 600_000}.items() <= run["lockTimeoutMs"]["anyOf"][0].items()
    number = described.json["paths"]["/migrations/rollback/{n}"]["post"]["parameters"][0]["schema"]
    assert (number["minimum"], number["maximum"]) == (1, 10_000)


def test_every_address_is_described(stand: Stand) -> None:
    described = set(stand.get("/openapi.json").json["paths"])
    routes = {str(rule).split("<")[0].rstrip("/") for rule in stand.app.url_map.iter_rules()}
    documents = {"/openapi.json", "/docs", "/problems"}
    assert routes - documents <= {path.split("{")[0].rstrip("/") for path in described}


def test_the_api_is_described_for_people_without_a_script_or_a_network(stand: Stand) -> None:
    for path in ("/docs", "/problems"):
        page = stand.get(path, headers={"Accept": "text/html"})
        style = page.text.partition("<style>")[2].partition("</style>")[0]
        digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]
        assert "<script" not in page.text
        shown = re.sub(r"<pre>.*?</pre>", "", page.text, flags=re.DOTALL)  # examples, which lead nowhere
        assert "//" not in shown.replace("://localhost", "")
    assert "/migrations/rollback/{n}" in stand.get("/docs").text


def test_an_application_is_made_without_a_server(stand: Stand) -> None:
    made = create_app(stand.services.settings)
    assert made.test_client().get("/health/live", base_url="http://localhost").status_code == 200


def test_wrong_settings_end_gunicorn_with_their_names_and_no_traceback() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import app.serving"], env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 78
    assert "DATABASE_URL is not set" in ran.stderr
    assert "Traceback" not in ran.stderr
