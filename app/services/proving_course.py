"""One migration after the other on the scratch database, each on the state that those before it have left."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from app.domain.effects import Seen, dry_run_of
from app.domain.failure import Failure
from app.domain.proof import Cycle, Judgement, judge, losses_between
from app.domain.schema import Snapshot
from app.domain.schema_diff import diff
from app.domain.scratch import reaches_outside
from app.domain.signals import Cancelled, LockNotAvailable, NeedsAttention, StepFailed
from app.domain.step import Step, count_of
from app.domain.undo import undo_of
from app.ports import Guide, Limits, Scratch, TargetSession
from app.services.lookout import Watch
from app.services.onlooker import Onlooker

MOST_SAID = 10
LEFT = "nothing: it ran in a scratch database, not in the target"


class Course:
    """`at`: the schema that the next migration finds. `notices`: what else is to be said of the last one."""

    def __init__(
        self,
        scratch: Scratch,
        session: TargetSession,
        watch: Watch,
        limits: Limits,
        at: Snapshot,
    ) -> None:
        self._scratch = scratch
        self._session = session
        self._watch = watch
        self._limits = limits
        self._at = at
        self._ordinal = 0
        self._blocked_by: str | None = None
        self.notices: tuple[str, ...] = ()

    @property
    def server_version(self) -> str:
        return self._scratch.server_version

    def why_not(self, step: Step, beside: bool) -> str | None:
        """Why it cannot be tried; `beside`: the scratch database is on the target's own server."""
        self._stop_if_asked()
        self.notices = ()
        if self._blocked_by is not None:
            return f"{self._blocked_by} before it did not leave what it builds on"
        outside = (reaches_outside(step.body) or reaches_outside(step.down)) if beside else None
        if outside is None:
            return None
        self._blocked_by = step.name
        return (
            f"{outside} would change more than a scratch database, on the server of the target; "
            f"name a server of its own as `scratchUrl`"
        )

    def hear(self, tell: Callable[[str], None]) -> None:
        """`tell` is given what the next migration's up says; its down and its second up say nothing new."""
        first = self._ordinal
        self._watch.tell_heard = lambda ordinal, line: tell(line) if ordinal == first else None

    async def apply_only(self, step: Step) -> Failure | None:
        failure = await self._apply(step, "up")
        self._at = await self._scratch.snapshot()
        if failure is not None:
            self._blocked_by = step.name
        return failure

    async def judge(self, step: Step) -> Judgement:
        """Seed, up, down, up again, as far as it comes; the verdict. Raises Cancelled."""
        self.notices = await self._scratch.seed()
        cycle = await self._cycled(step)
        if cycle.up is not None or cycle.again is not None or not self._stands(step, cycle):
            self._blocked_by = step.name
        return await asyncio.to_thread(judge, step, cycle)

    async def _cycled(self, step: Step) -> Cycle:
        before, onlooker = await self._seen(), Onlooker(self._scratch, self._session, self._watch)
        up = await self._apply(step, "up", onlooker)
        cycle = Cycle(self._at, up)
        if up is not None:
            return cycle
        self._at = await self._scratch.snapshot()
        # on a thread of its own: of a large schema it would keep the loop from everything else
        dry_run = await asyncio.to_thread(dry_run_of, step, before, await self._seen(), onlooker.locks)
        cycle = replace(cycle, after_up=self._at, dry_run=dry_run)
        if step.down is None:
            return cycle
        down = await self._apply(undo_of([step])[0], "down")
        self._at = await self._scratch.snapshot()
        cycle = replace(cycle, down=down, after_down=self._at)
        if down is not None:
            return cycle
        cycle = replace(cycle, losses=losses_between(before.rows, await self._scratch.rows()))
        again = await self._apply(step, "up again")
        self._at = await self._scratch.snapshot()
        return replace(cycle, again=again, after_again=self._at)

    def _stands(self, step: Step, cycle: Cycle) -> bool:
        """Whether the migration is applied now: a down that fails in its transaction has changed nothing."""
        if step.down is None or cycle.after_up is None:
            return cycle.after_up is not None
        if cycle.down is not None:
            return self._at.fingerprint == cycle.after_up.fingerprint
        return cycle.again is None

    async def _seen(self) -> Seen:
        """The schema that was read last, with what tells what has become of it."""
        return Seen(self._at, await self._scratch.places(), await self._scratch.rows())

    async def _apply(self, step: Step, way: str, guide: Guide | None = None) -> Failure | None:
        """As a run would, but for its `verify`, which asks about rows that are not here."""
        self._stop_if_asked()
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        self._watch.say(f"{step.name}: {way}")
        try:
            with self._watch.working(self._session, ordinal, f"{step.name}: {way}"):
                await self._session.apply(ordinal, [replace(step, verify=None)], self._limits, guide or self._watch)
        except (StepFailed, LockNotAvailable, NeedsAttention) as failed:
            self._stop_if_asked()
            return replace(failed.failure, left_behind=LEFT, next_steps=(), safe_to_retry=True)
        return None

    def _stop_if_asked(self) -> None:
        if self._watch.cancelled_by is not None:
            raise Cancelled(self._watch.cancelled_by, self._ordinal)


def copy_differs(target: Snapshot, copy: Snapshot) -> tuple[str, ...]:
    """In what a copy is not like its target, in words; roles and grants may differ between databases."""
    if target.fingerprint == copy.fingerprint:
        return ()
    found = [one for one in diff(target.comparable(), copy.comparable()) if not one.soft]
    if not found:
        return ()
    more = f", and {len(found) - MOST_SAID} more" if len(found) > MOST_SAID else ""
    said = "; ".join(one.text for one in found[:MOST_SAID])
    return (f"copy_differs: the copy is not like the target in {count_of(len(found), 'object')}: {said}{more}",)
