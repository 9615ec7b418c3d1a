"""Documents that are sent over HTTP, read as tables of liftlock.toml with the variables of this process."""

from collections.abc import Mapping

from app.domain.environment import Environment
from app.domain.problem import Problem
from app.domain.registered import commands_in, secrets_in, unkeepable_in
from app.registry.environments import read_one
from app.registry.table import NO_TABLE, Said


class DocumentReader:
    """Implements ports.Reader."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(
        self, name: str, document: Mapping[str, object], others: Mapping[str, Environment]
    ) -> tuple[Environment | None, tuple[Problem, ...]]:
        refused = (*secrets_in(document), *commands_in(document), *unkeepable_in(document))
        if refused:
            return None, refused
        environment, said = read_one(name, document, others, self._environ)
        return environment, tuple(_problem(one) for one in said)


def _problem(said: Said) -> Problem:
    """Without the table's name, which is the address of the request, but for a table inside of it."""
    text, inside = said.problem.partition("]: ")[2] or said.problem, said.path[2:]
    if text == NO_TABLE and inside:
        text = f"`{'.'.join(inside)}` {text}"
    return Problem("wrong_value", text, pointer="".join(f"/{part}" for part in inside))
