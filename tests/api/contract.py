"""Holds answers against `/openapi.json`."""

from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

Document = dict[str, Any]

HEADERS = ("Location", "Retry-After", "Preference-Applied", "Idempotency-Replayed", "ETag", "Link")
"""What a client acts on."""

_VALIDATORS: dict[tuple[int, str], Draft202012Validator] = {}
"""By document, which stays for all tests, and schema: to read them takes a while."""


class Contract:
    def __init__(self, app: Flask, document: Document) -> None:
        self._app = app
        self._document = document

    def hold(self, method: str, path: str, response: TestResponse) -> None:
        """Every error is problem+json, every status documented, every body of its documented shape."""
        status, media = str(response.status_code), response.mimetype
        if response.status_code >= 400 and "/health/" not in path:
            assert media == "application/problem+json", (status, media, response.text)
        assert response.headers["X-Request-Id"]
        if method == "HEAD" or response.status_code in (204, 304):
            assert response.data == b""
            return
        operation = self._operation(method, path)
        documented = operation["responses"].get(status) or operation["responses"].get("default") if operation else None
        if operation is not None and media != "text/html":
            assert documented is not None, (method, path, status)
            self._check(documented["content"][media]["schema"], response)
            if response.status_code < 400:
                told = {name for name in HEADERS if name in response.headers}
                assert told <= documented.get("headers", {}).keys(), (method, path, status, told)
        elif media == "application/problem+json":
            self._check({"$ref": "#/components/schemas/Problem"}, response)

    def _check(self, schema: Document, response: TestResponse) -> None:
        key = (id(self._document), str(schema))
        if key not in _VALIDATORS:
            _VALIDATORS[key] = Draft202012Validator({**schema, "components": self._document["components"]})
        is_text = not (response.mimetype or "").endswith("json") or response.mimetype == "application/x-ndjson"
        _VALIDATORS[key].validate(response.text if is_text else response.json)

    def _operation(self, method: str, path: str) -> Document | None:
        adapter = self._app.url_map.bind("localhost")
        try:
            rule, _ = adapter.match(path.partition("?")[0], method, return_rule=True)
        except HTTPException:
            return None
        address = "".join(_braced(part) for part in rule.rule.replace("<", "\n<").replace(">", ">\n").split("\n"))
        found: Document | None = self._document["paths"].get(address, {}).get(method.lower())
        return found


def _braced(part: str) -> str:
    return f"{{{part.strip('<>').split(':')[-1]}}}" if part.startswith("<") else part
