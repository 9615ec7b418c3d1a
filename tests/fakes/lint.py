"""A linter that says what it was told to say of a text."""

from collections.abc import Mapping, Sequence

from app.domain.lint import Linted, LintFinding
from app.domain.migration import SqlScript


class FakeLinter:
    """`says`: the findings by the script's text. `notice`: it cannot look, and says so."""

    def __init__(self, says: Mapping[str, tuple[LintFinding, ...]] | None = None, notice: str | None = None) -> None:
        self._says = says or {}
        self._notice = notice
        self._seen: set[str] = set()

    async def lint(self, scripts: Sequence[SqlScript]) -> Linted:
        if self._notice is None:
            self._seen |= {script.text for script in scripts}
        return Linted(self.known(scripts).verdicts, self._notice)

    def known(self, scripts: Sequence[SqlScript]) -> Linted:
        return Linted(
            tuple(self._says.get(script.text, ()) if script.text in self._seen else None for script in scripts)
        )
