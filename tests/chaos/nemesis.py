"""A mixed load, faults and wishes by a schedule, then quiet: `python -m tests.chaos.nemesis --seed 7 --seconds 300`."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.chaos import promises
from tests.chaos.customers import Customers, Desk
from tests.chaos.harbour import Crew, Harbour, harbour
from tests.chaos.load import write_migrations
from tests.chaos.observer import Observer
from tests.chaos.schedule import Fault, Schedule, Strike, generate, read, write
from tests.chaos.wishers import Wishers
from tests.support.eventually import eventually
from tests.support.servers import fetch, value

ENDED_WITHIN_S = 60
SLOW_S = 0.03
TICK_S = 0.05
QUIET_LOOKS = 15
_ALL = "SELECT count(*) FROM liftlock_control.jobs"
_OPEN = "SELECT count(*) FROM liftlock_control.jobs WHERE state IN ('queued', 'running', 'waiting')"
_STATES = "SELECT kind || ' ' || state AS what, count(*) AS number FROM liftlock_control.jobs GROUP BY 1 ORDER BY 1"
_ATTEMPTS = "SELECT count(*) FILTER (WHERE attempt > 1) FROM liftlock_control.jobs"
_STEPS = "SELECT count(*) FROM liftlock.steps WHERE scope = ''"
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'liftlock:job=%'"


@dataclass
class Report:
    seed: int
    schedule: Path
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    wishes: Counter[str] = field(default_factory=Counter)
    jobs: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    steps: int = 0
    looks: int = 0
    quiet_after_s: float = 0
    breaches: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        jobs = sum(self.jobs.values())
        return "\n".join((
            f"seed {self.seed}, schedule {self.schedule}",
            f"jobs {jobs} ({', '.join(f'{what} {number}' for what, number in self.jobs.items())}); "
            f"{self.repeated} took more than one attempt",
            f"steps {self.steps}",
            f"answers {dict(self.answers)}",
            f"wishes {dict(sorted(self.wishes.items()))}",
            f"faults {sum(self.faults.values())}: "
            + ", ".join(f"{number} {fault}" for fault, number in sorted(self.faults.items())),
            f"looks of the observer {self.looks}; every job had ended {self.quiet_after_s:.1f} s after healing",
            f"violations {len(self.breaches)}",
            *(f"  {breach}" for breach in self.breaches[:50]),
            *([] if self.breaches else [f"bound at 95 %: {_bound(self.steps)} a step, {_bound(jobs)} a job"]),
        ))  # fmt: skip


class Nemesis:
    def __init__(self, port: Harbour, crews: Sequence[Crew], report: Report) -> None:
        self._port = port
        self._crews = crews
        self._report = report
        self._later: list[tuple[float, Callable[[], object]]] = []

    def strike_by(self, strikes: Sequence[Strike], at_least_s: float = 0) -> None:
        """In the thread that started the crews: a child of a thread that ends is killed with it."""
        began = time.monotonic()
        for strike in strikes:
            self._look_after_until(began + strike.at_s)
            if self._strike(strike):
                self._report.faults[f"{strike.fault} {strike.link}".strip()] += 1
        self._look_after_until(began + at_least_s)

    def look_after(self) -> None:
        """Start what has died, end what is over."""
        for crew in self._crews:
            crew.revive()
        now = time.monotonic()
        due = [undo for at, undo in self._later if at <= now]
        self._later = [(at, undo) for at, undo in self._later if at > now]
        for undo in due:
            undo()

    def heal(self) -> None:
        for _, undo in self._later:
            undo()
        self._later.clear()
        self._port.heal()

    def _look_after_until(self, moment: float) -> None:
        while time.monotonic() < moment:
            self.look_after()
            time.sleep(TICK_S)

    def _strike(self, strike: Strike) -> bool:
        """False when there was nobody to hit."""
        crew = self._crews[strike.whom % len(self._crews)]
        match strike.fault:
            case Fault.KILL_CHILD:
                return crew.signal_child(strike.whom // 2, signal.SIGKILL) is not None
            case Fault.STOP_CHILD:
                return self._stop_child(crew, strike)
            case Fault.STOP_GROUP:
                group = crew.signal_group(signal.SIGSTOP)
                self._after(strike.for_s, lambda: crew.signal_group(signal.SIGCONT, group))
            case Fault.KILL_PARENT:
                crew.signal_parent(signal.SIGKILL)
            case Fault.KILL_GROUP:
                crew.signal_group(signal.SIGKILL)
            case Fault.FLUSH | Fault.CLIENT_KILL:
                return self._trouble_redis(strike.fault)
            case Fault.RESTART_VALKEY:
                self._port.restart_valkey()
            case Fault.END_BACKENDS:
                return bool(fetch(self._port.target.dsn(), _END))
            case Fault.CRASH_CONTROL:
                self._port.restart_at_once(self._port.control)
            case Fault.CRASH_TARGET:
                self._port.restart_at_once(self._port.target)
            case _:
                self._trouble_link(strike)
        return True

    def _stop_child(self, crew: Crew, strike: Strike) -> bool:
        pid = crew.signal_child(strike.whom // 2, signal.SIGSTOP)
        if pid is not None:
            self._after(strike.for_s, lambda: crew.signal_pid(pid, signal.SIGCONT))
        return pid is not None

    def _trouble_redis(self, fault: Fault) -> bool:
        client: Redis = Redis.from_url(self._port.valkey.url)
        try:
            if fault is Fault.FLUSH:
                client.flushall()
            else:
                client.client_kill_filter(_type="normal", skipme=True)
        except RedisError:
            return False
        return True

    def _trouble_link(self, strike: Strike) -> None:
        proxy = self._port.proxies[strike.link]
        match strike.fault:
            case Fault.CUT:
                proxy.cut()
            case Fault.SILENCE:
                proxy.silence()
            case Fault.FREEZE:
                proxy.freeze_connections()
                return
            case Fault.DROP:
                proxy.drop_connections()
                return
            case _:
                proxy.delay(SLOW_S)
                self._after(strike.for_s, lambda: proxy.delay(0))
                return
        self._after(strike.for_s, proxy.forward)

    def _after(self, seconds: float, undo: Callable[[], object]) -> None:
        self._later.append((time.monotonic() + seconds, undo))


def run(folder: Path, seed: int, schedule: Schedule, change: Callable[[Harbour], None] = lambda _: None) -> Report:
    """The schedule is written before anything starts, so that it survives whatever it brings about.

    `change` is called before the workers start; a negative control takes a guard away in it.
    """
    report = Report(seed, folder / "schedule.jsonl")
    write(report.schedule, seed, schedule)
    with harbour(folder / "port") as port, ExitStack() as stack:
        write_migrations(port.migrations, misbehaving=True)
        change(port)
        stack.enter_context(port.api())
        crews = [stack.enter_context(port.worker(f"worker-{number}")) for number in (1, 2)]
        observer, desk = Observer(port.control_dsn, port.targets), Desk(port)
        customers, wishers = Customers(port, desk, seed), Wishers(port, desk, seed, schedule.wishes)
        nemesis = Nemesis(port, crews, report)
        observer.start()
        customers.start()
        wishers.start()
        try:
            nemesis.strike_by(schedule.strikes, schedule.wishes[-1].at_s if schedule.wishes else 0)
        finally:
            customers.stop()
            wishers.stop()
            nemesis.heal()
        _wait_for_quiet(port, nemesis, wishers, report)
        observer.stop()
        _sum_up(port, observer, desk, wishers, report)
    return report


def _wait_for_quiet(port: Harbour, nemesis: Nemesis, wishers: Wishers, report: Report) -> None:
    healed = time.monotonic()

    # a request that its customer has given up may still be accepted: quiet is what stays so for a while
    looks: list[tuple[object, object]] = []

    def is_quiet() -> bool:
        nemesis.look_after()
        wishers.resume_all()
        looks.append((value(port.control_dsn, _OPEN), value(port.control_dsn, _ALL)))
        return looks[-1][0] == 0 and len(set(looks[-QUIET_LOOKS:])) == 1 and len(looks) >= QUIET_LOOKS

    try:
        eventually(is_quiet, within_s=ENDED_WITHIN_S, every_s=0.2)
    except AssertionError:
        report.breaches.append(f"{value(port.control_dsn, _OPEN)} jobs had not ended {ENDED_WITHIN_S} s after healing")
    report.quiet_after_s = time.monotonic() - healed


def _sum_up(port: Harbour, observer: Observer, desk: Desk, wishers: Wishers, report: Report) -> None:
    known = {row["id"] for row in fetch(port.control_dsn, "SELECT id FROM liftlock_control.jobs")}
    report.breaches += [f"job {job} was accepted and is not there" for job in desk.accepted - known]
    report.breaches += desk.breaches + observer.breaches + port.breaches()
    report.breaches += promises.of_agreements(port.control_dsn, port.targets, wishers.agreed, observer.holders)
    report.looks, report.answers, report.wishes = observer.looks, desk.answers, wishers.agreed.asked
    report.jobs = {row["what"]: row["number"] for row in fetch(port.control_dsn, _STATES)}
    report.repeated = int(str(value(port.control_dsn, _ATTEMPTS)))
    report.steps = sum(int(str(value(dsn, _STEPS))) for dsn in port.targets.values())


def _bound(tried: int) -> str:
    """The rule of three: 0 in n tries supports, with 95 % confidence, a rate of at most 3/n."""
    return f"at most {3 / tried:.1e}" if tried else "none"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options.add_argument("--seconds", type=float, default=300)
    options.add_argument("--schedule", type=Path, help="run this file again instead of a seed's")
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="liftlock-chaos-"))
    print(f"seed {asked.seed}, {folder}", flush=True)
    schedule = read(asked.schedule) if asked.schedule else generate(asked.seed, asked.seconds)
    report = run(folder, asked.seed, schedule)
    print(report)
    if not report.breaches:
        shutil.rmtree(folder)
    return bool(report.breaches)


if __name__ == "__main__":
    sys.exit(main())
