"""The list of migrations as it leaves, and the ETag that names it."""

from dataclasses import dataclass

from app.api import render
from app.api.answers import encoded, etag
from app.api.context import listings, run, services
from app.domain.standing import MigrationStatus


@dataclass(frozen=True, slots=True)
class Listing:
    """`statuses` as they were rendered: the same object again means the same bytes."""

    statuses: tuple[MigrationStatus, ...]
    body: bytes
    etag: str


def listing(environment: str) -> Listing:
    """Raises NotFound or BackendUnavailable."""
    statuses = run(services().sync.migrations(environment))
    last = listings().get(environment)
    if last is None or last.statuses is not statuses:
        body = encoded([render.migration_row(status) for status in statuses])
        last = listings()[environment] = Listing(statuses, body, etag(body))
    return last


def listing_etag(environment: str) -> str:
    return listing(environment).etag
