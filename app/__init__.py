"""Liftlock: PostgreSQL migrations as a service."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings
    from app.wiring import Services

MADE_BEFORE_A_LOOK = 10_000
"""Python's own 700 are fewer than a request makes, most of which go as they came, without being looked for; and what
is loaded at the start, all of which stays, would be walked through again and again."""

gc.set_threshold(MADE_BEFORE_A_LOOK, *gc.get_threshold()[1:])


def create_app(settings: "Settings | None" = None, services: "Services | None" = None) -> "Flask":
    """The HTTP application. Makes no connection and starts no thread: the first request does.

    Raises ConfigurationInvalid when settings have to be read and are wrong.
    """
    from app.api.application import build_application
    from app.settings import load_settings
    from app.ui.application import with_dashboard
    from app.wiring import build

    known = services or build(settings or load_settings())
    return with_dashboard(build_application(known), known)
