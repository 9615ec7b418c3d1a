"""Which release this is."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def release() -> str:
    try:
        return version("liftlock")
    except PackageNotFoundError:
        return "0+unknown"
