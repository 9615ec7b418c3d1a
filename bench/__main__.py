"""`python -m bench [NAME…] [--quick]`: run benchmarks, print their tables, write docs/benchmarks.md."""

import argparse
import signal
import sys
import time
import traceback
from pathlib import Path

from bench import machine
from bench.figures import FULL, QUICK, Benchmark, Row, Scale, Section
from bench.registry import BENCHMARKS
from bench.report import as_markdown, as_text
from bench.stack import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
FAILED = "failed"


def main() -> int:
    asked = _arguments()
    # TERM unwinds like Ctrl-C: no process of a benchmark may outlive it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load_before, began = machine.load(), time.monotonic()
    measured = [(benchmark, _measured(benchmark, asked.scale)) for benchmark in asked.chosen]
    facts = machine.facts(asked.command, load_before) | {"Duration": f"{time.monotonic() - began:.0f} s"}
    print("\n" + "\n".join(f"{name}: {value}" for name, value in facts.items()))
    if asked.page is not None:
        asked.page.parent.mkdir(exist_ok=True)
        asked.page.write_text(as_markdown(facts, measured), encoding="utf-8")
        print(f"written to {asked.page}")
    return int(any(row.note.startswith(FAILED) for _, section in measured for row in section.rows))


class _Asked:
    """What is to be run, and where the page goes: only a full run replaces the published one."""

    def __init__(self, names: list[str], scale: Scale, output: Path | None) -> None:
        self.scale = scale
        self.chosen = tuple(one for one in BENCHMARKS if one.name in names or not names)
        complete = scale is FULL and len(self.chosen) == len(BENCHMARKS)
        self.page = output or (PAGE if complete else None)
        self.command = " ".join(("python -m bench", *names, *(["--quick"] if scale is QUICK else [])))


def _arguments() -> _Asked:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all when left out: {', '.join(known)}")
    parser.add_argument(
        "--quick", action="store_const", const=QUICK, default=FULL, dest="scale", help="smaller numbers"
    )
    parser.add_argument("--output", type=Path, help="write the page here, whatever was run")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there is {', '.join(known)}")
    return _Asked(given.names, given.scale, given.output)


def _measured(benchmark: Benchmark, scale: Scale) -> Section:
    """One that breaks is a line of the table; the others go on."""
    print(f"\n{benchmark.name} …", file=sys.stderr, flush=True)
    try:
        section = benchmark.measure(scale)
    except Exception as error:
        traceback.print_exc()
        section = Section((Row(benchmark.name, note=f"{FAILED}: {type(error).__name__}: {error}".splitlines()[0]),))
    print(as_text(benchmark, section), flush=True)
    return section


if __name__ == "__main__":
    sys.exit(main())
