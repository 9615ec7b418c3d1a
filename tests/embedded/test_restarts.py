import signal

from app.embedded.restarts import LONGEST_PAUSE_S, STEADY_S, Restarts


def test_the_pause_grows_with_every_quick_failure_up_to_a_limit() -> None:
    restarts, pauses = Restarts(), []
    for _ in range(12):
        restarts = restarts.after(lived_s=0.1, code=1)
        pauses.append(restarts.pause_s)
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_six_quick_failures_in_a_row_are_hopeless() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts = restarts.after(lived_s=0.1, code=1)
    assert not restarts.hopeless
    assert restarts.after(lived_s=0.1, code=1).hopeless


def test_a_child_that_lived_long_begins_anew() -> None:
    assert Restarts(5).after(lived_s=STEADY_S, code=1) == Restarts(1)


def test_being_killed_from_outside_is_no_failure() -> None:
    assert Restarts(5).after(lived_s=0.1, code=-signal.SIGKILL) == Restarts(5)
