"""Those who ask over HTTP while everything is disturbed: what was accepted, and what became of the rest."""

import random
import threading
from collections import Counter
from uuid import UUID

import httpx

from tests.chaos.harbour import ENVIRONMENTS, Harbour
from tests.chaos.load import next_request
from tests.support.servers import value

MOST_OPEN = 24
LONGEST_PAUSE_S = 0.6
TIMEOUT_S = 15.0
_OPEN = "SELECT count(*) FROM liftlock_control.jobs WHERE state IN ('queued', 'running')"


class Customers:
    """Two at once; they hold back while many jobs wait, so that the queue stays one that can be worked off."""

    def __init__(self, port: Harbour, seed: int, number: int = 2) -> None:
        self.accepted: set[UUID] = set()
        self.answers: Counter[str] = Counter()
        self._port = port
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(random.Random(seed * 1000 + one),), daemon=True)
            for one in range(number)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)

    def _ask(self, chance: random.Random) -> None:
        with httpx.Client(base_url=self._port.api_url, timeout=TIMEOUT_S, trust_env=False) as http:
            while not self._stopping.wait(chance.uniform(0, LONGEST_PAUSE_S)):
                if self._is_full():
                    continue
                request = next_request(chance, ENVIRONMENTS)
                try:
                    answer = http.request(request.method, request.path, json=request.body)
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1
                    continue
                self.answers[str(answer.status_code)] += 1
                if answer.status_code in (200, 202):
                    self.accepted.add(UUID(answer.json()["id"]))

    def _is_full(self) -> bool:
        try:
            return int(str(value(self._port.control_dsn, _OPEN))) >= MOST_OPEN
        except Exception:
            return False
