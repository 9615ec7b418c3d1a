"""A hazard without consent is refused with all there is to know; what was consented to is said in short."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.binding import Binding
from app.domain.consent import MOST_NOTICES, MOST_PROBLEMS, notices_of, refuse_lacking
from app.domain.environment import Protection
from app.domain.errors import HazardNotAllowed
from app.domain.examination import Consents, required_consent
from app.domain.hazards import Hazard, HazardCode, Risk
from app.domain.job import JobKind, JobRequest

RUN = JobRequest(JobKind.RUN, "production")


def hazard(code: HazardCode = HazardCode.TABLE_DROPPED, line: int = 3, allowed: str | None = None) -> Hazard:
    return Hazard(code, "drop", "1_drop.sql", 0, line, "orders", "It is gone.", "Wait a release.", Risk.HIGH, allowed)


def verdict(*found: Hazard, allowed: tuple[str, ...] = (), protection: Protection = Protection.LOCKED) -> Consents:
    return required_consent(found, (), allowed, protection)


def refusal(request: JobRequest, *found: Hazard) -> HazardNotAllowed:
    with pytest.raises(HazardNotAllowed) as caught:
        refuse_lacking(request, verdict(*found))
    return caught.value


def test_nothing_lacking_is_nothing_refused() -> None:
    refuse_lacking(RUN, verdict())
    refuse_lacking(RUN, verdict(hazard(allowed="nobody reads it")))
    assert notices_of(verdict()) == ()


def test_the_line_that_allows_it_is_a_comment_of_the_language_of_its_file() -> None:
    code = replace(hazard(HazardCode.UNSEEN_STATEMENTS), file="2_fill.py")
    error = refusal(RUN, code, hazard(HazardCode.UNSEEN_STATEMENTS))
    assert error.facts["inFile"] == [
        "# liftlock: allow UNSEEN_STATEMENTS reason", "-- liftlock: allow UNSEEN_STATEMENTS reason",
    ]  # fmt: skip
    assert error.detail.endswith("or write # liftlock: allow UNSEEN_STATEMENTS reason into the file")


def test_a_refusal_lists_each_hazard_and_each_way_to_allow_it() -> None:
    error = refusal(RUN, hazard(), hazard(HazardCode.DATA_LOSS, 5), hazard(line=9))
    assert [(one.code, one.file, one.line) for one in error.problems] == [
        ("TABLE_DROPPED", "1_drop.sql", 3), ("DATA_LOSS", "1_drop.sql", 5), ("TABLE_DROPPED", "1_drop.sql", 9),
    ]  # fmt: skip
    assert "It is gone. Wait a release." in error.problems[0].message
    assert error.facts["flag"] == "--allow-hazards TABLE_DROPPED,DATA_LOSS"
    assert error.facts["body"] == {"allowHazards": ["TABLE_DROPPED", "DATA_LOSS"]}
    assert error.facts["inFile"] == ["-- liftlock: allow TABLE_DROPPED reason", "-- liftlock: allow DATA_LOSS reason"]
    assert error.detail == (
        "TABLE_DROPPED orders (1_drop.sql:3) and 2 other hazards need consent in production, and nobody has given it; "
        "nothing was run. It is gone. Where it may be taken, send --allow-hazards TABLE_DROPPED,DATA_LOSS, or write "
        "-- liftlock: allow TABLE_DROPPED reason into the file"
    )
    assert error.next_steps == (
        "Wait a release.",
        'when it may be taken: POST /migrations/run {"allowHazards": ["TABLE_DROPPED", "DATA_LOSS"]}',
    )


@pytest.mark.parametrize(
    ("request_", "call"),
    [
        (JobRequest(JobKind.RUN, "p", to="x"), 'POST /migrations/run {"to": "x", "allowHazards": ["TABLE_DROPPED"]}'),
        (
            JobRequest(JobKind.ROLLBACK, "p", count=3, confirm="p"),
            'POST /migrations/rollback/3 {"confirm": "p", "allowHazards": ["TABLE_DROPPED"]}',
        ),
        (JobRequest(JobKind.RESET, "p"), 'DELETE /migrations/reset {"allowHazards": ["TABLE_DROPPED"]}'),
        (
            JobRequest(JobKind.ROLLBACK, "p", count=3, plan=Binding(UUID(int=1), (), 0)),
            f'POST /migrations/rollback {{"planId": "{UUID(int=1)}", "allowHazards": ["TABLE_DROPPED"]}}',
        ),
    ],
)
def test_the_next_step_is_the_same_request_with_consent(request_: JobRequest, call: str) -> None:
    assert refusal(request_, hazard()).next_steps[-1] == f"when it may be taken: {call}"


def test_what_is_allowed_already_stays_allowed() -> None:
    request = JobRequest(JobKind.RUN, "p", allow_hazards=("INDEX_BUILD",))
    assert refusal(request, hazard()).facts["body"] == {"allowHazards": ["INDEX_BUILD", "TABLE_DROPPED"]}


def test_of_very_many_hazards_the_first_are_shown() -> None:
    error = refusal(RUN, *(hazard(line=line) for line in range(1, MOST_PROBLEMS + 11)))
    assert len(error.problems) == MOST_PROBLEMS + 1
    assert error.problems[-1].message == "10 more hazards are not shown"


def test_what_was_consented_to_is_said_and_cut_after_twenty() -> None:
    given = verdict(*(hazard(line=line) for line in range(1, MOST_NOTICES + 4)), allowed=("TABLE_DROPPED",))
    said = notices_of(given)
    assert said[0] == "TABLE_DROPPED orders (1_drop.sql:1)"
    assert said[-1] == "and 3 more hazards"
    assert len(said) == MOST_NOTICES + 1


def test_what_nobody_asks_about_is_said_too_but_not_the_linters_advice() -> None:
    found = (hazard(HazardCode.INDEX_BUILD), hazard(HazardCode.LINT))
    assert notices_of(verdict(*found, protection=Protection.OPEN)) == ("INDEX_BUILD orders (1_drop.sql:3)",)
