"""Failpoints are off unless asked for by name, act once for all processes, and stand where the list says."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import failpoints
from app.domain.errors import ConfigurationInvalid
from app.failpoints import PLACES, Action, Failpoint, FailpointReached, marker_of, parse
from app.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
NEEDED = {
    "DATABASE_URL": "postgresql://me@host/control",
    "REDIS_URL": "redis://host:6379/0",
    "LIFTLOCK_CONFIG": "-",
}


class Connection:
    def __init__(self) -> None:
        self.terminated = False

    def terminate(self) -> None:
        self.terminated = True


@pytest.fixture(autouse=True)
def nothing_stays_armed(tmp_path: Path) -> Iterator[None]:
    yield
    failpoints.arm((), tmp_path)


def test_nothing_is_armed_unless_it_is_asked_for() -> None:
    assert load_settings(NEEDED).failpoints == ()


def test_several_are_read_with_their_action_and_their_turn() -> None:
    settings = load_settings(NEEDED | {"LIFTLOCK_FAILPOINTS": "end.before=kill, commit.answered=drop@3"})
    assert settings.failpoints == (
        Failpoint("end.before", Action.KILL, 1),
        Failpoint("commit.answered", Action.DROP, 3),
    )


def test_an_unknown_place_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        load_settings(NEEDED | {"LIFTLOCK_FAILPOINTS": "nowhere=kill"})
    assert "LIFTLOCK_FAILPOINTS: there is no place 'nowhere'; there is submit.committed, " in refused.value.detail


@pytest.mark.parametrize("text", ["end.before", "end.before=explode", "end.before=kill@0", "end.before=kill@soon"])
def test_what_is_not_understood_is_refused_with_its_shape(text: str) -> None:
    assert parse(text) == ((), f"{text!r} is not understood; it takes {failpoints.SHAPE}")


def test_an_armed_place_acts_at_its_turn_and_once(tmp_path: Path) -> None:
    failpoints.arm((Failpoint("end.before", Action.RAISE, 2),), tmp_path)
    failpoints.reach("end.before")
    failpoints.reach("end.after")
    with pytest.raises(FailpointReached):
        failpoints.reach("end.before")
    failpoints.reach("end.before")
    assert marker_of(tmp_path, "end.before").exists()


def test_a_process_that_comes_after_is_spared(tmp_path: Path) -> None:
    failpoints.arm((Failpoint("end.before", Action.RAISE),), tmp_path)
    with pytest.raises(FailpointReached):
        failpoints.reach("end.before")
    failpoints.arm((Failpoint("end.before", Action.RAISE),), tmp_path)
    failpoints.reach("end.before")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_dropped_connection_is_cut_and_a_commit_s_reply_is_lost_with_it(tmp_path: Path) -> None:
    failpoints.arm((Failpoint("step.begun", Action.DROP), Failpoint("commit.answered", Action.DROP)), tmp_path)
    begun, committed = Connection(), Connection()
    failpoints.reach("step.begun", begun)
    with pytest.raises(ConnectionResetError):
        failpoints.reach("commit.answered", committed)
    assert begun.terminated and committed.terminated


def test_every_place_of_the_list_stands_once_in_the_product() -> None:
    files = [*ROOT.glob("app/**/*.py"), *ROOT.glob("worker/**/*.py")]
    reached = [place for file in files for place in _reached(ast.parse(file.read_text(encoding="utf-8")))]
    assert sorted(reached) == sorted(PLACES)


def _reached(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="failpoints"), attr="reach"),
                args=[ast.Constant(value=str(place)), *_],
            ):
                yield place
