"""How long a statement may take: a plain estimate from the size of its table, good for its order of magnitude.

The rates are those of a small server with nothing else to do. What waits for a lock, for a slow disk or behind other
sessions takes longer; what is in memory takes less.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.domain.hazards import HazardCode
from app.domain.survey import TableSize
from app.domain.words import Stated, shown

MB = 1_000_000
CATALOG_MS = 10
REWRITE_MB_S = 50
INDEX_MB_S = 40
SCAN_MB_S = 200
ROWS_MB_S = 20

_REBUILDS = frozenset({"CLUSTER", "REFRESH MATERIALIZED VIEW"})
_INDEXES = ("CREATE INDEX", "REINDEX TABLE", "REINDEX INDEX")
_CHANGES_ROWS = frozenset({"UPDATE", "DELETE", "MERGE", "WITH"})
_BRINGS_ROWS = frozenset({"INSERT", "COPY"})
_UNKNOWN = frozenset({"SELECT", "CALL", "DO", "VACUUM", "ANALYZE"})
_WAITING = frozenset({HazardCode.BLOCKS_READS, HazardCode.BLOCKS_WRITES})


@dataclass(frozen=True, slots=True)
class Estimate:
    """`ms` None: nobody can say. `basis`: what it was reckoned from."""

    ms: int | None
    basis: str


def estimate(stated: Stated, hazards: Collection[HazardCode], table: TableSize | None) -> Estimate:
    """`table`: the one that the statement is about, None when it is not there yet or there is none."""
    verb = stated.verb
    if verb in _BRINGS_ROWS:
        sent = len(stated.statement.text) + len(stated.statement.copy_data or "")
        return at_rate(sent, ROWS_MB_S, "rows are written")
    if verb in _UNKNOWN:
        return Estimate(None, "what it does cannot be told from its text")
    if table is None:
        return _CATALOG
    what, size_of, rate = _work(stated, hazards)
    if not what:
        return _CATALOG
    size = table.bytes if size_of == "all" else table.heap_bytes
    if size is None:
        return Estimate(None, f"the size of {shown(table.name)} cannot be seen while somebody holds it")
    return at_rate(size, rate, what.format(table=shown(table.name)))


def at_rate(size: int, rate_mb_s: int, what: str) -> Estimate:
    """`size` in bytes; `what` is done with them, in words."""
    ms = CATALOG_MS + round(size / (rate_mb_s * MB) * 1000)
    return Estimate(ms, f"{what}: {size_said(size)} at {rate_mb_s} MB/s")


def size_said(size: int) -> str:
    for unit, step in (("GB", 1000 * MB), ("MB", MB), ("kB", 1000)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Of a step: what is known of its statements, added up."""
    known = [one.ms for one in estimates if one.ms is not None]
    left = len(estimates) - len(known)
    if left:
        return Estimate(sum(known) if known else None, f"without {left} of {len(estimates)} statements")
    return Estimate(sum(known), "its statements together")


_CATALOG = Estimate(CATALOG_MS, "a change of the catalog")


def _work(stated: Stated, hazards: Collection[HazardCode]) -> tuple[str, str, int]:
    """What is done to the table, to all of it or to its rows alone, and at which rate; '' where nothing is."""
    verb = stated.verb
    if HazardCode.TABLE_REWRITE in hazards or verb in _REBUILDS:
        return "{table} is written anew", "all", REWRITE_MB_S
    if verb.startswith(_INDEXES):
        # CONCURRENTLY reads the table twice
        return "an index of {table} is built", "rows", INDEX_MB_S // 2 if "CONCURRENTLY" in verb else INDEX_MB_S
    if verb in _CHANGES_ROWS:
        return "rows of {table} are changed, at most all", "rows", ROWS_MB_S
    if verb != "ALTER TABLE":
        return "", "", 0
    if _builds_index(stated):
        return "an index of {table} is built", "rows", INDEX_MB_S
    if not _WAITING.isdisjoint(hazards) or stated.words.has("VALIDATE", "CONSTRAINT"):
        return "{table} is read", "rows", SCAN_MB_S
    return "", "", 0


def _builds_index(stated: Stated) -> bool:
    words = stated.words
    return (
        words.has("ADD")
        and any(words.has(one) for one in ("UNIQUE", "PRIMARY", "EXCLUDE"))
        and not words.has("USING", "INDEX")
    )
