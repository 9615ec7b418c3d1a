"""COPY can run a program."""

import pytest

from app.domain.hazard_rules.server_program import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("COPY orders FROM PROGRAM 'curl evil'", ["SERVER_PROGRAM orders"]),
    ("COPY (SELECT 1) TO PROGRAM 'sh'", ["SERVER_PROGRAM "]),
])  # fmt: skip
def test_a_program_is_run_on_the_server(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "COPY orders FROM '/tmp/program'",
    "COPY orders (program) TO '/tmp/x'",
])  # fmt: skip
def test_a_file_or_a_column_of_that_name_is_none(script: str) -> None:
    assert found(RULE, script) == []
