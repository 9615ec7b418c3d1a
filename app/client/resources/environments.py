"""`client.environments`: what they are, where they stand, how they differ, and how they are kept."""

from collections.abc import Mapping
from typing import Any, Unpack

from app.client.documents.comparison import Comparison
from app.client.documents.drift import Drift
from app.client.documents.environments import Environment, EnvironmentStatus, Guarded, Matrix, Registration
from app.client.documents.jobs import Job
from app.client.documents.plans import Plan
from app.client.options import SyncOptions
from app.client.resources.asking import Resource, part
from app.client.transport import Asked


class Environments(Resource):
    def list(self, *, with_status: bool = False) -> list[Environment]:
        return self._list(Environment, "/environments", status=str(with_status).lower())

    def get(self, name: str, *, with_status: bool = False) -> Environment:
        return self._one(Environment, "GET", _at(name), params={"status": str(with_status).lower()})

    def status(self, name: str) -> EnvironmentStatus:
        return self._one(EnvironmentStatus, "GET", f"{_at(name)}/status")

    def matrix(self) -> Matrix:
        """Every migration in every environment."""
        return self._one(Matrix, "GET", "/matrix")

    def compare(self, source: str, target: str, *, strict: bool = False) -> Comparison:
        """`target` held against `source`; `strict`: also what databases of one schema may differ in."""
        params = {"from": source, "to": target, "strict": str(strict).lower()}
        return self._one(Comparison, "GET", "/environments/compare", params=params)

    def sync(self, name: str, source: str | None = None, **options: Unpack[SyncOptions]) -> Job:
        """Bring `name` to what `source` has completed; as the configuration says when it is left out."""
        return self._change("POST", f"{_at(name)}/sync", {"from": source, **options})

    def plan_sync(self, name: str, source: str | None = None, to: str | None = None) -> Plan:
        """What `sync` would run."""
        return self._one(Plan, "POST", f"{_at(name)}/sync", body={"from": source, "to": to, "dry_run": True})

    def drift(self, name: str) -> Drift:
        """The last look at its schema."""
        return self._one(Drift, "GET", f"{_at(name)}/drift")

    def scan(self, name: str, note: str | None = None, prefer_wait_s: int = 0) -> Job:
        """Look at its schema now."""
        return self._change("POST", f"{_at(name)}/drift/scan", {"note": note, "prefer_wait_s": prefer_wait_s})

    def registration(self, name: str) -> Registration:
        return self._one(Registration, "GET", f"{_at(name)}/registration")

    def put(self, name: str, document: Mapping[str, Any], version: int | None = None) -> Registration:
        """Register, or change: the keys of a table of liftlock.toml. `version`: the one that was seen, 0 for none."""
        headers = {} if version is None else {"If-None-Match": "*"} if version == 0 else _seen(version)
        return self._one(Registration, "PUT", _at(name), body=document, headers=headers)

    def remove(self, name: str, confirm: str | None = None, version: int | None = None) -> None:
        """Forget a registered one, or one that is no longer in liftlock.toml; its database stays as it is."""
        headers = {} if version is None else _seen(version)
        self._transport.json(Asked("DELETE", _at(name), {"confirm": confirm}, headers=headers))

    def unlock(self, name: str, confirm: str | None = None, note: str | None = None) -> Guarded:
        """One step less protected for a quarter of an hour; `confirm` is its name."""
        return self._one(Guarded, "POST", f"{_at(name)}/unlock", body={"confirm": confirm, "note": note})

    def lock(self, name: str, note: str | None = None) -> Guarded:
        return self._one(Guarded, "POST", f"{_at(name)}/lock", body={"note": note})

    def claim(self, name: str, confirm: str | None = None, note: str | None = None) -> Guarded:
        """Take a database that was set up as another environment; `confirm` is the name recorded in it."""
        return self._one(Guarded, "POST", f"{_at(name)}/claim", body={"confirm": confirm, "note": note})


def _at(name: str) -> str:
    return f"/environments/{part(name)}"


def _seen(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}
