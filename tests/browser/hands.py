"""Other hands in a target: on a thread of their own, since Playwright keeps a loop running on the tests'."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.support import servers


def execute(dsn: str, sql: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(servers.execute, dsn, sql).result()


def value(dsn: str, sql: str) -> object:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(servers.value, dsn, sql).result()


@contextmanager
def held(dsn: str, statement: str, application: str) -> Iterator[int]:
    """As `servers.held`."""
    with ThreadPoolExecutor(1) as thread:
        holding = servers.held(dsn, statement, application)
        pid = thread.submit(holding.__enter__).result()
        try:
            yield pid
        finally:
            thread.submit(holding.__exit__, None, None, None).result()
