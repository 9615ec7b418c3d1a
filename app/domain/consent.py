"""What is said of the hazards of a job: the refusal where consent is lacking, the notices where it is given."""

import json
from collections.abc import Iterable, Sequence

from app.domain.allowances import allowance
from app.domain.errors import HazardNotAllowed
from app.domain.examination import Consents
from app.domain.hazards import Hazard, HazardCode, slug_of
from app.domain.job import JobKind, JobRequest
from app.domain.problem import Problem
from app.domain.step import Atomicity, count_of

MOST_NOTICES = 20
MOST_PROBLEMS = 50


def refuse_lacking(request: JobRequest, verdict: Consents) -> None:
    """Raises HazardNotAllowed with each hazard that nobody has consented to, and how that is done."""
    lacking = verdict.lacking
    if not lacking:
        return
    codes = verdict.lacking_codes
    first = lacking[0]
    others = len(lacking) - 1
    what = f"{_short(first)} and {count_of(others, 'other hazard')} need" if others else f"{_short(first)} needs"
    raise HazardNotAllowed(
        f"{what} consent in {request.environment}, and nobody has given it; nothing was run. {first.happens} "
        f"Where it may be taken, send {verdict.flag}, or write {in_file(first)} into the file",
        _problems(lacking),
        facts={
            "hazards": [facts_of(one) for one in lacking[:MOST_PROBLEMS]],
            "allowHazards": list(codes),
            "flag": verdict.flag,
            "body": {"allowHazards": list(allowing(request, codes))},
            "inFile": in_files(lacking),
        },
        next_steps=(
            *(one for one in dict.fromkeys(hazard.to_do for hazard in lacking)),
            f"when it may be taken: {call_of(request)} {body_of(request, codes)}",
        ),
    )


def notices_of(verdict: Consents) -> tuple[str, ...]:
    """What was consented to, or counts as consented, short. Advice of the linter is none of it."""
    taken = [one.hazard for one in verdict.judged if one.consent is not None and one.hazard.code != HazardCode.LINT]
    said = [_short(hazard) for hazard in taken[:MOST_NOTICES]]
    if len(taken) > MOST_NOTICES:
        said.append(f"and {len(taken) - MOST_NOTICES} more hazards")
    return tuple(said)


def allowing(request: JobRequest, codes: Sequence[HazardCode]) -> tuple[str, ...]:
    """What the request allows already, and these."""
    return tuple(dict.fromkeys((*request.allow_hazards, *codes)))


def in_file(hazard: Hazard) -> str:
    """The line that allows it where it is, as the language of its file writes a comment."""
    return allowance(hazard.code, hazard.file)


def in_files(lacking: Iterable[Hazard]) -> list[str]:
    return list(dict.fromkeys(in_file(one) for one in lacking))


def call_of(request: JobRequest) -> str:
    """The call that asks for this, without its body."""
    match request.kind:
        case JobKind.ROLLBACK:
            count = "" if request.count is None or request.plan is not None else f"/{request.count}"
            return f"POST /migrations/rollback{count}"
        case JobKind.SYNC:
            return f"POST /environments/{request.environment}/sync"
        case JobKind.RESET:
            return "DELETE /migrations/reset"
        case _:
            return "POST /migrations/run"


def body_of(request: JobRequest, codes: Sequence[HazardCode]) -> str:
    """The body of that call, in JSON: what was asked, with these allowed."""
    asked = {
        "planId": None if request.plan is None else str(request.plan.plan_id),
        "to": None if request.plan is not None else request.to,
        "atomic": "run" if request.atomic is Atomicity.RUN and request.plan is None else None,
        "confirm": request.confirm,
        "from": request.source,
        "allowHazards": list(allowing(request, codes)),
    }
    return json.dumps({name: value for name, value in asked.items() if value is not None}, ensure_ascii=False)


def facts_of(hazard: Hazard) -> dict[str, object]:
    return {
        "code": hazard.code.value,
        "migration": hazard.migration,
        "file": hazard.file,
        "line": hazard.line,
        "object": hazard.object,
        "foundBy": hazard.found_by.value,
        "estimatedRows": hazard.rows,
        "bytes": hazard.bytes,
        "happens": hazard.happens,
        "toDo": hazard.to_do,
        "page": f"/problems/{slug_of(hazard.code)}",
    }


def _problems(lacking: Sequence[Hazard]) -> tuple[Problem, ...]:
    shown = tuple(
        Problem(
            code=hazard.code.value,
            message=f"{hazard.code} {hazard.object}: {hazard.happens} {hazard.to_do}".replace("  ", " "),
            migration=hazard.migration,
            file=hazard.file,
            line=hazard.line,
        )
        for hazard in lacking[:MOST_PROBLEMS]
    )
    if len(lacking) <= MOST_PROBLEMS:
        return shown
    return (*shown, Problem("more", f"{len(lacking) - MOST_PROBLEMS} more hazards are not shown"))


def _short(hazard: Hazard) -> str:
    place = f"{hazard.file}:{hazard.line}" if hazard.line else hazard.file
    return f"{hazard.code} {hazard.object} ({place})".replace("  ", " ")
