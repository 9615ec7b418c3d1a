"""The command line as it is typed, against the whole HTTP application in this process."""

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from app.cli.main import main
from app.cli.session import Given
from app.cli.settings import Place
from tests.api.stand import Stand

URL = "http://localhost:3000"


class Worked(httpx.BaseTransport):
    """To the application; whoever looks at a job finds that a worker has carried it out meanwhile."""

    def __init__(self, stand: Stand, work: Callable[[Stand, str], None] | None = None) -> None:
        self._inner = httpx.WSGITransport(app=stand.app)
        self._stand = stand
        self._work = work
        self._worked: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.split("/")
        looked_at = request.method == "GET" and parts[1] == "jobs" and len(parts) == 3
        if self._work is not None and looked_at:
            self._once(parts[2], self._work)
        # the application logs to the output that here is the command's
        with redirect_stdout(StringIO()):
            return self._inner.handle_request(request)

    def _once(self, job: str, work: Callable[[Stand, str], None]) -> None:
        if job not in self._worked:
            self._worked.add(job)
            work(self._stand, job)


@dataclass
class Terminal:
    """Where commands are typed: a folder, a home, variables, and what answers their requests."""

    folder: Path
    http: httpx.BaseTransport | None = None
    environ: dict[str, str] = field(default_factory=lambda: {"LIFTLOCK_URL": URL})

    @property
    def place(self) -> Place:
        return Place(self.environ, self.folder, self.folder / "home")

    def type(self, *words: str, stdin: str | None = None) -> Result:
        given = Given(self.http, self.place)
        return CliRunner().invoke(main, list(words), obj=given, input=stdin, prog_name="liftlock")

    def document(self, *words: str) -> Any:
        """The one document on standard output."""
        return json.loads(self.type(*words, "--json").stdout)
