"""Two environments side by side: what each has applied, and how the schemas differ that this has led to."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.axes import SyncState
from app.domain.conflict import Collision, ConflictKind
from app.domain.ledger import History, LedgerEntry
from app.domain.schema import Snapshot
from app.domain.schema_diff import Difference, diff
from app.domain.step import count_of

MOST_OBJECTS = 50


class Likeness(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OtherText:
    """A migration that both have applied, from texts that differ; `comments_only`: not in what they do."""

    source: LedgerEntry
    target: LedgerEntry

    @property
    def comments_only(self) -> bool:
        return self.source.token_checksum == self.target.token_checksum


@dataclass(frozen=True, slots=True)
class LedgerComparison:
    """What the target lacks of the source, or has besides; each in the order it was applied in.

    `verdict` is the target's: it is behind the source, ahead of it … `reason`: why a ledger could not be read.
    `tail`: how many of the newest of the target are those that it has besides; None where others are among them.
    """

    verdict: SyncState
    only_in_source: tuple[LedgerEntry, ...] = ()
    only_in_target: tuple[LedgerEntry, ...] = ()
    other_texts: tuple[OtherText, ...] = ()
    uncertain_in_source: tuple[str, ...] = ()
    uncertain_in_target: tuple[str, ...] = ()
    same: int = 0
    tail: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaComparison:
    """`differences`: what the source has is expected, what the target has is found."""

    likeness: Likeness
    differences: tuple[Difference, ...] = ()
    source_fingerprint: str | None = None
    target_fingerprint: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`target` held against `source`. `strict`: also what databases of one schema may differ in."""

    source: str
    target: str
    ledger: LedgerComparison
    schema: SchemaComparison
    strict: bool = False

    @property
    def verdict(self) -> SyncState:
        """The ledgers'; but where those agree it takes schemas that are seen to agree as well."""
        if self.ledger.verdict is not SyncState.IN_SYNC:
            return self.ledger.verdict
        match self.schema.likeness:
            case Likeness.SAME:
                return SyncState.IN_SYNC
            case Likeness.DIFFERENT:
                return SyncState.DIVERGED
            case Likeness.UNKNOWN:
                return SyncState.UNKNOWN

    @property
    def message(self) -> str:
        if self.ledger.reason is not None:
            return self.ledger.reason
        said = [*self._of_ledgers(), *self._of_schemas()]
        return "; ".join(said) or f"{self.source} and {self.target} have applied the same, and their schemas agree"

    @property
    def disagrees(self) -> bool:
        """Whether the target has what it should not have; to lack what the source has is but a matter of time."""
        return self.verdict in (SyncState.DIVERGED, SyncState.AHEAD)

    @property
    def is_unread(self) -> bool:
        return self.verdict is SyncState.UNKNOWN

    def as_collision(self) -> Collision:
        """One record for each thing that they disagree in."""
        ledger, schema = self.ledger, self.schema
        texts = [one.target for one in ledger.other_texts if not one.comments_only]
        odd = sorted(one.name for one in (*ledger.only_in_target, *texts))
        lacking = sorted(one.name for one in ledger.only_in_source) if odd else []
        cause = json.dumps([odd, lacking, schema.source_fingerprint, schema.target_fingerprint])
        digest = hashlib.sha256(cause.encode()).hexdigest()[:16]
        return Collision(
            kind=ConflictKind.ENVIRONMENT_DIVERGENCE,
            message=f"{self.target} is not what {self.source}, which it requires, has led to: {self.message}",
            fingerprint=f"environment_divergence:{self.target}:{self.source}:{digest}",
            environment=self.target,
            migrations=tuple(odd),
            evidence={
                "from": self.source,
                "to": self.target,
                "verdict": self.verdict.value,
                "onlyInFrom": lacking,
                "onlyInTo": sorted(one.name for one in ledger.only_in_target),
                "different": sorted(one.name for one in texts),
                "objects": [one.identity for one in schema.differences[:MOST_OBJECTS]],
            },
            answer="recorded; nothing was changed",
        )

    def _of_ledgers(self) -> list[str]:
        found = self.ledger
        texts = [one for one in found.other_texts if not one.comments_only]
        unsure = ((self.source, found.uncertain_in_source), (self.target, found.uncertain_in_target))
        said = [f"nobody knows whether {', '.join(names)} is applied in {where}" for where, names in unsure if names]
        if texts:
            said.append(f"{count_of(len(texts), 'migration')} applied from other texts: {_names_of(texts)}")
        if found.only_in_source:
            said.append(f"{self.target} lacks {_counted(found.only_in_source)} that {self.source} has")
        if found.only_in_target:
            said.append(f"{self.target} has {_counted(found.only_in_target)} that {self.source} lacks")
        return said

    def _of_schemas(self) -> list[str]:
        match self.schema.likeness:
            case Likeness.SAME:
                return []
            case Likeness.DIFFERENT:
                return [f"their schemas differ in {count_of(len(self.schema.differences), 'object')}"]
            case Likeness.UNKNOWN:
                reason = self.schema.reason
                return [] if reason is None else [f"their schemas could not be compared: {reason}"]


def compare_ledgers(source: History, target: History) -> LedgerComparison:
    """By what is applied: whatever was rolled back or has failed counts as not applied."""
    there, here = ({one.name: one for one in history.applied} for history in (source, target))
    lacking = tuple(one for one in source.applied if one.name not in here)
    besides = tuple(one for one in target.applied if one.name not in there)
    both = [OtherText(one, here[one.name]) for one in source.applied if one.name in here]
    other = tuple(one for one in both if one.source.checksum != one.target.checksum)
    unsure = _uncertain(source), _uncertain(target)
    return LedgerComparison(
        _verdict(lacking, besides, other, unsure),
        lacking,
        besides,
        other,
        unsure[0],
        unsure[1],
        same=len(both) - len(other),
        tail=len(besides) if target.applied[len(target.applied) - len(besides) :] == besides else None,
    )


def unread_ledgers(reasons: Sequence[str]) -> LedgerComparison:
    return LedgerComparison(SyncState.UNKNOWN, reason="; ".join(reasons))


def compare_schemas(source: Snapshot, target: Snapshot) -> SchemaComparison:
    """Of all that they are given: leave out with `Snapshot.comparable` what is not to count."""
    if source.fingerprint == target.fingerprint:
        return SchemaComparison(Likeness.SAME, (), source.fingerprint, target.fingerprint)
    found = tuple(one for one in diff(source, target) if not one.soft)
    return SchemaComparison(Likeness.DIFFERENT, found, source.fingerprint, target.fingerprint)


NOT_COMPARED = SchemaComparison(Likeness.UNKNOWN)
"""Where nobody has asked."""


def unread_schemas(reasons: Sequence[str]) -> SchemaComparison:
    return SchemaComparison(Likeness.UNKNOWN, reason="; ".join(reasons))


def _verdict(
    lacking: Sequence[LedgerEntry],
    besides: Sequence[LedgerEntry],
    other: Sequence[OtherText],
    unsure: Sequence[tuple[str, ...]],
) -> SyncState:
    if (lacking and besides) or any(not one.comments_only for one in other):
        return SyncState.DIVERGED
    if any(unsure):
        return SyncState.UNKNOWN
    if lacking:
        return SyncState.BEHIND
    return SyncState.AHEAD if besides else SyncState.IN_SYNC


def _uncertain(history: History) -> tuple[str, ...]:
    return tuple(one.name for one in history.entries if one.uncertain)


def _counted(entries: Sequence[LedgerEntry]) -> str:
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return f"{count_of(len(entries), 'migration')} ({', '.join(one.name for one in entries[:3])}{more})"


def _names_of(texts: Sequence[OtherText]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return f"{', '.join(one.source.name for one in texts[:3])}{more}"
