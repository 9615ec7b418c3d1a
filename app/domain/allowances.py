"""A hazard that the author of a file has thought about: `-- liftlock: allow TABLE_DROPPED nobody reads it since May`.

It stands anywhere in the up or down section, and holds for the statements of that section. In a Python file it begins
with `#` and holds for the file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.domain.hazards import HazardCode, code_of, unknown_code
from app.domain.migration import Body, PythonScript
from app.domain.statements import comments

SPELLING = "write -- liftlock: allow HAZARD reason"

_DIRECTIVE = re.compile(r"^(?:--|#)\s*liftlock:\s*allow\b\s*(?P<code>\S*)\s*(?P<reason>.*?)\s*$")
_MISSPELT = re.compile(r"^--\s*liftlock\s*:?\s*allow\b|^#\s*liftlock\s*:", re.IGNORECASE)
_PYTHON_COMMENT = re.compile(r"^([ \t]*)(#[ \t]*liftlock\b.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A hazard and why it may be taken, or what is wrong, at `line` and `column` of the script."""

    line: int
    column: int
    code: HazardCode | None = None
    reason: str = ""
    problem: str | None = None


def allowance(code: HazardCode, file: str) -> str:
    """The line to write into that file, as its language writes a comment."""
    mark = "#" if file.lower().endswith(".py") else "--"
    return f"{mark} liftlock: allow {code} reason"


def allowances(text: str) -> Iterator[Allowance]:
    """Every `-- liftlock: allow` of a SQL script."""
    if "liftlock" in text.lower():
        yield from _read((comment.text, comment.line, comment.column) for comment in comments(text))


def allowances_of_python(text: str) -> Iterator[Allowance]:
    """Every `# liftlock: allow` that has a line of its own."""
    found = _PYTHON_COMMENT.finditer(text)
    return _read((one[2], text.count("\n", 0, one.start()) + 1, len(one[1]) + 1) for one in found)


@lru_cache(maxsize=2048)
def allowed_in(script: Body) -> Mapping[HazardCode, Allowance]:
    """What a script allows, by hazard."""
    read = allowances_of_python if isinstance(script, PythonScript) else allowances
    return {one.code: one for one in read(script.text) if one.code is not None}


def _read(lines: Iterable[tuple[str, int, int]]) -> Iterator[Allowance]:
    seen: set[HazardCode] = set()
    for comment, line, column in lines:
        found = _DIRECTIVE.match(comment)
        if found is None:
            if _MISSPELT.match(comment):
                spelling = SPELLING.replace("--", "#") if comment.startswith("#") else SPELLING
                yield Allowance(line, column, problem=f"{spelling}, in this spelling")
            continue
        code = code_of(found["code"])
        problem = _problem(found["code"], found["reason"], seen)
        if code is None or problem is not None:
            yield Allowance(line, column, problem=problem)
            continue
        seen.add(code)
        yield Allowance(line, column, code, found["reason"])


def _problem(spelled: str, reason: str, seen: set[HazardCode]) -> str | None:
    code = code_of(spelled)
    if not spelled:
        return f"no hazard is named; {SPELLING}"
    if code is None:
        return unknown_code(spelled)
    if not reason:
        return f"`allow {spelled}` gives no reason; say why it may be taken"
    if code in seen:
        return f"{spelled} is allowed twice here; keep one"
    return None
