"""What to do next, as a caller can paste it: sentences, and calls as commands that name their environment."""

import json
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote

_CALL = re.compile(r"\b(GET|POST|PUT|DELETE) (/(?:[^\s,;]*[^\s,;.])?)(?: (\{[^{}]*\}))?")
_AFTER = re.compile(r"^(?:\s*\bagain\b)?[\s,;.]*")
_BY_ENVIRONMENT = re.compile(r"/migrations(?:/[^/?]+|/rollback/[^/?]+)?(?:\?.*)?")


def next_steps(steps: tuple[str, ...], base_url: str, environment: str | None) -> list[str]:
    """`POST /path`, with its body in JSON if it has one, becomes a command. A step stays one element: what it says
    stands before the command, which goes to the end of the line as it is pasted.

    A command about migrations names `environment` unless it names one already or none is known.
    """
    return ["; ".join(_parts(step, base_url, environment)) for step in steps]


def command_with(method: str, address: str, base_url: str, body: dict[str, Any]) -> str:
    """A call that carries a body, as a command."""
    return _with_body(_command(method, address, base_url, None), json.dumps(body, ensure_ascii=False))


@lru_cache(maxsize=1024)
def in_environment(environment: str) -> str:
    """As a query."""
    return f"environment={quote(environment, safe='')}"


def _parts(step: str, base_url: str, environment: str | None) -> Iterator[str]:
    rest = step
    while (call := _CALL.search(rest)) is not None:
        before = rest[: call.start()].strip(" ,;:")
        command = _command(call[1], call[2], base_url, environment)
        whole = command if call[3] is None else _with_body(command, call[3])
        yield f"{before}: {whole}" if before else whole
        rest = _AFTER.sub("", rest[call.end() :])
    if rest:
        yield rest


def _with_body(command: str, body: str) -> str:
    return f"{command} -H 'Content-Type: application/json' -d {shlex.quote(body)}"


def _command(method: str, address: str, base_url: str, environment: str | None) -> str:
    if environment is not None and "environment=" not in address and _BY_ENVIRONMENT.fullmatch(address):
        address += f"{'&' if '?' in address else '?'}{in_environment(environment)}"
    option = "" if method == "GET" else f"-X {method} "
    return f"curl {option}{shlex.quote(base_url + address)}"
