"""What the stack holds in memory after a hundred jobs."""

from dataclasses import dataclass

from bench import history
from bench.caller import Caller
from bench.figures import Benchmark, Row, Samples, Scale, Section, Target, value_at_most
from bench.processes import PROC, Memory, command_of, family, memory_of
from bench.stack import running_stack, work_folder

MOST_WORKER_MB = 120.0
MOST_STACK_MB = 450.0
MIGRATIONS = 10
_KINDS = (
    ("celery --app worker.celery worker", "worker"),
    ("worker.beat", "beat"),
    ("gunicorn", "API"),
    ("liftlock-api", "API"),
    ("postgres", "PostgreSQL"),
    ("valkey", "Valkey"),
    ("redis", "Valkey"),
    ("liftlock up", "launcher"),
)
"""Words of a command line, the most particular first."""


@dataclass(frozen=True, slots=True)
class Member:
    kind: str
    pid: int
    memory: Memory


def measure(scale: Scale) -> Section:
    jobs = scale.some(full=100, quick=20)
    if not (PROC / "self/smaps_rollup").exists():
        return Section((Row("every process", note="not run: only Linux has smaps_rollup"),))
    with work_folder() as work:
        history.write_small_schema(work / "migrations", MIGRATIONS)
        with running_stack(work / "stack", work / "migrations") as stack, Caller(stack.api_url) as caller:
            for number in range(jobs):
                caller.perform("/migrations/rollback/3" if number % 2 else "/migrations/run")
            members = [member for pid in family(stack.launcher) if (member := _member(pid))]
    return Section(tuple(_rows(members)), _notes(jobs))


def _member(pid: int) -> Member | None:
    try:
        command = command_of(pid)
        kind = next((kind for words, kind in _KINDS if words in command), command[:40] or "unnamed")
        return Member(kind, pid, memory_of(pid))
    except OSError:
        return None  # a backend that has just ended


def _rows(members: list[Member]) -> list[Row]:
    rows = []
    for kind in dict.fromkeys(member.kind for member in members):
        same = [member.memory for member in members if member.kind == kind]
        pss = Samples(tuple(memory.pss_mb for memory in same), "MB")
        rss = [memory.rss_mb for memory in same]
        count = "1 process" if len(same) == 1 else f"{len(same)} processes"
        note = f"{count}, PSS {sum(pss.values):.0f} MB together; RSS {min(rss):.0f}..{max(rss):.0f} MB"
        rows.append(Row(kind, pss, targets=_targets(kind, rss), note=note))
    total = sum(member.memory.pss_mb for member in members)
    rows.append(Row("all", Samples((total,), "MB"), targets=(value_at_most(total, MOST_STACK_MB, "MB"),)))
    return rows


def _targets(kind: str, rss_mb: list[float]) -> tuple[Target, ...]:
    if kind != "worker":
        return ()
    return (Target(f"each ≤ {MOST_WORKER_MB:g} MB RSS", max(rss_mb) <= MOST_WORKER_MB),)


def _notes(jobs: int) -> tuple[str, ...]:
    return (
        f"After {jobs} jobs, runs and rollbacks in turn, with two worker processes. The figures are PSS a process "
        f"(a page shared by n counts 1/n), from /proc/PID/smaps_rollup; RSS counts shared pages in full, each time. "
        "Some libraries load what only development installs beside them (yaml, OpenTelemetry); as users have the stack "
        "it takes some 15 MB less.",
    )


BENCHMARK = Benchmark("memory", "Memory of the whole stack", measure)
