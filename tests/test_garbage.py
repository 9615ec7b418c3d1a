"""Processes that serve do not walk through what is loaded, and look for garbage less often than Python by itself."""

import gc
import subprocess
import sys

from app import MADE_BEFORE_A_LOOK
from app.garbage import settle


def test_what_is_loaded_is_left_alone() -> None:
    frozen = gc.get_freeze_count()
    kept = [{"a": [number]} for number in range(10)]
    settle()
    assert gc.get_freeze_count() > frozen + len(kept)


def test_the_rest_is_looked_through_more_seldom_from_the_first_import_on() -> None:
    asked = "import app, gc; print(gc.get_threshold()[0])"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert int(said) == MADE_BEFORE_A_LOOK
