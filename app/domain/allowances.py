"""A hazard that the author of a file has thought about: `-- liftlock: allow TABLE_DROPPED nobody reads it since May`.

It stands anywhere in the up or down section, and holds for the statements of that section.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.hazards import HazardCode, code_of, unknown_code
from app.domain.statements import comments

SPELLING = "write -- liftlock: allow HAZARD reason"

_DIRECTIVE = re.compile(r"^--\s*liftlock:\s*allow\b\s*(?P<code>\S*)\s*(?P<reason>.*?)\s*$")
_MISSPELT = re.compile(r"^--\s*liftlock\s*:?\s*allow\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A hazard and why it may be taken, or what is wrong, at `line` and `column` of the script."""

    line: int
    column: int
    code: HazardCode | None = None
    reason: str = ""
    problem: str | None = None


def allowances(text: str) -> Iterator[Allowance]:
    """Every `-- liftlock: allow` of a script."""
    if "liftlock" not in text.lower():
        return
    seen: set[HazardCode] = set()
    for comment in comments(text):
        found = _DIRECTIVE.match(comment.text)
        if found is None:
            if _MISSPELT.match(comment.text):
                yield Allowance(comment.line, comment.column, problem=f"{SPELLING}, in this spelling")
            continue
        code = code_of(found["code"])
        problem = _problem(found["code"], found["reason"], seen)
        if code is None or problem is not None:
            yield Allowance(comment.line, comment.column, problem=problem)
            continue
        seen.add(code)
        yield Allowance(comment.line, comment.column, code, found["reason"])


def _problem(spelled: str, reason: str, seen: set[HazardCode]) -> str | None:
    code = code_of(spelled)
    if not spelled:
        return f"no hazard is named; {SPELLING}"
    if code is None:
        return unknown_code(spelled)
    if not reason:
        return f"`allow {spelled}` gives no reason; say why it may be taken"
    if code in seen:
        return f"{spelled} is allowed twice in this section; keep one"
    return None
