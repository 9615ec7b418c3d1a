"""The hazards of a plan once its target was looked at: what cannot be kept is DATA_LOSS, what is kept is not."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.examination import FoundHazards, with_reason
from app.domain.hazard_kinds import KINDS
from app.domain.hazards import Hazard, HazardCode
from app.domain.keeping import Keep, Keeping
from app.domain.losing import VALUES
from app.domain.preserved import PreservedKind
from app.domain.step import Step
from app.domain.words import shown


def settled(found: FoundHazards, steps: Sequence[Step], keeping: Keeping) -> FoundHazards:
    """`found` with what is lost for good among the hazards of its step, each with the reason that its file gives."""
    lost = [one for one in keeping.keeps if one.why_not is not None]
    if not lost:
        return found
    emptied = {(one.removal.migration, shown(one.table)) for one in lost if one.kind is PreservedKind.DELETED}
    hazards: list[Hazard] = []
    for step in steps:
        hazards += [
            one
            for one in found.hazards
            if one.migration == step.name
            and not (one.code is HazardCode.ROWS_REMOVED and (one.migration, one.object) in emptied)
        ]
        here = (_hazard(one) for one in lost if one.removal.migration == step.name)
        hazards += here if step.body is None else (with_reason(one, step.body) for one in here)
    return replace(found, hazards=tuple(hazards))


def _hazard(lost: Keep) -> Hazard:
    removal, kind, table = lost.removal, KINDS[HazardCode.DATA_LOSS], shown(lost.table)
    return Hazard(
        code=HazardCode.DATA_LOSS,
        migration=removal.migration,
        file=removal.file,
        statement=removal.statement,
        line=removal.line,
        object=", ".join(f"{table}.{column}" for column in lost.columns) if lost.kind in VALUES else table,
        happens=f"Lost for good, {lost.said}: {lost.why_not}.",
        to_do=kind.to_do,
        risk=kind.risk,
        found_by=removal.found_by,
        rows=lost.rows,
        bytes=lost.bytes,
    )
