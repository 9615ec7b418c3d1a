"""Times and facts as JSON values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

_UTC_TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)\+00:00")


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with microseconds."""
    if at is None:
        return None
    text = (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")
    return f"{text[:-6]}Z"  # without its +00:00


def plain(value: object) -> Any:
    """Facts and evidence, of whatever they are made, in JSON's own types."""
    match value:
        case None | bool() | int() | float():
            return value
        case datetime():
            return moment(value)
        case Enum():
            return plain(value.value)
        case str():
            return _UTC_TEXT.sub(r"\1Z", value) if _UTC_TEXT.fullmatch(value) else value
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(one) for one in value]
        case _:
            return str(value)
