"""The text of migrations as it stands in their files now."""

from typing import Any

from app.domain.migration import Migration, SqlScript
from app.ui.asking import Json
from app.ui.sql import lines
from app.ui.visitor import services

LINES_AROUND = 4


def migration_file(name: str) -> Migration | None:
    return services().portal.run(services().validation.migration(name))


def excerpt(error: Json) -> list[tuple[int, bool, str]] | None:
    """The lines around the one that failed, that one marked; None where the file does not say."""
    found, line = migration_file(error["migration"] or ""), error["line"]
    if found is None or line is None or error["file"] != found.file:
        return None
    body = found.down if error["direction"] == "down" else found.up
    if not isinstance(body, SqlScript):
        return lines(found.up.text, 1, line, LINES_AROUND)
    near = lines(body.text, body.line, line, LINES_AROUND)
    return near if any(marked for _, marked, _ in near) else None


def sections(found: Migration) -> list[dict[str, Any]]:
    """What it does up and down, as SQL or as Python; a Python file is one text for both."""
    if not isinstance(found.up, SqlScript):
        return [{"title": "Python file", "text": found.up.text, "is_sql": False}]
    parts = [("Up", found.up), ("Down", found.down), ("Verify", found.verify)]
    return [{"title": title, "text": one.text, "is_sql": True} for title, one in parts if isinstance(one, SqlScript)]
