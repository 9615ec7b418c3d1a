"""A real browser over one running stack: three environments, two people with tokens, and the sample migrations."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Servers
from tests.support.stack import RunningStack, running_stack

WANTED = os.environ.get("LIFTLOCK_BROWSER") == "1"
collect_ignore_glob = [] if WANTED else ["test_*.py"]

ROOT = Path(__file__).resolve().parents[2]
ADMIN = "the-admins-token-of-this-test-long-enough"
NAMES = ("development", "staging", "production")
CONFIG = """
[environments.development]
url = "{development}"

[environments.staging]
url = "{staging}"
protection = "confirm"
requires = ["development"]

[environments.production]
url = "{production}"
protection = "locked"
requires = ["staging"]
approvals = 1
"""


@dataclass
class Harbour:
    """What runs, and who may sign in; `targets` by the names of their environments."""

    stack: RunningStack
    targets: dict[str, str]
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return self.stack.url


@pytest.fixture(scope="session")
def harbour(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    folder = tmp_path_factory.mktemp("browser")
    shutil.copytree(ROOT / "migrations" / "samples", folder / "migrations")
    targets = {name: servers.new_database() for name in NAMES}
    (folder / "liftlock.toml").write_text(CONFIG.format(**targets))
    arguments = ("--migrations", str(folder / "migrations"), "--database-url", servers.new_database())
    settings = {
        "LIFTLOCK_CONFIG": str(folder / "liftlock.toml"),
        "LIFTLOCK_AUTH": "token",
        "LIFTLOCK_ADMIN_TOKEN": ADMIN,
        "LIFTLOCK_API_PROCESSES": "1",
    }
    redis = ("--redis-url", servers.new_redis_url())
    with running_stack(folder / "data", *arguments, *redis, environ=settings) as stack:
        stack.http.headers["Authorization"] = f"Bearer {ADMIN}"
        tokens = {name: _token(stack, name, role) for name, role in _PEOPLE.items()}
        # an address that nobody answers at
        stack.http.post("/webhooks", json={"name": "on-call", "url": "https://hooks.invalid/here"})
        yield Harbour(stack, targets, tokens)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    names = (os.environ.get("LIFTLOCK_CHROMIUM") or "chromium", "chromium", "chromium-browser", "google-chrome")
    found = next(path for name in names if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        # root, in a container, has no sandbox to give
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


_PEOPLE = {"ada": "releaser", "ben": "releaser", "wall": "viewer"}


def _token(stack: RunningStack, name: str, role: str) -> str:
    answer = stack.http.post("/tokens", json={"name": name, "role": role})
    return str(answer.json()["token"])
