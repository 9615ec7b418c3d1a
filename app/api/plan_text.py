"""A plan as one text: each section byte for byte as it is sent, below a comment that makes that checkable.

Every line of ours begins with `-- liftlock plan:`. The one before a section says how many bytes of it follow and their
SHA-256; after that many bytes comes a line end, a line with the semicolon that the section itself may lack, so that the
whole can be executed, and the next line of ours.
"""

from collections.abc import Iterator

from app.domain.migration import Direction
from app.domain.planned import Language, PlannedStep, PlannedText, StoredPlan
from app.domain.statements import ends_open
from app.domain.step import count_of

OURS = "-- liftlock plan:"


def plan_text(plan: StoredPlan) -> bytes:
    return b"".join(_lines(plan))


def _lines(plan: StoredPlan) -> Iterator[bytes]:
    kind, where = plan.request.kind.value, plan.request.environment
    yield _ours(f"{plan.id}, a {kind} in {where}, {count_of(len(plan.steps), 'step')}, {plan.verdict}")
    if plan.request.atomic.value == "run" and plan.steps:
        yield _ours("all steps are one transaction")
    if plan.refused is not None:
        yield _ours(f"a {kind} is refused ({plan.refused.slug}): {_one_line(plan.refused.detail)}")
    for step in plan.steps:
        yield from _step(step, len(plan.steps))


def _step(step: PlannedStep, count: int) -> Iterator[bytes]:
    sign = "+" if step.direction is Direction.UP else "-"
    where = "in a transaction" if step.apart is None else f"outside a transaction: {step.apart}"
    yield _ours(f"step {step.ordinal + 1} of {count}, {sign} {step.name} ({step.version}), {where}")
    yield from (_ours(one.says) for one in (step.keeping.sets if step.keeping else ()))
    if step.body is None:
        yield _ours("nothing is executed, the ledger records it")
    elif step.language is Language.PYTHON:
        yield _ours(f"a migration in Python, {step.direction}() of {_place(step.body)}, its source as a comment")
        yield from (f"-- {line}\n".encode("utf-8", "replace") for line in step.body.text.splitlines())
    else:
        yield from _section(step.direction.value, step.body)
    if step.verify is not None:
        yield from _section("verify", step.verify)


def _section(name: str, text: PlannedText) -> Iterator[bytes]:
    yield _ours(f"{name} from {_place(text)}")
    yield text.text.encode("utf-8", "replace") + b"\n"
    if ends_open(text.text):
        yield b";\n"


def _place(text: PlannedText) -> str:
    return f"{text.file}:{text.line}, {text.byte_count} bytes, sha256 {text.sha256}"


def _ours(said: str) -> bytes:
    return f"{OURS} {_one_line(said)}\n".encode("utf-8", "replace")


def _one_line(text: str) -> str:
    return " ".join(text.split())
