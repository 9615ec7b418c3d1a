"""A real Celery worker as a process of its own, beside a house."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.house import House

ROOT = Path(__file__).resolve().parents[2]
QUICK_TIMING = {
    "LIFTLOCK_LEASE_TTL_MS": "1500",
    "LIFTLOCK_BEAT_EVERY_MS": "500",
    "LIFTLOCK_SWEEP_EVERY_MS": "200",
}


@contextmanager
def celery_worker(house: House, log: Path, concurrency: int = 2) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **os.environ,
        **QUICK_TIMING,
        "DATABASE_URL": house.dsn,
        "REDIS_URL": house.services.settings.redis_url,
        "LIFTLOCK_MIGRATIONS": str(house.folder),
        "LIFTLOCK_CONFIG": "-",
        "REMAP_SIGTERM": "SIGQUIT",
    }
    command = (sys.executable, "-m", "celery", "--app", "worker.celery", "worker")
    options = ("--concurrency", str(concurrency), "--loglevel", "WARNING")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, *options], cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(25)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)


def kill_pool_process(house: House) -> None:
    """kill -9 of the process that works on a job now: its database client tells its pid."""
    row = house.job_row()
    os.kill(int(str(row["owner"]).rpartition(":")[2]), signal.SIGKILL)
