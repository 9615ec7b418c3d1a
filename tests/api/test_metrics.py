"""`/metrics`: what is counted, by which labels, and that the files of a deployment name nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from app import measures
from app.api.metrics import StateCollector
from app.domain.census import Census, Process, ProcessKind, Reading
from app.domain.errors import BackendUnavailable
from app.domain.job import JobState
from tests.api.stand import Stand

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAMED = re.compile(r"\bliftlock_[a-z_]+")
RULES = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
LABELS = {
    "environment", "kind", "state", "direction", "method", "route", "status", "release", "le", "outcome",
}  # fmt: skip


def families(stand: Stand) -> dict[str, Metric]:
    answer = stand.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


def samples(stand: Stand, name: str) -> dict[tuple[str, ...], float]:
    return {tuple(one.labels.values()): one.value for one in families(stand)[name].samples if one.name == name}


def test_what_has_not_ended_is_counted_by_environment_and_state(stand: Stand) -> None:
    stand.post("/migrations/run")
    stand.run(stand.muster.seen(Process("host:7", ProcessKind.WORKER, "1")))
    assert samples(stand, "liftlock_jobs")["development", "queued"] == 1
    assert samples(stand, "liftlock_jobs")["production", "waiting"] == 0
    assert samples(stand, "liftlock_pending_migrations") == {("development",): 3, ("production",): 3}
    assert samples(stand, "liftlock_environment_reachable")[("development",)] == 1
    assert samples(stand, "liftlock_processes_alive") == {("api",): 0, ("worker",): 1}
    assert samples(stand, "liftlock_rollout_targets") == {(state.value,): 0 for state in JobState}


def test_many_who_ask_within_seconds_are_told_what_was_counted_once(stand: Stand) -> None:
    before = samples(stand, "liftlock_jobs")["development", "queued"]
    stand.post("/migrations/run")
    assert samples(stand, "liftlock_jobs")["development", "queued"] == before
    stand.clock.advance(6)
    assert samples(stand, "liftlock_jobs")["development", "queued"] == before + 1
    assert samples(stand, "liftlock_oldest_queued_job_age_seconds")[()] == 6


def test_without_the_control_database_the_process_still_tells_what_it_has_counted(stand: Stand) -> None:
    stand.muster.unavailable = BackendUnavailable("away")
    found = families(stand)
    assert samples(stand, "liftlock_control_database_up") == {(): 0}
    assert "liftlock_jobs" not in found and "liftlock_http_requests" in found


def test_requests_are_counted_by_their_route_and_never_by_an_id(stand: Stand) -> None:
    job = stand.post("/migrations/run").json["id"]
    stand.get(f"/jobs/{job}")
    stand.get(f"/made-up/{job}")
    text = stand.get("/metrics").text
    assert 'route="/jobs/{id}",status="200"' in text
    assert 'method="none",route="none",status="404"' in text
    assert job not in text


def test_no_label_is_unbounded(stand: Stand) -> None:
    stand.get("/jobs")
    measures.step_done("development", "up", 0.1)
    measures.lock_waited("development", 0.1)
    measures.job_ended("development", "run", "failed", 1)
    used = {label for one in families(stand).values() for sample in one.samples for label in sample.labels}
    assert used <= LABELS


def test_the_processes_of_one_server_add_to_one_set_of_numbers(tmp_path: Path) -> None:
    script = (
        "import os\n"
        "from app import measures\n"
        "folder = measures.share_among_children()\n"
        "for state in ('failed', 'succeeded', 'failed'):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        measures.job_ended('development', 'run', state, 2)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "from prometheus_client.exposition import generate_latest\n"
        "print(generate_latest(measures.counted()).decode())\n"
        "measures.forget_shared()\n"
        "assert not os.path.exists(folder)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"TMPDIR": str(tmp_path)}
    )
    assert 'liftlock_jobs_ended_total{environment="development",kind="run",state="failed"} 2.0' in ran.stdout
    assert 'liftlock_job_duration_seconds_count{environment="development",kind="run"} 3.0' in ran.stdout


def known_names() -> set[str]:
    """Everything that could ever be asked for, as it is exposed."""
    state = CollectorRegistry()
    state.register(StateCollector(Reading(Census(conflicts={("a", "cycle"): 1}), {"a": 1}), "1"))
    counters_and_histograms = measures.counted().collect()
    names = {one.name for one in state.collect()}
    for family in counters_and_histograms:
        endings = ("_bucket", "_count", "_sum") if family.type == "histogram" else ("_total",)
        names |= {f"{family.name}{ending}" for ending in endings}
    return names


RULE_NAMES = [(rule["alert"], rule["expr"]) for group in RULES["groups"] for rule in group["rules"]]
PANELS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(("where", "expression"), RULE_NAMES + PANELS)
def test_rules_and_dashboard_name_what_is_measured(where: str, expression: str) -> None:
    used = set(NAMED.findall(expression))
    assert used and used <= known_names(), where


def test_rules_say_what_is_wrong_and_what_to_do() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("info", "warning", "critical")
            assert rule["annotations"].keys() == {"summary", "description"}
    assert len({name for name, _ in RULE_NAMES}) == len(RULE_NAMES)


def test_states_that_rules_name_are_states(stand: Stand) -> None:
    named = {one for _, expression in RULE_NAMES for one in re.findall(r'state=~"([^"]+)"', expression)}
    assert {state for one in named for state in one.split("|")} <= {state.value for state in JobState}
    assert "liftlock_jobs" in families(stand)
