"""What a command works with: its settings, the client, and the way to print."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.cli.failing import CliError
from app.cli.out import Form, Letters, Out, Sound
from app.cli.settings import CliSettings, Place, SettingsBroken, load, wants_colour

if TYPE_CHECKING:
    import httpx

    from app.client import Liftlock


@dataclass(frozen=True, slots=True)
class Given:
    """What a test puts in the place of the world: how requests travel, and where the command is started."""

    http: "httpx.BaseTransport | None" = None
    place: Place | None = None


@dataclass(frozen=True)
class Session:
    """`verbose`: 1 shows every problem, 2 the traceback of a failure."""

    out: Out
    flags: Mapping[str, str | None] = field(default_factory=dict)
    verbose: int = 0
    given: Given = Given()

    @cached_property
    def place(self) -> Place:
        return self.given.place or Place.here()

    @cached_property
    def settings(self) -> CliSettings:
        """Raises CliError."""
        try:
            return load(self.place, self.flags)
        except SettingsBroken as broken:
            raise CliError("the configuration cannot be read", str(broken), "liftlock config show --origin") from None

    @cached_property
    def client(self) -> "Liftlock":
        # a token of the environment is among the settings already
        return self.client_with(self.settings["token"] or "")

    def client_with(self, token: str) -> "Liftlock":
        """Raises CliError for certificates that cannot be read, and for what no request can be sent with."""
        from app.client import Liftlock

        ca_file = self.settings["ca_file"]
        try:
            return Liftlock(self.settings.url, token, ca_file=ca_file, http=self.given.http)
        except OSError as error:
            origin = self.settings.found["ca_file"].origin
            raise CliError(f"the certificates of {ca_file} cannot be read", str(error), f"correct: {origin}") from None
        except ValueError as error:
            raise CliError("no request can be sent so", str(error), "liftlock config show --origin") from None

    def environment(self, named: str | None) -> str | None:
        """The one that is named, else that of the settings; None: the service's own default."""
        return named or self.settings["environment"]

    def needed_environment(self, named: str | None) -> str:
        """For addresses that cannot do without: else the service's default, which is asked for."""
        known = self.environment(named)
        if known is not None:
            return known
        every = self.client.environments.list()
        return next((one.name for one in every if one.is_default), every[0].name)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()


def out_of(params: Mapping[str, Any]) -> Out:
    """From --json, --quiet, --ascii, NO_COLOR and the terminal itself."""
    terminal = sys.stdout.isatty()
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
    ascii_only = params["ascii"] or not encoding.startswith("utf")
    return Out(
        form=Form.JSON if params["json"] else Form.TEXT,
        sound=Sound.QUIET if params["quiet"] else Sound.NORMAL,
        letters=Letters.ASCII if ascii_only else Letters.UNICODE,
        colour=terminal and wants_colour(),
        terminal=terminal,
    )
