"""A Flask application with one route that does nothing, served as Liftlock's API is."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app.embedded.children import end_of_log, free_port
from bench.caller import Caller
from bench.stack import READY_S, RunningStack, child, own_environment

app = Flask("bench")


@app.get("/")
def nothing() -> dict[str, str]:
    return {}


@contextmanager
def empty_route(folder: Path, beside: RunningStack) -> Iterator[str]:
    """The address of the route; the settings are read as Liftlock reads them, hence the addresses of its servers."""
    port, log = free_port(), folder / "empty_route.log"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:bench.empty_serving", "bench.empty_route:app"]
    environment = own_environment() | {
        "DATABASE_URL": beside.control_url,
        "REDIS_URL": beside.redis_url,
        "LIFTLOCK_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    with child(command, environment, log):
        _await(url, log)
        yield url


def _await(url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            with Caller(url) as caller:
                if caller.status_of("/") == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the empty route does not answer; the end of {log}:\n{end_of_log(log)}")
