"""A whole Liftlock to be disturbed: two PostgreSQL servers, Valkey, each behind a proxy; API and Celery workers."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from app.embedded.binaries import find_postgres, find_valkey
from app.embedded.children import Patience, Spawn, free_port, kill_group, start_child, stop_child
from app.embedded.options import StackOptions, liftlock_programs
from app.embedded.postgres import Postgres
from app.embedded.valkey import Valkey
from app.settings import load_settings
from app.wiring import build
from tests.chaos import checks, promises
from tests.chaos.load import prepare
from tests.chaos.proxy import Proxy, proxied
from tests.support.eventually import eventually
from tests.support.house import House
from tests.support.memory import let_servers_in
from tests.support.servers import execute

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("north", "south", "west")
TIMING = {
    "LIFTLOCK_LEASE_TTL_MS": "1500",
    "LIFTLOCK_BEAT_EVERY_MS": "500",
    "LIFTLOCK_LOOK_EVERY_MS": "100",
    "LIFTLOCK_SWEEP_EVERY_MS": "500",
    "LIFTLOCK_FENCE_TIMEOUT_MS": "500",
    "LIFTLOCK_GIVE_BACK_MS": "500",
    "LIFTLOCK_LOCK_RETRY_BASE_MS": "50",
    "LIFTLOCK_LOCK_RETRY_CAP_MS": "500",
    "LIFTLOCK_NO_SHORTCUT": "true",
    "LIFTLOCK_API_PROCESSES": "1",
}
GRACE_S = 25
READY_S = 60


class Crew:
    """One of Liftlock's programs as a process; `revive` starts it again when it is gone, as a supervisor would."""

    def __init__(self, command: tuple[str, ...], environ: Mapping[str, str], log: Path) -> None:
        self._spawn = Spawn(command, environ, log, signal.SIGKILL, cwd=ROOT)
        self._groups: list[int] = []
        self.process = self._start()

    @property
    def children(self) -> list[int]:
        """The pids of the pool's processes."""
        pid = self.process.pid
        try:
            return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def revive(self) -> bool:
        """Whether it had to be started again. What its dead parent has left behind is left alone: zombies are meant."""
        if self.process.poll() is None:
            return False
        self.process = self._start()
        return True

    def signal_child(self, number: int, how: signal.Signals) -> int | None:
        """The pid, None when there is no such child now."""
        children = self.children
        if not children:
            return None
        pid = children[number % len(children)]
        return pid if _sent(pid, how) else None

    def signal_pid(self, pid: int, how: signal.Signals) -> None:
        """To a process of this crew that may have ended since."""
        _sent(pid, how)

    def signal_parent(self, how: signal.Signals) -> None:
        _sent(self.process.pid, how)

    def signal_group(self, how: signal.Signals, group: int | None = None) -> int:
        """The group's number; it stays that of the same worker when another has been started since."""
        group = group or self.process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, how)
        return group

    def stop(self) -> None:
        """TERM and patience; at last everything that any of its lives has left."""
        self.signal_group(signal.SIGCONT)
        stop_child(self.process, signal.SIGTERM, Patience(GRACE_S))
        self.end()

    def end(self) -> None:
        for group in self._groups:
            kill_group(group)
        self.process.wait(10)

    def _start(self) -> "subprocess.Popen[bytes]":
        process = start_child(self._spawn)
        self._groups.append(process.pid)
        return process


class Harbour:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.celery = "celery"
        self._stack = stack
        self.migrations = folder / "migrations"
        self.migrations.mkdir(parents=True)
        self.control, self.target = self._postgres("control"), self._postgres("target")
        self.valkey = self._valkey()
        self.control_proxy = stack.enter_context(proxied(self.control.dsn()))
        self.target_proxy = stack.enter_context(proxied(self.target.dsn()))
        self.redis_proxy = stack.enter_context(proxied(self.valkey.url))
        self.control_dsn = self.control.create_database("liftlock")
        self.targets = {name: self._new_target(name) for name in ENVIRONMENTS}
        self.api_port = free_port()
        self.environ = self._environment()

    @property
    def proxies(self) -> dict[str, Proxy]:
        return {"control": self.control_proxy, "target": self.target_proxy, "redis": self.redis_proxy}

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @contextmanager
    def worker(self, name: str = "worker", concurrency: int = 2) -> Iterator[Crew]:
        command = self._command("worker", concurrency)
        crew = Crew(command, self.environ | {"REMAP_SIGTERM": "SIGQUIT"}, self.folder / f"{name}.log")
        try:
            yield crew
        finally:
            crew.stop()

    @contextmanager
    def office(self) -> Iterator[House]:
        """The services in this process, for tests that need no HTTP."""
        services = build(load_settings(self.environ))
        try:
            services.portal.run(services.installer.install())
            yield House(services, self.migrations)
        finally:
            services.close()

    @contextmanager
    def api(self) -> Iterator[Crew]:
        crew = Crew(self._command("api", 2), self.environ, self.folder / "api.log")
        try:
            eventually(self._answers, within_s=READY_S, every_s=0.1)
            yield crew
        finally:
            crew.stop()

    def restart_at_once(self, server: Postgres) -> None:
        """As a crash: every session ends, nothing is written, it recovers from its log."""
        assert server.pid is not None
        os.kill(server.pid, signal.SIGQUIT)
        eventually(lambda: server.poll() is not None)
        server.start()

    def restart_valkey(self) -> None:
        """It forgets everything: it keeps nothing on disk."""
        assert self.valkey.pid is not None
        os.kill(self.valkey.pid, signal.SIGKILL)
        eventually(lambda: self.valkey.poll() is not None)
        self.valkey.start()

    def heal(self) -> None:
        for proxy in self.proxies.values():
            proxy.delay(0)
            proxy.forward()

    def breaches(self) -> list[str]:
        found = checks.of_control(self.control_dsn) + checks.of_rollbacks(self.control_dsn, self.targets)
        found += promises.of_shown(self.control_dsn, self.targets)
        for name, dsn in self.targets.items():
            found += [f"{name}: {breach}" for breach in checks.of_target(dsn)]
        return found

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-8000:] for path in self.folder.glob("*.log"))

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.api_url}/health/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _postgres(self, name: str) -> Postgres:
        # what was committed must outlive a crash of the server, though not one of the machine
        settings = {"synchronous_commit": "on"}
        server = Postgres(self.folder / name, durable=False, settings=settings, servers=find_postgres(os.environ))
        self._stack.callback(server.stop)
        server.start()
        return server

    def _valkey(self) -> Valkey:
        server = Valkey(self.folder / "valkey", durable=False, servers=find_valkey(os.environ))
        self._stack.callback(server.stop)
        server.start()
        return server

    def _new_target(self, name: str) -> str:
        dsn = self.target.create_database(name)
        execute(dsn, checks.EFFECTS)
        prepare(dsn)
        return dsn

    def _environment(self) -> dict[str, str]:
        """As a deployment has it: everything through the proxies."""
        config = self.folder / "liftlock.toml"
        lines = [
            f'[environments.{name}]\nurl = "{self.target_proxy.reached(dsn)}"\nprotection = "open"\n'
            for name, dsn in self.targets.items()
        ]
        config.write_text("\n".join(lines))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFTLOCK_")}
        return kept | TIMING | {
            "DATABASE_URL": self.control_proxy.reached(self.control_dsn),
            "REDIS_URL": self.redis_proxy.url,
            "LIFTLOCK_CONFIG": str(config),
            "LIFTLOCK_MIGRATIONS": str(self.migrations),
            "LIFTLOCK_PORT": str(self.api_port),
        }  # fmt: skip

    def _command(self, program: str, concurrency: int) -> tuple[str, ...]:
        options = StackOptions(self.folder, self.migrations, self.api_port, workers=concurrency)
        (found,) = (one for one in liftlock_programs(options) if one.name == program)
        assert found.command[0] == sys.executable
        return tuple(self.celery if part == "celery" else part for part in found.command)


@contextmanager
def harbour(folder: Path) -> Iterator[Harbour]:
    with ExitStack() as stack:
        yield Harbour(let_servers_in(folder), stack)


def _sent(pid: int, how: signal.Signals) -> bool:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True
