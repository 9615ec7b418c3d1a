"""How long a command takes from Enter to its last line, beside a Python that does nothing."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import history
from bench.caller import Caller
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, ratio_of, times, value_at_most
from bench.stack import running_stack, work_folder

MOST_HELP_MS = 300.0
LIFTLOCK = str(Path(sys.executable).with_name("liftlock"))


def measure(scale: Scale) -> Section:
    rounds = scale.some(full=20, quick=3)
    floor = _timed((sys.executable, "-c", "pass"), rounds)
    said = _timed((LIFTLOCK, "--help"), rounds)
    with work_folder() as work:
        history.write_trivial(work / "files", 20)
        with running_stack(work / "stack", work / "files") as stack:
            with Caller(stack.api_url) as caller:
                caller.perform("/migrations/run")
            status = _timed((LIFTLOCK, "status", "--url", stack.api_url), rounds)
    return Section(
        (
            Row("python -c pass", floor, "floor"),
            Row(
                "liftlock --help", said, times(ratio_of(said, floor)), (value_at_most(said.median, MOST_HELP_MS, "ms"),)
            ),
            Row("liftlock status", status, times(ratio_of(status, floor))),
        )
    )


def _timed(command: Sequence[str], rounds: int) -> Samples:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    watch = Stopwatch()
    for _ in range(rounds):
        with watch.timed():
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return watch.samples


BENCHMARK = Benchmark("typed", "Commands", measure)
