"""The whole of Liftlock on one machine: servers, API, worker and beat as children of one launcher."""

import time
from collections.abc import Callable

from app.embedded.account import AccountMissing, FolderNotOurs
from app.embedded.announcement import Announcement
from app.embedded.binaries import ServerMissing, find_postgres, find_valkey
from app.embedded.options import (
    SECRET_KEY,
    StackInfo,
    StackOptions,
    StackRefused,
    liftlock_programs,
    program_environment,
)
from app.embedded.postgres import Postgres
from app.embedded.private import kept_password, make_data_dir
from app.embedded.program import ProgramChild, end_predecessors
from app.embedded.readiness import NotReady, refuse_taken_port
from app.embedded.record import hold_data_dir, is_about, remove_record, write_record
from app.embedded.startup import ServerFailed
from app.embedded.supervisor import Hopeless, Supervised, Supervisor
from app.embedded.terminal import Interrupts, complain, say
from app.embedded.valkey import Valkey

CONTROL_DATABASE = "liftlock"
_STOP_PROGRAMS_S = 30.0
_STOP_SERVER_S = 20.0
_CHECK_S = 0.1


def run_stack(options: StackOptions, *, on_ready: Callable[[StackInfo], None] | None = None) -> int:
    """Run until Ctrl-C, TERM or HUP; the exit code. Call it from the main thread.

    `on_ready` runs in a thread of its own once /health/ready answers 200, while the children stay
    supervised. It may end the stack by raising SystemExit(code); any other exception ends it too and is
    raised from here. Refusals and failures are printed to stderr, and the code is 1.
    """
    try:
        with Interrupts() as interrupts:
            make_data_dir(options.data_dir)
            with hold_data_dir(options.data_dir.absolute(), options.api_url):
                remove_record(options.data_dir.absolute())  # what a killed launcher said is true no longer
                end_predecessors(options.data_dir.absolute())
                refuse_taken_port(options.port)
                return _run(Stack(options), interrupts, on_ready)
    except (
        StackRefused, ServerMissing, ServerFailed, AccountMissing, FolderNotOurs, Hopeless, NotReady
    ) as reason:  # fmt: skip
        complain(str(reason))
        return 1
    except OSError as error:
        if not is_about(options.data_dir, error):
            raise
        complain(
            f"The data folder {options.data_dir} cannot be used ({error.strerror}: {error.filename}); "
            f"name one that can be written: --data-dir DIR"
        )
        return 1


class Stack:
    """PostgreSQL, Valkey, api, worker, beat: started in this order, stopped in the other."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._data_dir = options.data_dir.absolute()
        self._postgres = self._make_postgres()
        self._valkey = self._make_valkey()
        self._programs: tuple[ProgramChild, ...] = ()
        self._control_url = options.database_url or ""
        self._targets: dict[str, str] = {}
        self._supervisor = Supervisor(on_change=self._write_record)

    def start(self) -> None:
        for folder in ("logs", "run"):
            (self._data_dir / folder).mkdir(mode=0o700, exist_ok=True)
        kept_password(self._data_dir / SECRET_KEY)
        servers: tuple[Supervised | None, ...] = (self._postgres, self._valkey)
        self._supervisor.start(server for server in servers if server is not None)
        self._create_databases()
        self._programs = self._make_programs()
        self._supervisor.start(self._programs)
        self._write_record()

    def check(self) -> None:
        """Start again what died. Raises Hopeless."""
        self._supervisor.check()

    def stop(self, interrupts: Interrupts) -> None:
        """Beat, worker and API at once, then Valkey, then PostgreSQL: nobody loses what he still needs."""
        patience = interrupts.patience(_STOP_PROGRAMS_S)
        for program in reversed(self._programs):
            program.ask_to_stop()
        for program in reversed(self._programs):
            program.stop(patience)
        for server in (self._valkey, self._postgres):
            if server is not None:
                server.stop(interrupts.patience(_STOP_SERVER_S))
        remove_record(self._data_dir)

    @property
    def info(self) -> StackInfo:
        pids = {program.name: program.pid for program in self._programs}
        pids["postgres"] = self._postgres.pid if self._postgres else None
        pids["valkey"] = self._valkey.pid if self._valkey else None
        return StackInfo(
            api_url=self._options.api_url,
            data_dir=self._data_dir,
            logs=self._data_dir / "logs",
            pids=pids,
            control_url=self._control_url,
            redis_url=self._redis_url,
            targets=self._targets,
        )

    @property
    def servers(self) -> str:
        """For people: what runs where, without passwords, and what it is to migrate."""
        postgres, valkey = self._postgres, self._valkey
        return "\n".join((
            f"PostgreSQL {postgres.major} at 127.0.0.1:{postgres.port} ({postgres.binaries.origin}), "
            f"data in {postgres.folder}" if postgres else "PostgreSQL as given in DATABASE_URL",
            f"Valkey at 127.0.0.1:{valkey.port} ({valkey.binary.origin}), data in {valkey.folder}"
            if valkey else "Redis as given in REDIS_URL",
            f"Migrations from {self._options.migrations.absolute()}",
        ))  # fmt: skip

    @property
    def _redis_url(self) -> str:
        return self._valkey.url if self._valkey else self._options.redis_url or ""

    def _make_postgres(self) -> Postgres | None:
        if self._options.database_url:
            return None
        binaries = find_postgres(self._options.environment)
        return Postgres(self._data_dir / "postgres", servers=binaries)

    def _make_valkey(self) -> Valkey | None:
        if self._options.redis_url:
            return None
        return Valkey(self._data_dir / "valkey", servers=find_valkey(self._options.environment))

    def _make_programs(self) -> tuple[ProgramChild, ...]:
        programs = (self._options.programs or liftlock_programs)(self._options)
        environment = program_environment(self._options, self._control_url, self._redis_url, self._targets)
        return tuple(ProgramChild(program, environment, self._data_dir) for program in programs)

    def _create_databases(self) -> None:
        if self._postgres is not None:
            self._control_url = self._postgres.create_database(CONTROL_DATABASE)
        targets = self._options.targets or {"development": self._control_url}
        self._targets = {name: self._target_dsn(name, value) for name, value in targets.items()}

    def _target_dsn(self, name: str, value: str) -> str:
        if "://" in value:
            return value
        if self._postgres is None:
            raise StackRefused(
                f"The target {name} is {value!r}: with a database of your own, give the whole address (postgresql://…)."
            )
        return self._postgres.create_database(value)

    def _write_record(self) -> None:
        if self._programs:  # complete or not at all: a reader never sees half a stack
            write_record(self.info)


def _run(stack: Stack, interrupts: Interrupts, on_ready: Callable[[StackInfo], None] | None) -> int:
    announcement = Announcement(stack, time.monotonic(), on_ready)
    try:
        stack.start()
        announcement.start()
        while not interrupts.wished:
            stack.check()
            if (code := announcement.verdict()) is not None:
                return code
            time.sleep(_CHECK_S)
        return 0
    finally:
        announcement.hush()
        say("Stopping …")
        stack.stop(interrupts)
        say("Stopped.")
