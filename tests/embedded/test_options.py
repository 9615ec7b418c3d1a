"""What the programs of a stack on one machine find in their environment."""

from pathlib import Path

import pytest

from app.embedded.options import StackOptions, program_environment


@pytest.mark.parametrize(("given", "processes"), [({}, "1"), ({"LIFTLOCK_API_PROCESSES": "3"}, "3")])
def test_the_api_is_one_process_unless_the_caller_wants_more(
    tmp_path: Path, given: dict[str, str], processes: str
) -> None:
    options = StackOptions(data_dir=tmp_path, migrations=tmp_path, environment=given)
    environment = program_environment(options, "postgresql://c", "redis://r", {"staging": "postgresql://s"})
    assert environment["LIFTLOCK_API_PROCESSES"] == processes
    assert environment["LIFTLOCK_TARGET_STAGING"] == "postgresql://s"
