"""What `up` and `demo` share: a stack that stands until Ctrl-C, told of to people or to a program."""

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from app.embedded.options import StackInfo, StackOptions
from app.embedded.stack import run_stack

if TYPE_CHECKING:
    from typing import TextIO

port_option = click.option(
    "--port",
    default=3000,
    envvar="LIFTLOCK_PORT",
    type=click.IntRange(1, 65535),
    help="Port of the API.  [default: LIFTLOCK_PORT, else 3000]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document once it is ready; what else is said goes to stderr."
)


def stand(options: StackOptions, as_json: bool, on_ready: Callable[[StackInfo], None] | None = None) -> int:
    """Until Ctrl-C; the exit code."""
    if not as_json:
        return run_stack(options, on_ready=on_ready)
    out = sys.stdout
    with redirect_stdout(sys.stderr):
        return run_stack(options, on_ready=lambda info: _tell(info, out, on_ready))


def _tell(info: StackInfo, out: "TextIO", on_ready: Callable[[StackInfo], None] | None) -> None:
    if on_ready is not None:
        on_ready(info)
    document = {
        "apiUrl": info.api_url,
        "dataDir": str(info.data_dir),
        "logs": str(info.logs),
        "stackFile": str(info.data_dir / "stack.json"),
        "environments": sorted(info.targets),
        "pids": dict(info.pids),
    }
    print(json.dumps(document), file=out, flush=True)
