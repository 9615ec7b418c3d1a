"""dbmate, from its npm package, in a folder that is thrown away afterwards."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.peers import NotHere

INSTALL_S = 60


@dataclass(frozen=True, slots=True)
class Dbmate:
    binary: Path
    migrations: Path

    def run(self, dsn: str) -> None:
        command = (
            str(self.binary), "--url", dsn,
            "--migrations-dir", str(self.migrations), "--no-dump-schema", "migrate",
        )  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)

    @property
    def version(self) -> str:
        answer = subprocess.run((str(self.binary), "--version"), check=True, capture_output=True, text=True)
        return answer.stdout.strip().rpartition(" ")[2]


def fetch(folder: Path, migrations: Path) -> Dbmate:
    """Raises NotHere without npm, without a network, or on a platform that it has no binary for."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotHere("npm is not on this machine")
    command = (npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "dbmate")
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise NotHere(f"npm could not install it ({type(error).__name__})") from error
    # the program itself, not npm's wrapper: starting node is no part of its work
    found = sorted(folder.glob("node_modules/@dbmate/*/bin/dbmate*"))
    if not found:
        raise NotHere("its package has no program for this platform")
    return Dbmate(found[0], migrations)
