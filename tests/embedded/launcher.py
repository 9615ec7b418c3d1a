"""A launcher with small programs in the place of Liftlock's own; run as `python -m tests.embedded.launcher`.

It reads its options as JSON from the first argument: data_dir, port, and what else StackOptions takes.
`commands` names the source of a program by its name; `exit_on_ready` is the exit code on_ready wishes.
"""

import json
import os
import sys
from pathlib import Path

from app.embedded.options import Program, StackInfo, StackOptions
from app.embedded.stack import run_stack

API = """
import os, http.server
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *a): pass
http.server.HTTPServer((os.environ["LIFTLOCK_HOST"], int(os.environ["LIFTLOCK_PORT"])), Api).serve_forever()
"""
UNREADY = (
    API.replace("send_response(200)", "send_response(503)")
    .replace('"Content-Length", "0"', '"Content-Length", str(len(BODY))')
    .replace("self.end_headers()", "self.end_headers(); self.wfile.write(BODY)")
    .replace("import os,", """BODY = b'{"checks": [{"name": "db", "ok": false, "detail": "is away"}]}'\nimport os,""")
)
IDLE = "import signal; signal.pause()"
CRASH = "raise SystemExit('the programme is broken')"
POOL = """
import os, signal, subprocess, sys
follow = "import os, time\\nparent = os.getppid()\\nwhile os.getppid() == parent: time.sleep(0.05)"
child = subprocess.Popen([sys.executable, "-c", follow])
open(os.path.join(os.environ["LIFTLOCK_DATA_DIR"], "pool"), "w").write(str(child.pid) + "\\n")
signal.pause()
"""
ENVIRONMENT = """
import json, os, signal
path = os.path.join(os.environ["LIFTLOCK_DATA_DIR"], "environment.json")
open(path + "~", "w").write(json.dumps(dict(os.environ)))
os.rename(path + "~", path)
signal.pause()
"""


def main(argument: str) -> int:
    given = json.loads(argument)
    commands = {"api": API, "worker": IDLE, "beat": IDLE} | given.pop("commands", {})
    wish = given.pop("exit_on_ready", None)

    def programs(_: StackOptions) -> tuple[Program, ...]:
        return tuple(Program(name, (sys.executable, "-c", code)) for name, code in commands.items())

    def on_ready(info: StackInfo) -> None:
        print(f"on_ready {info.api_url}", flush=True)
        if wish is not None:
            raise SystemExit(wish)

    options = StackOptions(
        **given | {"data_dir": Path(given["data_dir"])},
        migrations=Path("migrations"),
        environment=os.environ,
        programs=programs,
    )
    return run_stack(options, on_ready=on_ready)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
