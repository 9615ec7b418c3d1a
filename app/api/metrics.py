"""`/metrics`: what Prometheus reads of the service and of the processes that answer here."""

from collections.abc import Iterable, Iterator, Mapping

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from app import measures
from app.api.context import run, services
from app.api.requests import checked
from app.domain.census import Census, ProcessKind, Reading
from app.domain.job import JobState
from app.release import release

api = APIBlueprint(
    "metrics", __name__, abp_tags=[Tag(name="Operations", description="For those who keep the service running.")]
)

TEXT = {"description": "metrics of Prometheus", "content": {"text/plain": {"schema": {"type": "string"}}}}
_OPEN = tuple(state.value for state in JobState if not state.final)


@api.get("/metrics", responses={200: TEXT}, operation_id="metrics")
@checked
def show_metrics() -> Response:
    """What Prometheus reads

    Counts and durations are of the processes behind this address; what is so at this moment is of the whole service,
    at most 5 seconds old (15 for pending migrations). With tokens it needs one with `read`. Workers have an address
    of their own: `LIFTLOCK_METRICS_PORT`.
    """
    registry = CollectorRegistry()
    registry.register(StateCollector(run(services().measuring.read()), release()))
    text = generate_latest(measures.counted()) + generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class StateCollector(Collector):
    """A reading as gauges."""

    def __init__(self, reading: Reading, release: str) -> None:
        self._reading = reading
        self._release = release

    def collect(self) -> Iterator[GaugeMetricFamily]:
        reading = self._reading
        yield _gauge("liftlock_build_info", "Which release answers.", [((self._release,), 1)], "release")
        up = float(reading.census is not None)
        yield _gauge("liftlock_control_database_up", "Whether the control database has answered.", [((), up)])
        reached = [((name,), float(count is not None)) for name, count in reading.pending.items()]
        yield _gauge("liftlock_environment_reachable", "Whether its target has answered.", reached, "environment")
        pending = [((name,), float(count)) for name, count in reading.pending.items() if count is not None]
        yield _gauge("liftlock_pending_migrations", "Files that are not applied.", pending, "environment")
        if reading.census is not None:
            yield from _counted(reading.census, tuple(reading.pending))


def _counted(census: Census, environments: tuple[str, ...]) -> Iterator[GaugeMetricFamily]:
    """What is none is said of each environment: an alert on nothing at all would never end."""
    jobs = {(name, state): 0 for name in environments for state in _OPEN} | dict(census.jobs)
    yield _gauge("liftlock_jobs", "Jobs that have not ended.", jobs.items(), "environment", "state")
    age = census.oldest_queued_s
    yield _gauge("liftlock_oldest_queued_job_age_seconds", "How long the oldest queued job has waited.", [((), age)])
    waiting = dict.fromkeys(environments, 0) | dict(census.sessions_waiting)
    yield _gauge("liftlock_sessions_waiting", "Sessions that wait for a migration.", _each(waiting), "environment")
    targets = _each(dict.fromkeys((state.value for state in JobState), 0) | dict(census.rollout_targets))
    yield _gauge("liftlock_rollout_targets", "Targets that jobs under way have come to.", targets, "state")
    drifted = _each(census.drifted)
    yield _gauge("liftlock_drifted_objects", "Differences at the last look at a schema.", drifted, "environment")
    conflicts = [((name or "none", kind), count) for (name, kind), count in census.conflicts.items()]
    yield _gauge("liftlock_conflicts_open", "Conflicts that nobody has settled.", conflicts, "environment", "kind")
    alive = [((kind.value,), census.processes.get(kind.value, 0)) for kind in ProcessKind]
    yield _gauge("liftlock_processes_alive", "Processes that have said so in the last 30 seconds.", alive, "kind")
    deliveries = [((), census.deliveries_open)]
    yield _gauge("liftlock_webhook_deliveries_open", "Deliveries to webhooks that are not over.", deliveries)
    late = "For how long what runs by itself has been due, and beat has not begun it."
    yield _gauge("liftlock_schedule_overdue_seconds", late, [((), census.overdue_s)])


def _each(counts: Mapping[str, int]) -> list[tuple[tuple[str, ...], float]]:
    return [((name,), count) for name, count in counts.items()]


def _gauge(name: str, meaning: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for key, number in values:
        family.add_metric(list(key), number)
    return family
