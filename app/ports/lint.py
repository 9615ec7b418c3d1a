"""What the services need of a linter."""

from collections.abc import Sequence
from typing import Protocol

from app.domain.lint import PG_VERSION, Linted
from app.domain.migration import SqlScript


class Linter(Protocol):
    """`pg_version`: of the server that the scripts are for, as `15.0`."""

    async def lint(self, scripts: Sequence[SqlScript], pg_version: str = PG_VERSION) -> Linted:
        """What it says of each, in one look at all that it does not know yet.

        Never raises: what could not be looked at is None, and `notice` says why.
        """
        ...

    def known(self, scripts: Sequence[SqlScript], pg_version: str = PG_VERSION) -> Linted:
        """What it has said before, without looking: for a request that must not wait."""
        ...
