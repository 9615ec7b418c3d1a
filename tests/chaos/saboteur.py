"""Celery without the second look at the ledger: a worker for the negative control, never for anything else."""

import sys

from celery.__main__ import main

from app.adapters.target import preconditions


def _look_away(*_: object) -> None:
    """Instead of refusing what stands already."""


if __name__ == "__main__":
    for guard in ("refuse_other_ledger", "refuse_half_done"):
        setattr(preconditions, guard, _look_away)
    sys.exit(main())
