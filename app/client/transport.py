"""Sends requests and reads answers: the token, keys that make retries safe, and problems as exceptions."""

import re
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.client.problems import ApiProblem, Unreachable, problem_of
from app.client.reading import UnexpectedAnswer, camel

LONGEST_WAIT_S = 60
ANSWER_TIMEOUT_S = 15
CONNECT_TIMEOUT_S = 5
TRIES = 4
FIRST_PAUSE_S = 0.1
KEYED = frozenset({"POST", "PUT", "DELETE"})
NOT_MODIFIED = 304

_TOKEN = re.compile(r"[\x21-\x7e]+")

# Nobody knows whether it was carried out; of a GET, or with a key, it does not matter.
_LOST = (httpx.TransportError,)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; what is None in `params` and `body` is left out. `wait_s`: how long the service may take its time."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0


class Transport:
    """Not for several threads at once. `sleep` and `new_key` are there to be replaced in tests.

    `ca_file`: certificates to trust instead of the public ones; OSError where it cannot be read. Raises ValueError for
    an address or a token that no request can be sent with, and shows neither.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        http: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        new_key: Callable[[], str] = lambda: str(uuid.uuid4()),
        ca_file: str | None = None,
    ) -> None:
        _refuse_unusable(url, token)
        self.url = url.rstrip("/")
        self._sleep = sleep
        self._new_key = new_key
        headers = {"Accept": "application/json", "User-Agent": "liftlock-client"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # a proxy of the environment would see the token, and loopback has none
        trusted = True if ca_file is None else ssl.create_default_context(cafile=ca_file)
        self._http = httpx.Client(base_url=self.url, headers=headers, transport=http, trust_env=False, verify=trusted)

    def close(self) -> None:
        self._http.close()

    def pause(self, seconds: float) -> None:
        self._sleep(seconds)

    def json(self, asked: Asked) -> Any:
        """None where there is no body. Raises ApiProblem, Unreachable, UnexpectedAnswer."""
        response = self.send(asked)
        return None if not response.content else _json(response)

    def send(self, asked: Asked) -> httpx.Response:
        """An answer that is no problem. A connection that is lost is tried again, with the same key.

        Raises ApiProblem, Unreachable.
        """
        headers = dict(asked.headers)
        if asked.method in KEYED:
            headers.setdefault("Idempotency-Key", self._new_key())
        for attempt in range(1, TRIES):
            try:
                return self._answered(asked, headers)
            except _LOST:
                self._sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
            except ApiProblem as problem:
                if problem.slug != "idempotency-in-progress" or attempt == 1:
                    raise
                # the try before this one got there, and is still being carried out
                self._sleep(problem.retry_after_s or 1)
        try:
            return self._answered(asked, headers)
        except _LOST as error:
            raise Unreachable(self.url, _reason(error)) from error

    def pages(self, asked: Asked) -> Any:
        """Every page's elements, one list after another, until there is no next one."""
        following: Asked | None = asked
        while following is not None:
            response = self.send(following)
            yield _json(response)
            target = response.links.get("next", {}).get("url")
            following = None if target is None else Asked("GET", target)

    def _answered(self, asked: Asked, headers: Mapping[str, str]) -> httpx.Response:
        limit = httpx.Timeout(asked.wait_s + ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        response = self._http.request(
            asked.method,
            asked.path,
            params=_given(asked.params) or None,
            json=None if asked.body is None else _given(asked.body),
            headers=dict(headers),
            timeout=limit,
        )
        if response.is_success or response.status_code == NOT_MODIFIED:
            return response
        raise problem_of(response.status_code, _problem(response), _retry_after(response))


def _refuse_unusable(url: str, token: str | None) -> None:
    """Else it would be said later, with all of it."""
    try:
        named = httpx.URL(url)
    except httpx.InvalidURL:
        raise ValueError("the address of the service is none; it takes https://host:port") from None
    if named.userinfo:
        raise ValueError("the address of the service holds a user or a password, which would replace the token")
    if token and not _TOKEN.fullmatch(token):
        raise ValueError("the token holds a character that no token has, such as a line break")


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """With the names and texts that the API takes, without what is not given."""
    return {camel(name): _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return list(value)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        kind = response.headers.get("Content-Type", "nothing")
        raise UnexpectedAnswer(f"instead of JSON came {kind}; is this address a Liftlock?") from None


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if isinstance(document, Mapping):
        return document
    return {
        "type": "about:blank",
        "title": response.reason_phrase or "An error without a name",
        "status": response.status_code,
        "detail": f"the answer was {response.status_code} {response.reason_phrase}, and not from Liftlock".strip(),
    }


def _retry_after(response: httpx.Response) -> float | None:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
