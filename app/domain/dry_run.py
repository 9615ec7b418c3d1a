"""What a migration did when it was tried: changes, locks and hazards; and what of it its file had not told.

A dry run adds hazards and takes none away: it has seen one way through the code, on a few rows.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from app.domain.hazard_kinds import KINDS
from app.domain.hazards import FoundBy, Hazard, HazardCode, Risk
from app.domain.lock_modes import Lock
from app.domain.step import Step
from app.domain.words import shown

MOST_CHANGES = 50
_WORD = re.compile(r"[^\s,()]+")
_EVERY = "ALL"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step has done to something that stood before it: a hazard of no statement. '' and None: as its kind says.

    `object`: as the server stores its name, with its schema. `of`: the relation, type or function that it belongs to,
    as it is named among what a plan has made; '' for what is a danger on new things too.
    """

    code: HazardCode
    object: str
    of: str = ""
    happens: str = ""
    to_do: str = ""
    risk: Risk | None = None

    def hazard(self, step: Step) -> Hazard:
        kind = KINDS[self.code]
        return Hazard(
            code=self.code,
            migration=step.name,
            file=step.name if step.body is None else step.body.file,
            statement=None,
            line=None,
            object=shown(self.object),
            happens=self.happens or kind.happens,
            to_do=self.to_do or kind.to_do,
            risk=self.risk or kind.risk,
            found_by=FoundBy.DRY_RUN,
        )


@dataclass(frozen=True, slots=True)
class DryRun:
    """What going up was seen to do, on a copy of the target's schema.

    `changes`: the first of `total`, a sentence each. `locks`: the strongest on each relation that stood before, as they
    were held at the end of its transaction; None where nobody could look, since there was none. `made`: the relations,
    types and functions that are new, as a plan names what it has made.
    """

    changes: tuple[str, ...] = ()
    total: int = 0
    locks: tuple[Lock, ...] | None = None
    effects: tuple[Effect, ...] = ()
    made: tuple[str, ...] = ()


def untold(step: Step, dry_run: DryRun, told: Sequence[Hazard], made: Collection[str]) -> Iterator[Hazard]:
    """The hazards that no statement of its file has; `made`: by the steps before it, so nobody uses them yet."""
    for effect in dry_run.effects:
        hazard = effect.hazard(step)
        if effect.of not in made and not any(_tells_of(one, hazard) for one in told):
            yield hazard


def _tells_of(told: Hazard, seen: Hazard) -> bool:
    """The same act: its object may be named with the column that is changed, or in a GRANT as it stands there."""
    if told.code is not seen.code:
        return False
    if told.object == seen.object or told.object.startswith(f"{seen.object}."):
        return True
    words = {shown(word) for word in _WORD.findall(told.object)}
    return seen.object in words or (_EVERY in words and told.code in _OF_RIGHTS)


_OF_RIGHTS = (HazardCode.GRANT_TO_PUBLIC, HazardCode.PRIVILEGE_REVOKED)
