"""What watched over rows and does no longer: triggers and rules switched off, row security switched off."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.passage import Passage, stored
from app.domain.hazards import HazardCode
from app.domain.words import folded, shown


def effects(passage: Passage) -> Iterator[Effect]:
    for was, now in passage.pairs("trigger", "rule", "event trigger"):
        if now.text("enabled") == "DISABLE" != was.text("enabled") and not now.facts.get("inherited"):
            table = stored(was.of or "")
            happens = f"{folded(was.name)} of {shown(table)} does nothing until it is switched on again."
            if was.kind == "event trigger":
                happens = f"{folded(was.name)} does nothing until it is switched on again."
            yield Effect(HazardCode.TRIGGER_REMOVED, stored(was.identity), table, happens)
    for was, now in passage.pairs("table"):
        name = stored(was.identity)
        if was.facts.get("row_security") and not now.facts.get("row_security"):
            happens = f"Every policy of {shown(name)} is ignored: whoever may read the table reads every row."
            yield Effect(HazardCode.ROW_SECURITY_WEAKENED, name, name, happens)
        elif was.facts.get("forced_row_security") and not now.facts.get("forced_row_security"):
            yield Effect(HazardCode.ROW_SECURITY_WEAKENED, name, name, f"The owner of {shown(name)} sees every row.")
