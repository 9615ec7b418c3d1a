"""Looks at both servers while everything is under way, changes nothing, and notes what may never be seen."""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

EVERY_S = 0.2
TIMEOUT_S = 3.0
_JOBS = "SELECT id, state, attempt, target_id FROM liftlock_control.jobs"
_FENCE = "SELECT epoch, job_id, attempt FROM liftlock.fence WHERE scope = ''"
_TWICE = "SELECT name, direction, xid::text, count(*) FROM effects GROUP BY 1, 2, 3 HAVING count(*) > 1"
_FINAL = frozenset({"succeeded", "failed", "cancelled", "needs_attention"})


class Observer:
    def __init__(self, control: str, targets: Mapping[str, str]) -> None:
        self.breaches: list[str] = []
        self.looks = 0
        self.holders: dict[tuple[str, int], tuple[UUID, int]] = {}
        self._control, self._targets = control, targets
        self._jobs: dict[UUID, tuple[str, int]] = {}
        self._epochs: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="observer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(30)

    def saw(self, rows: list[Any]) -> None:
        """The jobs as they stand now, against how they stood."""
        running = Counter(row["target_id"] for row in rows if row["state"] == "running")
        self.breaches += [f"{count} jobs run on target {target}" for target, count in running.items() if count > 1]
        seen = {row["id"]: (row["state"], row["attempt"]) for row in rows}
        for job, (state, attempt) in self._jobs.items():
            now, later = seen.get(job, ("gone", attempt))
            if now == "gone" or (state in _FINAL and now != state):
                self.breaches.append(f"job {job} was {state} and is {now}")
            if later < attempt:
                self.breaches.append(f"job {job} went back from attempt {attempt} to {later}")
        self._jobs = seen

    def saw_epoch(self, target: str, epoch: int) -> None:
        if epoch < self._epochs.get(target, 0):
            self.breaches.append(f"the epoch of {target} went back from {self._epochs[target]} to {epoch}")
        self._epochs[target] = epoch

    def _watch(self) -> None:
        while not self._stopping.wait(EVERY_S):
            asyncio.run(self._look())

    async def _look(self) -> None:
        """A server that is away is no breach: it is looked at when it is back."""
        try:
            self.saw(await _fetch(self._control, _JOBS))
            for name, dsn in self._targets.items():
                for row in await _fetch(dsn, _FENCE):
                    self.saw_epoch(name, row["epoch"])
                    if row["job_id"] is not None:
                        self.holders[name, row["epoch"]] = (row["job_id"], row["attempt"])
                self.breaches += [f"{name}: {tuple(row)} at once" for row in await _fetch(dsn, _TWICE)]
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return
        self.looks += 1


async def _fetch(dsn: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(dsn, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S)
    try:
        await connection.execute("SET default_transaction_read_only = on")
        return list(await connection.fetch(sql))
    finally:
        await connection.close(timeout=TIMEOUT_S)
