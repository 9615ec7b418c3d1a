"""Plans as they are kept: whole, newest first, and never another than they were."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.domain.binding import Binding, BoundStep
from app.domain.environment import Protection
from app.domain.estimate import Estimate
from app.domain.examination import Consent, Judged, Unused
from app.domain.hazards import Hazard, HazardCode, Risk
from app.domain.job import JobKind, JobRequest, Origin
from app.domain.keeping import Keep
from app.domain.lock_modes import Lock, LockMode
from app.domain.locks import Session
from app.domain.migration import Direction
from app.domain.planned import (
    Language,
    OpenJob,
    PlannedKeeping,
    PlannedStatement,
    PlannedStep,
    PlannedText,
    PlanVerdict,
    RightNow,
    StoredPlan,
    WouldRefuse,
)
from app.domain.preserved import PreservedKind
from app.domain.principal import Principal
from app.domain.problem import Problem
from app.domain.removals import Act, Noun, Removal, Taken
from app.domain.survey import Blocker, TableSize
from app.ports import PlansWanted
from tests.contract.conftest import Room
from tests.domain.literals import NOON

HAZARD = Hazard(HazardCode.TABLE_DROPPED, "a", "a.sql", 0, 2, "old", "It is gone.", "Wait.", Risk.HIGH)
LOST = Removal(Taken(Act.DROPPED, "public.old", Noun.RELATION, ("b",)), "a", "a.sql", 0, 2, apart=True)
NOW = Estimate(None, "nobody knows")
STEP = PlannedStep(
    ordinal=0,
    name="a",
    version="1",
    direction=Direction.UP,
    checksum="ab" * 32,
    source_format="sql",
    language=Language.SQL,
    apart=None,
    irreversible="it has no down",
    body=PlannedText("DROP TABLE old; -- \u20ac \x01\r\n", "a.sql", 2, 24, "cd" * 32),
    verify=None,
    statements=(
        PlannedStatement(
            index=0,
            line=2,
            sql="DROP TABLE old",
            cut=False,
            locks=(Lock("public.old", LockMode.ACCESS_EXCLUSIVE),),
            tables=(TableSize("public.old", None, 8192, 0),),
            estimate=Estimate(10, "a change of the catalog"),
            hazards=(Judged(HAZARD, None), Judged(replace(HAZARD, allowed="for a reason"), Consent.FILE)),
        ),
    ),
    left_out=0,
    hazards=(),
    unused=(Unused(HazardCode.DATA_LOSS, "a", "a.sql", 1),),
    estimate=Estimate(None, "without 1 of 1 statements"),
    notice="look twice",
    keeping=PlannedKeeping(
        (
            Keep(LOST, PreservedKind.COLUMNS, "public.old", ("b",), 3, 8192, False, Estimate(0, "nothing"), "no key"),
            Keep(replace(LOST, statement=None, line=None), PreservedKind.TABLE, "s.t", (), None, None, True, NOW),
        ),
        twice=True,
        estimate=Estimate(20, "what is kept"),
    ),
)
READY = StoredPlan(
    id=UUID(int=1),
    request=JobRequest(JobKind.RUN, "development", to="a", allow_hazards=("DATA_LOSS",)),
    origin=Origin(Principal("anna", "token", "127.0.0.1"), "r1"),
    created_at=NOON,
    verdict=PlanVerdict.READY,
    protection=Protection.LOCKED,
    binding=Binding(UUID(int=1), (BoundStep("a", Direction.UP, "ab" * 32),), 7, "ef" * 32),
    steps=(STEP,),
    lacking=(HazardCode.TABLE_DROPPED,),
    confirm=True,
    refused=None,
    notices=("said",),
    linter_notice="squawk is not installed",
    right_now=RightNow(
        at=NOON,
        server_version="15.4",
        blockers=(
            Blocker(
                Session(7, "anna", "psql", "active", "SELECT 1", NOON, NOON - timedelta(seconds=1)),
                "public.old",
                LockMode.ACCESS_SHARE,
                LockMode.ACCESS_EXCLUSIVE,
                0,
            ),
        ),
        open_jobs=(OpenJob(UUID(int=9), "run", "queued", NOON),),
        holder=UUID(int=9),
    ),
)
REFUSED = replace(
    READY,
    id=UUID(int=2),
    request=JobRequest(JobKind.RESET, "production"),
    verdict=PlanVerdict.REFUSED,
    binding=None,
    steps=(),
    refused=WouldRefuse("conflicts-open", "no", ("GET /",), (Problem("x", "y", line=3),), {"count": 1, "names": ["a"]}),
)


def test_a_plan_comes_back_as_it_was_kept(room: Room) -> None:
    for plan in (READY, REFUSED):
        room.run(room.plans.keep(plan))
        assert room.run(room.plans.get(plan.id)) == plan


def test_a_plan_that_is_not_there_is_none(room: Room) -> None:
    assert room.run(room.plans.get(UUID(int=99))) is None
    assert room.run(room.plans.find(PlansWanted())) == ()


def test_plans_are_listed_newest_first_and_without_their_steps(room: Room) -> None:
    for plan in (READY, REFUSED):
        room.run(room.plans.keep(plan))
    found = room.run(room.plans.find(PlansWanted()))
    assert found == (REFUSED.summary, READY.summary)
    assert (found[1].step_count, found[1].hazard_count, found[1].principal_id) == (1, 2, "anna")


def test_a_page_follows_the_last_plan_of_the_page_before(room: Room) -> None:
    for number in range(1, 6):
        room.run(room.plans.keep(replace(READY, id=UUID(int=number))))
    first = room.run(room.plans.find(PlansWanted(limit=2)))
    second = room.run(room.plans.find(PlansWanted(limit=2, before=first[-1].id)))
    assert [one.id.int for one in (*first, *second)] == [5, 4, 3, 2]


def test_plans_of_one_environment_are_listed_alone(room: Room) -> None:
    for plan in (READY, REFUSED):
        room.run(room.plans.keep(plan))
    assert room.run(room.plans.find(PlansWanted(environment="production"))) == (REFUSED.summary,)
    assert room.run(room.plans.find(PlansWanted(environment="nowhere"))) == ()
