"""How the processes that serve look for garbage: never through what is loaded, and not many times in each request."""

import gc

MADE_BEFORE_A_LOOK = 10_000
"""Python's own 700 are fewer than a request makes, most of which go as they came, without being looked for."""


def settle() -> None:
    """When all is loaded, and before a fork: what is there stays shared, and is not walked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MADE_BEFORE_A_LOOK, *gc.get_threshold()[1:])
