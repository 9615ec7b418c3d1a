"""Celery that never hears that a job was cancelled or paused: a worker for the negative control."""

import sys

from celery.__main__ import main

from app.services.lookout import Watch
from app.services.stepping import Stepper


def _go_on(*_: object) -> None:
    """Instead of stopping."""


if __name__ == "__main__":
    setattr(Stepper, "_stop_if_asked", _go_on)  # noqa: B010 - mypy allows no other way
    setattr(Watch, "is_paused", lambda _: False)  # noqa: B010
    sys.exit(main())
