"""A linter that says what it was told to say of a text."""

from collections.abc import Mapping, Sequence

from app.domain.lint import PG_VERSION, Linted, LintFinding
from app.domain.migration import SqlScript


class FakeLinter:
    """`says`: the findings by the script's text. `notice`: it cannot look, and says so."""

    def __init__(self, says: Mapping[str, tuple[LintFinding, ...]] | None = None, notice: str | None = None) -> None:
        self._says = says or {}
        self._notice = notice
        self._seen: set[tuple[str, str]] = set()

    async def lint(self, scripts: Sequence[SqlScript], pg_version: str = PG_VERSION) -> Linted:
        if self._notice is None:
            self._seen |= {(script.text, pg_version) for script in scripts}
        return Linted(self.known(scripts, pg_version).verdicts, self._notice)

    def known(self, scripts: Sequence[SqlScript], pg_version: str = PG_VERSION) -> Linted:
        return Linted(
            tuple(
                self._says.get(script.text, ()) if (script.text, pg_version) in self._seen else None
                for script in scripts
            )
        )
