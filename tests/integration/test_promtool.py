"""What Prometheus itself says of the rules in deploy/, and of the metrics that they are about."""

import subprocess
from pathlib import Path

import pytest

from tests.support.house import open_house
from tests.support.servers import Servers

pytestmark = [pytest.mark.servers, pytest.mark.system]

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus-rules.yml"


def promtool(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)


def test_the_rules_are_sound() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0 and "SUCCESS" in checked.stdout, checked


def test_the_metrics_are_named_as_they_should_be(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        house.write("1_t.sql", "-- migrate:up\nCREATE TABLE t (id int);\n")
        assert house.do().reason == "applied"
        shown = house.http("GET", "/metrics").text
    assert "liftlock_http_requests_total" in shown
    checked = promtool("check", "metrics", given=shown)
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, "", "")
