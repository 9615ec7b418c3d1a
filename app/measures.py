"""What this process counts of its own work, for Prometheus: how often, and for how long.

What is so at this moment (jobs that wait, conflicts that are open) is no business of one process: it is counted in
the control database when somebody asks. No label is unbounded: environments are, ids are not.
"""

import os
import shutil
import sys
import tempfile
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own word: where the processes of one server keep their numbers, for any of them to add up."""

_QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LONG_S = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


def share_among_children() -> str:
    """Call it before the first fork and before anything is counted: the children add to one set of numbers."""
    if "prometheus_client.values" in sys.modules:
        raise RuntimeError("something has been counted already, for this process alone")
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="liftlock-metrics-")
    return os.environ[FOLDER]


def forget_shared() -> None:
    """The server ends, and its numbers with it."""
    folder = os.environ.pop(FOLDER, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def request_answered(method: str, route: str, status: int, seconds: float) -> None:
    """`route` as documents write it: `/jobs/{id}`."""
    families = _families()
    families.requests.labels(method, route, str(status)).inc()
    families.request_s.labels(method, route).observe(seconds)


def job_ended(environment: str, kind: str, state: str, seconds: float) -> None:
    """`seconds`: since a worker took it."""
    families = _families()
    families.jobs_ended.labels(environment, kind, state).inc()
    families.job_s.labels(environment, kind).observe(seconds)


def step_done(environment: str, direction: str, seconds: float) -> None:
    _families().step_s.labels(environment, direction).observe(seconds)


def lock_waited(environment: str, seconds: float) -> None:
    """A step waited so long for one lock, got or not."""
    _families().lock_wait_s.labels(environment).observe(seconds)


def job_rescued() -> None:
    _families().rescued.inc()


def attempt_fenced() -> None:
    _families().fenced.inc()


def delivery_tried(outcome: str) -> None:
    """`outcome`: delivered, failed (for good) or tried."""
    _families().deliveries.labels(outcome).inc()


def counted() -> "CollectorRegistry":
    """What this process has counted, or all processes of its server together."""
    from prometheus_client import CollectorRegistry, multiprocess

    own = _families().registry
    if not os.environ.get(FOLDER):
        return own
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


class _Families:
    """Each with its labels; made on first use, so that a command line that counts nothing loads nothing."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self.registry = registry = CollectorRegistry()

        def counter(name: str, meaning: str, *labels: str) -> "Counter":
            return Counter(name, meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> "Histogram":
            return Histogram(name, meaning, labels, registry=registry, buckets=buckets)

        self.requests = counter("liftlock_http_requests", "Requests answered.", "method", "route", "status")
        self.request_s = histogram(
            "liftlock_http_request_duration_seconds", "Time to the answer.", _QUICK_S, "method", "route"
        )
        self.jobs_ended = counter(
            "liftlock_jobs_ended", "Jobs that workers have ended.", "environment", "kind", "state"
        )
        self.job_s = histogram(
            "liftlock_job_duration_seconds", "From a worker's taking a job to its end.", _LONG_S, "environment", "kind"
        )
        self.step_s = histogram(
            "liftlock_step_duration_seconds",
            "The transaction of one migration, up or down.",
            _LONG_S,
            "environment",
            "direction",
        )
        self.lock_wait_s = histogram(
            "liftlock_lock_wait_seconds", "What a step has waited for a lock.", _LONG_S, "environment"
        )
        self.rescued = counter("liftlock_jobs_rescued", "Jobs taken from a worker that had stopped answering.")
        self.fenced = counter("liftlock_attempts_fenced", "Attempts that a newer one of the same job has ended.")
        self.deliveries = counter("liftlock_webhook_tries", "Tries to deliver to a webhook.", "outcome")


@cache
def _families() -> _Families:
    return _Families()
