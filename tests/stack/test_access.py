"""Who is asked for a token, tried on the whole stack as people start it."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.stack import running_stack

pytestmark = pytest.mark.stack

ADMIN = "the-admins-token-of-this-test-long-enough"


def test_on_loopback_everything_works_bare_and_the_log_says_once_that_nobody_is_asked(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data") as stack:
        assert stack.http.post("/migrations/run").status_code == 202
        said = stack.http.get("/whoami").json()
        assert (said["auth"], said["principal"]["id"]) == ("off", "anonymous")
        assert stack.logs().count("api.open") == 1


def test_where_tokens_are_asked_for_the_first_one_is_made_with_the_admins(tmp_path: Path) -> None:
    settings = {"LIFTLOCK_AUTH": "token", "LIFTLOCK_ADMIN_TOKEN": ADMIN}
    with running_stack(tmp_path / "data", environ=settings) as stack:
        refused = stack.http.post("/migrations/run")
        assert (refused.status_code, stack.http.get("/health/ready").status_code) == (401, 200)
        made = stack.http.post("/tokens", json={"name": "deploy", "role": "operator"}, headers=bearer(ADMIN)).json()
        stack.http.headers.update(bearer(made["token"]))
        job = stack.job("POST", "/migrations/run")
        assert (job["state"], job["principal"]["name"]) == ("succeeded", "deploy")

        def used() -> dict[str, Any] | None:
            (token,) = stack.http.get("/tokens", headers=bearer(ADMIN)).json()
            return token if token["lastUsedAt"] else None

        # written by what looks after the process, every few seconds
        assert eventually(used)["lastUsedFrom"] == "127.0.0.1"
        logs = stack.logs() + stack.output + str(stack.record)
        assert "api.open" not in logs
        assert ADMIN not in logs and made["token"].rpartition("_")[2] not in logs


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
