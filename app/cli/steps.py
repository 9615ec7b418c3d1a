"""What the service says to do next, which it says as calls, in the words of this command line."""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """`environment`: from the query or the body; `parts`: what the pattern of the path has caught."""

    environment: str | None
    parts: tuple[str, ...]
    body: Mapping[str, Any]
    query: Mapping[str, str]

    @property
    def where(self) -> list[str]:
        return [self.environment] if self.environment else []


Words = Callable[[Call], Sequence[str]]


_CALL = re.compile(r"\b(GET|POST|PUT|DELETE) (/[^\s,;)]*)")
_CURL = re.compile(r"""curl (-X [A-Z]+ )?('[^']*'|[^\s',;]+)( -H '[^']*')*( -d '[^']*'("'"'[^']*')*)?""")
_SAME = re.compile(r"""send the same with \{?[`"](\w+)"?: "([^"`]+)["`]\}?""")


def as_typed(step: str) -> str:
    """A call as a command of ours where there is one; anything else in words that fit here."""
    return _of_curl(step) if _CURL.fullmatch(step) else in_words(step)


def commands_in(step: str) -> list[str]:
    """What of a step can be pasted: all of it, or the commands that a sentence names."""
    typed = as_typed(step)
    return [typed] if typed.startswith(("liftlock ", "curl ")) else [_of_curl(one[0]) for one in _CURL.finditer(step)]


def in_words(text: str) -> str:
    """A sentence whose calls are commands of ours, where there are such."""
    said = _SAME.sub(lambda found: f"the same again with --{_kebab(found[1])} {found[2]}", text)
    said = _CURL.sub(lambda found: _of_curl(found[0]), said)
    return _CALL.sub(lambda found: _called(found[1], found[2]) or found[0], said)


def _of_curl(text: str) -> str:
    call = _parsed(text)
    return text if call is None else (_command(*call) or text)


def _called(method: str, address: str) -> str | None:
    parts = urlsplit(address)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return _command(method, parts.path, query, {})


def _command(method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> str | None:
    for known, pattern, words in _COMMANDS:
        found = re.fullmatch(pattern, path) if known == method else None
        if found is not None:
            environment = query.get("environment") or body.get("environment")
            parts = tuple(unquote(part) for part in found.groups() if part is not None)
            return shlex.join(["liftlock", *words(Call(environment, parts, body, query))])
    return None


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: f"-{found[0].lower()}", name)


def _parsed(step: str) -> tuple[str, str, dict[str, str], dict[str, Any]] | None:
    """Method, path, query and body of a `curl`. None where it is none."""
    try:
        words = shlex.split(step)
    except ValueError:
        return None
    method, address, body = "GET", "", "{}"
    following = iter(words[1:])
    for word in following:
        if word == "-X":
            method = next(following, "")
        elif word == "-d":
            body = next(following, "{}")
        elif word == "-H":
            next(following, None)
        else:
            address = word
    parts = urlsplit(address)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return method, parts.path, query, read if isinstance(read, dict) else {}


def _options(call: Call) -> list[str]:
    """Those of a body or a query that are options here."""
    given = {**call.query, **call.body}
    words: list[str] = []
    if given.get("planId"):
        words += ["--plan", str(given["planId"])]
    for name, option in (
        ("to", "--to"),
        ("confirm", "--confirm"),
        ("onDrift", "--on-drift"),
        ("onBusy", "--on-busy"),
        ("outsideWindow", "--outside-window"),
    ):
        if given.get(name):
            words += [option, str(given[name])]
    hazards = given.get("allowHazards") or []
    return words + (["--allow-hazards", ",".join(map(str, hazards))] if hazards else [])


def _named(call: Call) -> list[str]:
    """For commands whose environment is an option."""
    return ["--environment", call.environment] if call.environment else []


def _mark(call: Call) -> list[str]:
    given = call.body
    to = ["--to", str(given["to"])] if given.get("to") else []
    return ["mark", str(given.get("as", "applied")), *map(str, given.get("names", [])), *to, *_named(call)]


def _rollback(call: Call) -> list[str]:
    return ["rollback", *call.where, *call.parts, *_options(call)]


def _plan(call: Call) -> list[str]:
    kind = call.body.get("kind")
    return ["plan", *call.where, *(["--kind", str(kind)] if kind else []), *_options(call)]


_ID = r"([^/]+)"
_COMMANDS: tuple[tuple[str, str, Words], ...] = (
    ("POST", "/migrations/run", lambda call: ["run", *call.where, *_options(call)]),
    ("POST", "/migrations/rollback", _rollback),
    ("POST", r"/migrations/rollback/(\d+)", _rollback),
    ("DELETE", "/migrations/reset", lambda call: ["reset", *call.where, *_options(call)]),
    ("POST", "/migrations/plan", _plan),
    ("POST", "/migrations/mark", _mark),
    ("POST", "/migrations/verify", lambda call: ["verify", *call.where, *call.body.get("names", [])]),
    ("GET", "/migrations", lambda call: ["status", *call.where]),
    ("GET", "/migrations/conflicts", lambda call: ["conflicts", *call.where]),
    ("GET", f"/migrations/conflicts/{_ID}", lambda call: ["conflicts", "show", *call.parts]),
    (
        "POST",
        f"/migrations/conflicts/{_ID}/resolve",
        lambda call: ["conflicts", "resolve", *call.parts, str(call.body.get("resolution", "retry"))],
    ),
    ("GET", "/jobs", lambda call: ["jobs", *call.where]),
    ("GET", f"/jobs/{_ID}", lambda call: ["jobs", "show", *call.parts]),
    ("GET", f"/jobs/{_ID}/(locks|log)", lambda call: ["jobs", call.parts[1], call.parts[0]]),
    (
        "POST",
        f"/jobs/{_ID}/(cancel|pause|resume|retry|approve|reject)",
        lambda call: ["jobs", call.parts[1], call.parts[0]],
    ),
    ("GET", "/environments", lambda _: ["env", "ls"]),
    ("GET", "/environments/compare", lambda call: ["compare", call.query["from"], call.query["to"]]),
    ("GET", f"/environments/{_ID}", lambda call: ["env", "show", *call.parts]),
    ("GET", f"/environments/{_ID}/status", lambda call: ["status", *call.parts]),
    ("GET", f"/environments/{_ID}/drift", lambda call: ["drift", *call.parts]),
    ("POST", f"/environments/{_ID}/drift/scan", lambda call: ["drift", *call.parts, "--scan"]),
    ("GET", f"/environments/{_ID}/preserved", lambda call: ["preserved", *call.parts]),
    (
        "POST",
        f"/environments/{_ID}/sync",
        lambda call: ["sync", *call.parts, *(["--to", str(call.body["from"])] if call.body.get("from") else [])],
    ),
    (
        "POST",
        f"/environments/{_ID}/(lock|unlock|claim)",
        lambda call: ["env", call.parts[1], call.parts[0], *_options(call)],
    ),
    ("DELETE", f"/environments/{_ID}", lambda call: ["env", "rm", *call.parts, *_options(call)]),
    ("GET", "/plans/(.+)", lambda call: ["plan", "--id", *call.parts]),
    ("GET", "/tokens", lambda _: ["token", "ls"]),
    ("GET", "/schedules", lambda _: ["schedules"]),
    ("GET", "/whoami", lambda _: ["whoami"]),
)
