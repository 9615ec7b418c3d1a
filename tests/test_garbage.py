"""Processes that serve do not walk through what is loaded, and look for garbage less often than Python by itself."""

import gc

from app.garbage import MADE_BEFORE_A_LOOK, settle


def test_what_is_loaded_is_left_alone_and_the_rest_looked_through_more_seldom() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    kept = [{"a": [number]} for number in range(10)]
    try:
        settle()
        assert gc.get_threshold() == (MADE_BEFORE_A_LOOK, *before[1:])
        assert gc.get_freeze_count() > frozen + len(kept)
    finally:
        gc.set_threshold(*before)
