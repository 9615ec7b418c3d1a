"""The sequences that a script sets to another position, as far as its text names them.

Names are looked for in all of the text, so also in a DO block, in what it puts together as one string, and in Python;
one that is found and not set costs a look, and nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.migration import PythonScript, SqlScript
from app.domain.step import Step
from app.domain.words import folded

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_PATH = rf"{_NAME}(?:\.{_NAME})?"
_SETVAL = re.compile(rf"\bsetval\s*\(\s*'+({_PATH})'+", re.IGNORECASE)
_SETVAL_OF = re.compile(
    rf"\bsetval\s*\(\s*(?:pg_catalog\.)?pg_get_serial_sequence\s*\(\s*'+({_PATH})'+\s*,\s*'+([^']+)'+", re.IGNORECASE
)
_RESTARTED = re.compile(
    rf"\bALTER\s+SEQUENCE\s+(?:IF\s+EXISTS\s+)?({_PATH})\s[^;]*?\bRESTART\b", re.IGNORECASE | re.DOTALL
)
_TABLE = re.compile(rf"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?({_PATH})\s([^;]*)", re.IGNORECASE | re.DOTALL)
_IDENTITY = re.compile(rf"\bALTER\s+(?:COLUMN\s+)?({_NAME})\s+(?:SET\s[^,]*?)?\bRESTART\b", re.IGNORECASE | re.DOTALL)
_SEARCHES = re.compile(r"\bsearch_path\b", re.IGNORECASE)
_MENTIONS = re.compile(r"\bsetval\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Positioned:
    """`name`: of a sequence as it is written, or of the table whose `column` it is for."""

    name: str
    column: str = ""

    @property
    def says_where(self) -> bool:
        """Whether it has its schema, so that no search_path leads to another one."""
        return re.fullmatch(_NAME, self.name) is None


def positioned(step: Step) -> tuple[Positioned, ...]:
    """Each once that the step may set."""
    if not isinstance(step.body, SqlScript | PythonScript):
        return ()
    return tuple(dict.fromkeys(_found(step.body.text)))


def sets_unnamed(step: Step) -> bool:
    """Whether it sets a sequence by a name that it works out while it runs."""
    if not isinstance(step.body, SqlScript | PythonScript):
        return False
    text = step.body.text
    return len(_MENTIONS.findall(text)) > len(_SETVAL.findall(text)) + len(_SETVAL_OF.findall(text))


def sets_search_path(step: Step) -> bool:
    """Whether a name may lead elsewhere while it runs than before."""
    return isinstance(step.body, SqlScript | PythonScript) and bool(_SEARCHES.search(step.body.text))


def _found(text: str) -> Iterator[Positioned]:
    for pattern in (_SETVAL, _RESTARTED):
        yield from (Positioned(found[1]) for found in pattern.finditer(text))
    for found in _SETVAL_OF.finditer(text):
        # the column's name is taken as it is written there
        yield Positioned(found[1], found[2])
    for table in _TABLE.finditer(text):
        yield from (Positioned(table[1], folded(column[1])) for column in _IDENTITY.finditer(table[2]))
