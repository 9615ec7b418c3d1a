"""ALTER SYSTEM is for the whole server."""

import pytest

from app.domain.hazard_rules.server_setting import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER SYSTEM SET work_mem = '1GB'", ["SERVER_SETTING work_mem"]),
    ("ALTER SYSTEM RESET ALL", ["SERVER_SETTING ALL"]),
])  # fmt: skip
def test_a_setting_of_the_server_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "SET work_mem = '1GB'",
    "ALTER DATABASE shop SET work_mem = '1GB'",
])  # fmt: skip
def test_a_setting_of_the_session_is_none(script: str) -> None:
    assert found(RULE, script) == []
