"""The numbers of a worker's processes over HTTP: a process beside the worker, which forks and so may have no thread.

`python -m worker.metrics HOST PORT`, with the folder of the numbers in the environment.
"""

import signal
import subprocess
import sys

from app.embedded.children import end_with_parent
from app.measures import counted


def start(host: str, port: int) -> "subprocess.Popen[bytes]":
    """It ends with its parent, however that ends."""
    return subprocess.Popen([sys.executable, "-m", "worker.metrics", host, str(port)])


def main(host: str, port: str) -> int:
    from prometheus_client import start_http_server

    end_with_parent(signal.SIGKILL)
    try:
        _, thread = start_http_server(int(port), host, counted())
    except OSError as error:
        print(f"LIFTLOCK_METRICS_PORT={port}: {error.strerror}", file=sys.stderr)  # noqa: T201 - nothing logs here
        return 1
    thread.join()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
