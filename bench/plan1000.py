"""A plan of 1,000 pending migrations over HTTP, and what looking for hazards adds to a request for 500."""

import asyncio
import time
from collections.abc import Callable

from app.adapters.lint import SquawkLinter
from app.adapters.target.schemas import PostgresSchemas
from app.adapters.target.survey import PostgresSurveys
from app.domain.environment import Dsn, Environment
from app.domain.job import JobKind, JobRequest
from app.domain.ledger import History
from app.domain.lexer import lex
from app.domain.step import Plan, step_up
from app.domain.words import stated_in
from app.ports import TargetView
from app.services.gate import HazardGate
from bench import history
from bench.caller import Caller
from bench.figures import Benchmark, Row, Samples, Scale, Section, Stopwatch, value_at_most
from bench.lint import read_migration
from bench.stack import running_stack, work_folder

STEPS = 1_000
ASKED = 500
MOST_MS = 1_000.0
MOST_ADDED_MS = 20.0


def measure(scale: Scale) -> Section:
    rounds = scale.some(full=11, quick=5)
    with work_folder() as work:
        history.write_small_schema(work / "migrations", STEPS)
        files = sorted((work / "migrations").iterdir())
        plan = Plan(tuple(step_up(read_migration(path)) for path in files[:ASKED]))
        first, plans, texts = Stopwatch(), Stopwatch(), Stopwatch()
        with (
            running_stack(work / "stack", work / "migrations") as stack,
            Caller(stack.api_url) as caller,
        ):
            with first.timed():
                made = caller.submit("/migrations/plan")
            for _ in range(rounds):
                with plans.timed():
                    made = caller.submit("/migrations/plan")
                with texts.timed():
                    caller.read(f"/plans/{made['id']}/sql")
        if made["stepCount"] != STEPS:
            raise RuntimeError(f"{made['stepCount']} steps were planned, not {STEPS}")
    cold = Samples(tuple(_admitting(plan, _forget) for _ in range(rounds)), "ms")
    new = Samples(tuple(_admitting(plan, _keep) for _ in range(rounds)), "ms")
    again = _admitting_again(plan, rounds)
    return Section(
        (
            Row(
                f"POST /migrations/plan, {STEPS:,} pending",
                plans.samples,
                targets=(value_at_most(plans.samples.median, MOST_MS, "ms"),),
            ),
            Row("the first one after the start", first.samples),
            Row(f"GET /plans/ID/sql, {STEPS:,} steps", texts.samples),
            Row(
                f"hazards of a run of {ASKED}, planned before",
                again,
                targets=(value_at_most(again.median, MOST_ADDED_MS, "ms"),),
            ),
            Row(f"hazards of a run of {ASKED}, files read ahead", new),
            Row(f"hazards of a run of {ASKED}, files not read ahead", cold),
        ),
        (
            "One client, no dry run; a plan is the whole answer with every statement, kept in the control database. "
            "The first one also waits for the linter, which has looked ahead at the newest files only. Hazards: what "
            "submission, and the worker under the fence, spend on them beside planning; in this process.",
        ),
    )


def _forget() -> None:
    lex.cache_clear()
    stated_in.cache_clear()


def _keep() -> None:
    """What was read ahead is still there."""


def _admitting(plan: Plan, before: Callable[[], None]) -> float:
    """For the first time in a process."""
    before()
    return _timed(_gate(), plan)


def _admitting_again(plan: Plan, rounds: int) -> Samples:
    gate = _gate()
    _timed(gate, plan)
    return Samples(tuple(_timed(gate, plan) for _ in range(rounds)), "ms")


def _gate() -> HazardGate:
    return HazardGate(PostgresSchemas(), SquawkLinter(), PostgresSurveys(), 0)


def _timed(gate: HazardGate, plan: Plan) -> float:
    environment, request = Environment("development", Dsn("postgresql:///none")), JobRequest(JobKind.RUN, "development")
    began = time.perf_counter()
    asyncio.run(gate.admit(request, environment, plan, TargetView(History())))
    return (time.perf_counter() - began) * 1000


BENCHMARK = Benchmark("plan1000", "A plan of 1,000 migrations", measure)
