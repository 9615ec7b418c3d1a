"""How the processes that serve look for garbage: never through what is loaded. How seldom is said in `app`."""

import gc


def settle() -> None:
    """When all is loaded, and before a fork: what is there stays shared, and is not walked through again."""
    gc.collect()
    gc.freeze()
