"""What every resource does: ask, and read what comes."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from app.client.documents.jobs import Job
from app.client.reading import Document, read, read_list
from app.client.transport import Asked, Transport

D = TypeVar("D", bound=Document)


class Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, kind: type[D], method: str, path: str, **sent: Any) -> D:
        return read(kind, self._transport.json(Asked(method, path, **sent)))

    def _list(self, kind: type[D], path: str, **params: object) -> list[D]:
        return read_list(kind, self._transport.json(Asked("GET", path, params)))

    def _all(self, document: type[D], path: str, **params: object) -> Iterator[D]:
        """One page after another, as they are asked for."""
        for page in self._transport.pages(Asked("GET", path, params)):
            yield from read_list(document, page)

    def _change(self, method: str, path: str, given: Mapping[str, Any]) -> Job:
        """The job that carries a change out. `prefer_wait_s` is no field of the body."""
        body = dict(given)
        wait_s = body.pop("prefer_wait_s", None) or 0
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        return read(Job, self._transport.json(Asked(method, path, body=body, headers=headers, wait_s=wait_s)))

    def _text(self, path: str, **params: Any) -> str:
        return self._transport.send(Asked("GET", path, params, headers={"Accept": "*/*"})).text


def part(value: str) -> str:
    """As one part of a path."""
    return quote(value, safe="")
