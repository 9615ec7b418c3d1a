"""Those who ask over HTTP while everything is disturbed: what was accepted, and what became of the rest."""

import random
import threading
from collections import Counter
from uuid import UUID

import httpx

from tests.chaos.harbour import ENVIRONMENTS, Harbour
from tests.chaos.load import Request, next_request
from tests.support.servers import value

MOST_OPEN = 24
LONGEST_PAUSE_S = 0.6
TIMEOUT_S = 15.0
KEYED = 0.3
TRIES = 2
_OPEN = "SELECT count(*) FROM liftlock_control.jobs WHERE state IN ('queued', 'running')"


class Desk:
    """Where requests are handed in, by any number of threads, and every answer is noted."""

    def __init__(self, port: Harbour) -> None:
        self.accepted: set[UUID] = set()
        self.answers: Counter[str] = Counter()
        self.breaches: list[str] = []
        self._port = port

    def open(self) -> httpx.Client:
        return httpx.Client(base_url=self._port.api_url, timeout=TIMEOUT_S, trust_env=False)

    def insist(self, http: httpx.Client, request: Request, key: dict[str, str]) -> set[UUID]:
        """With a key a request that came to nothing may be sent again; it must still be one job."""
        answers = [self.send(http, request, key) for _ in range(TRIES if key else 1)]
        jobs = {UUID(answer.json()["id"]) for answer in answers if answer is not None and accepts(answer)}
        self.accepted |= jobs
        if len(jobs) > 1:
            self.breaches.append(f"one Idempotency-Key was answered with the jobs {sorted(map(str, jobs))}")
        return jobs

    def send(self, http: httpx.Client, request: Request, headers: dict[str, str]) -> httpx.Response | None:
        try:
            answer = http.request(request.method, request.path, json=request.body, headers=headers)
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return None
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 500:
            self.breaches.append(f"{request.method} {request.path} was answered with 500: see the log of the API")
        return answer


class Customers:
    """Two at once; they hold back while many jobs wait, so that the queue stays one that can be worked off."""

    def __init__(self, port: Harbour, desk: Desk, seed: int, number: int = 2) -> None:
        self._port = port
        self._desk = desk
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
        with self._desk.open() as http:
            while not self._stopping.wait(chance.uniform(0, LONGEST_PAUSE_S)):
                if self._is_full():
                    continue
                key = key_of(chance) if chance.random() < KEYED else {}
                self._desk.insist(http, next_request(chance, ENVIRONMENTS), key)

    def _is_full(self) -> bool:
        try:
            return int(str(value(self._port.control_dsn, _OPEN))) >= MOST_OPEN
        except Exception:
            return False


def key_of(chance: random.Random) -> dict[str, str]:
    return {"Idempotency-Key": str(UUID(int=chance.getrandbits(128)))}


def accepts(answer: httpx.Response) -> bool:
    return answer.status_code in (200, 202)
