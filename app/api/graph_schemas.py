"""What the picture of dependencies looks like: as `schemas`, which holds what it is made of."""

from typing import Any

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from app.api.environment_schemas import MatrixCell
from app.api.schemas import Links
from app.api.shapes import Answer

SVG, DOT, TEXT = "image/svg+xml", "text/vnd.graphviz", "text/plain"
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}


class GraphNode(Answer):
    """One migration. `dependencies` may name what nothing defines; `dependents` need this one.

    `cells` in the order of the environments; `file` is null where no file defines it any more.
    """

    name: str
    version: str
    file: str | None
    dependencies: list[str]
    dependents: list[str]
    cells: list[MatrixCell]
    links: Links


class Graph(Answer):
    """Nodes in the order they run. With `format`, the same as SVG, as Graphviz's dot, for Mermaid or as text."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        openapi_extra={"content": {SVG: _TEXT, DOT: _TEXT, TEXT: _TEXT}},  # type: ignore[typeddict-unknown-key]
    )

    environments: list[str]
    migrations: list[GraphNode]
    links: Links
