"""The list of migrations as it leaves, and the ETag that names it."""

from app.api import render
from app.api.answers import encoded, etag
from app.api.context import run, services


def listing(environment: str) -> list[render.Json]:
    """Raises NotFound or BackendUnavailable."""
    return [render.migration_row(status) for status in run(services().sync.migrations(environment))]


def listing_etag(environment: str) -> str:
    return etag(encoded(listing(environment)))
