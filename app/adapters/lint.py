"""squawk as our linter: one process for all files, its answer read as JSON, its verdicts kept by what was looked at."""

import asyncio
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from app.domain.lint import NOT_ASKED, PG_VERSION, Linted, LintFinding
from app.domain.migration import SqlScript

DEADLINE_SECONDS = 10.0
MOST_KEPT = 20_000

_CONFIG = "squawk.toml"

Findings = tuple[LintFinding, ...]


class LintFailed(Exception):
    """The linter cannot be used; its text says why. It never leaves this file."""


class SquawkLinter:
    """Implements ports.Linter. One instance a process: what it has said once it says again at once.

    `program` None is the one that is installed beside this Python, or else the one in the path.
    """

    def __init__(
        self,
        program: Path | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self._program = program
        self._deadline_seconds = deadline_seconds
        self._most_kept = most_kept
        self._kept: OrderedDict[bytes, Findings] = OrderedDict()
        self._looking = asyncio.Lock()

    def known(self, scripts: Sequence[SqlScript], pg_version: str = PG_VERSION) -> Linted:
        return Linted(tuple(self._recall(_digest(script, pg_version)) for script in scripts))

    async def lint(self, scripts: Sequence[SqlScript], pg_version: str = PG_VERSION) -> Linted:
        digests = [_digest(script, pg_version) for script in scripts]
        async with self._looking:
            texts = {
                digest: script.text for digest, script in zip(digests, scripts, strict=True) if digest not in self._kept
            }
            fresh, notice = await asyncio.to_thread(self._look, texts, pg_version) if texts else ({}, None)
        verdicts = tuple(fresh[digest] if digest in fresh else self._recall(digest) for digest in digests)
        self._keep(fresh)
        return Linted(verdicts, notice)

    def _recall(self, digest: bytes) -> Findings | None:
        found = self._kept.get(digest)
        if found is not None:
            self._kept.move_to_end(digest)
        return found

    def _keep(self, fresh: dict[bytes, Findings]) -> None:
        self._kept.update(fresh)
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    def _look(self, texts: dict[bytes, str], pg_version: str) -> tuple[dict[bytes, Findings], str | None]:
        try:
            with tempfile.TemporaryDirectory(prefix="liftlock-lint-") as folder:
                found = self._run(Path(folder), list(texts.values()), pg_version)
        except (LintFailed, OSError) as failure:
            return {}, f"the files were not linted: {failure}"
        return dict(zip(texts, found, strict=True)), None

    def _run(self, folder: Path, texts: list[str], pg_version: str) -> list[Findings]:
        names = [f"{number}.sql" for number in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            (folder / name).write_bytes(text.encode("utf-8", "replace"))
        # its own, so that none is looked for in the folders above
        (folder / _CONFIG).touch()
        lines = {name: text.split("\n") for name, text in zip(names, texts, strict=True)}
        found: dict[str, list[LintFinding]] = {name: [] for name in names}
        for entry in self._ask(folder, names, pg_version):
            name, finding = _finding(entry, lines)
            found[name].append(finding)
        return [tuple(found[name]) for name in names]

    def _ask(self, folder: Path, names: list[str], pg_version: str) -> list[object]:
        """Exit code 1 means findings, and also that a file was not found: what counts is the answer."""
        command = [
            str(self._program or _installed()),
            *("--reporter", "json", "--config", _CONFIG, "--pg-version", pg_version),
            *("--assume-in-transaction", "--exclude", ",".join(NOT_ASKED)),
            *names,
        ]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._deadline_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LintFailed(f"squawk took longer than {self._deadline_seconds:g} s and was stopped") from None
        except OSError as error:
            raise LintFailed(f"squawk cannot be started ({error.strerror}); install squawk-cli") from None
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise LintFailed(f"squawk ended with {done.returncode} and no answer; {_last_line(done.stderr)}") from None
        if not isinstance(answer, list):
            raise LintFailed("squawk's answer is not a list of findings")
        return answer


def _installed() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / ("squawk.exe" if sys.platform == "win32" else "squawk")
    if beside.exists():
        return beside
    found = shutil.which("squawk")
    if found is None:
        raise LintFailed("squawk is not installed; install squawk-cli")
    return Path(found)


def _finding(entry: object, lines: Mapping[str, Sequence[str]]) -> tuple[str, LintFinding]:
    """The file and what is said of it. squawk counts lines from 0, and columns from 0 in bytes."""
    match entry:
        case {
            "file": str(file),
            "line": int(line),
            "column": int(column),
            "message": str(said),
            "rule_name": str(rule),
        }:
            if file not in lines or line >= len(lines[file]):
                raise LintFailed(f"squawk answered for {file[:100]!r}, line {line + 1}, which it was not asked about")
            before = lines[file][line].encode("utf-8", "replace")[:column]
            advice = entry.get("help") if isinstance(entry, dict) else None
            place = line + 1, len(before.decode("utf-8", "ignore")) + 1
            return file, LintFinding(rule, said, advice if isinstance(advice, str) else "", *place)
        case _:
            raise LintFailed(f"squawk's answer has another shape than known: {str(entry)[:200]}")


def _digest(script: SqlScript, pg_version: str) -> bytes:
    return sha256(f"{pg_version}\0{script.text}".encode("utf-8", "replace")).digest()


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return f"it said: {lines[-1][:200]}" if lines else "it said nothing"
