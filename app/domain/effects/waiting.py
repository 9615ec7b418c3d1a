"""What nobody could read meanwhile: a materialized view that was worked out anew, a table that lost a partition."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.passage import Passage, stored
from app.domain.hazards import HazardCode, Risk
from app.domain.schema import SchemaObject
from app.domain.words import shown

_REFRESHED = "Nobody can read the view while it is worked out."
_REFRESH_TO_DO = "Write REFRESH MATERIALIZED VIEW CONCURRENTLY; the view needs a unique index for that."
_DETACHED = "Nobody can read or write {table} from then on until the migration has ended."
_DETACH_TO_DO = "Write DETACH PARTITION … CONCURRENTLY, in a migration of its own."


def effects(passage: Passage) -> Iterator[Effect]:
    for was, now in passage.pairs("materialized view"):
        if passage.has_another_file(was, now):
            # CONCURRENTLY changes rows in the file that there is
            name = stored(was.identity)
            yield Effect(HazardCode.BLOCKS_READS, name, name, _REFRESHED, _REFRESH_TO_DO)
    for was, now in passage.pairs("table", "foreign table"):
        if was.text("bound") is not None and passage.transactional:
            yield from _detached(passage, was, now)


def _detached(passage: Passage, was: SchemaObject, now: SchemaObject) -> Iterator[Effect]:
    for parent in was.texts("inherits"):
        whole = passage.stays(parent)
        if whole is not None and whole.identity not in now.texts("inherits"):
            table = stored(parent)
            happens = _DETACHED.format(table=shown(table))
            yield Effect(HazardCode.BLOCKS_READS, table, table, happens, _DETACH_TO_DO, Risk.MEDIUM)
