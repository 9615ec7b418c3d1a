"""The manifests of deploy/kubernetes, held against the settings, the launcher and what the service answers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.api.doors import DOORS
from app.domain.access import Auth
from app.settings import load_settings
from tests.test_deploy_files import OF_CELERY, Asked, launched

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    one for name in KUSTOMIZATION["resources"] for one in yaml.safe_load_all((FOLDER / name).read_text())
]
WORKLOADS = {one["metadata"]["name"]: one["spec"] for one in OBJECTS if one["kind"] in ("Deployment", "Job")}
OURS = ("api", "worker", "beat")
SECRETS = {
    "DATABASE_URL": "postgresql://u:p@postgres/liftlock", "REDIS_URL": "redis://redis:6379/0",
    "LIFTLOCK_SECRET_KEY": "k" * 32, "PRODUCTION_URL": "postgresql://m:p@shop/shop",
}  # fmt: skip
SOFT_STOP_S, CLOSING_S = 15, 10


def pod(name: str) -> dict[str, Any]:
    found: dict[str, Any] = WORKLOADS[name]["template"]["spec"]
    return found


def container(name: str) -> dict[str, Any]:
    (found,) = pod(name)["containers"]
    return dict(found)


def config(name: str) -> dict[str, str]:
    return next(one["data"] for one in OBJECTS if one["kind"] == "ConfigMap" and one["metadata"]["name"] == name)


def environment(name: str, folder: Path) -> dict[str, str]:
    """As the container has it, with secrets of this test."""
    toml = folder / "liftlock.toml"
    toml.write_text(config("liftlock-config")["liftlock.toml"])
    plain = {one["name"]: one["value"] for one in container(name).get("env", ()) if "value" in one}
    return {**config("liftlock-settings"), **SECRETS, **plain, "LIFTLOCK_CONFIG": str(toml)}


def test_every_file_is_applied() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    assert set(WORKLOADS) == {*OURS, "install"}


@pytest.mark.parametrize("name", OURS)
def test_a_container_runs_what_the_launcher_runs(name: str) -> None:
    command, variables = launched()[name]
    words = list(container(name)["command"])
    if "--schedule" in words:
        del words[words.index("--schedule") :][:2], words[words.index("--schedule") :]
    assert tuple(words) == command
    assert variables.items() <= {one["name"]: one.get("value") for one in container(name).get("env", ())}.items()


@pytest.mark.parametrize("name", OURS)
def test_the_settings_take_and_read_every_variable(name: str, tmp_path: Path) -> None:
    given = environment(name, tmp_path)
    asked = Asked(given)
    settings = load_settings(asked)
    assert set(given) - OF_CELERY <= asked.names
    assert settings.auth is Auth.TOKEN and settings.environments["production"].notify == ("on-call",)
    assert settings.metrics_port == (9100 if name == "worker" else 0)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_container_may_do_little(name: str) -> None:
    whole, own = pod(name), container(name)
    assert whole["securityContext"]["runAsNonRoot"] and whole["securityContext"]["runAsUser"] > 0
    assert whole["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert whole["automountServiceAccountToken"] is False
    assert own["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert own["resources"]["requests"].keys() == {"cpu", "memory"} and "memory" in own["resources"]["limits"]
    assert {"name": "tmp", "mountPath": "/tmp"} in own["volumeMounts"]


def test_a_worker_is_given_longer_than_it_lets_its_migrations_go_on() -> None:
    soft = (Path(__file__).resolve().parents[1] / "worker/celery.py").read_text()
    assert f"worker_soft_shutdown_timeout={SOFT_STOP_S}" in soft
    assert pod("worker")["terminationGracePeriodSeconds"] > SOFT_STOP_S + CLOSING_S
    assert pod("api")["terminationGracePeriodSeconds"] > SOFT_STOP_S


def test_there_is_one_beat_and_more_of_everything_else() -> None:
    assert WORKLOADS["beat"]["replicas"] == 1 and WORKLOADS["beat"]["strategy"] == {"type": "Recreate"}
    assert min(WORKLOADS[name]["replicas"] for name in ("api", "worker")) == 2


def test_probes_ask_what_the_api_answers_to_everybody() -> None:
    probes = [container("api")[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [one["path"] for one in probes] == ["/health/live", "/health/live", "/health/ready"]
    assert all(DOORS[f"GET {one['path']}"].scopes == () for one in probes)
    assert container("worker")["livenessProbe"] == {
        "tcpSocket": {"port": "metrics"}, "initialDelaySeconds": 30, "periodSeconds": 20,
    }  # fmt: skip


def test_no_file_holds_a_secret_and_the_owners_is_the_installers_alone() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    assert not any(one["kind"] == "Secret" for one in OBJECTS)
    assert re.findall(r"://[^\s:]+:([^@\s]+)@", text) == ["…"] * 3
    using = [name for name in WORKLOADS if "liftlock-owner" in str(pod(name))]
    assert using == ["install"]
    assert [name for name in WORKLOADS if "liftlock-admin" in str(pod(name))] == ["api"]


def test_policies_let_in_what_listens_and_nothing_else() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in OBJECTS if one["kind"] == "NetworkPolicy"}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    listening = {name: [one["containerPort"] for one in container(name).get("ports", ())] for name in OURS}
    let_in = {
        name: [port["port"] for rule in policies[name]["ingress"] for port in rule["ports"]]
        for name in OURS
        if name in policies
    }
    assert let_in == {name: ports for name, ports in listening.items() if ports}
    assert all(rule["from"] for name in let_in for rule in policies[name]["ingress"])


def test_labels_find_what_they_are_meant_for() -> None:
    for one in OBJECTS:
        if one["kind"] == "Deployment":
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"] == labels
            assert labels["app.kubernetes.io/component"] == one["metadata"]["name"]
        if one["kind"] in ("Service", "PodDisruptionBudget"):
            selector = one["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert wanted["app.kubernetes.io/component"] == one["metadata"]["name"] in OURS
