"""`/migrations/graph`: how migrations depend on each other, as values and as a picture."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlencode

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.api import graph_schemas
from app.api.answers import etag, tagged_bytes, tagged_response
from app.api.context import remember_environment, run, services
from app.api.inputs import Input, text_of
from app.api.render import Json
from app.api.render_values import moment
from app.api.requests import checked
from app.domain.drawing import Drawn, Picture, dot, mermaid, svg, text
from app.domain.graph import needed_by
from app.domain.matrix import Matrix, MatrixRow

api = APIBlueprint(
    "graph",
    __name__,
    abp_tags=[Tag(name="Migrations", description="Where every migration stands, and the calls that move them.")],
)


class GraphFormat(StrEnum):
    JSON = "json"
    SVG = "svg"
    DOT = "dot"
    MERMAID = "mermaid"
    TEXT = "text"


class GraphQuery(Input):
    format: GraphFormat = Field(GraphFormat.JSON, description="values, or a picture")
    environment: Annotated[str, text_of(200)] | None = Field(None, description="all of them when left out")


PICTURES: Mapping[GraphFormat, tuple[Callable[[Picture], str], str]] = {
    GraphFormat.SVG: (svg, graph_schemas.SVG),
    GraphFormat.DOT: (dot, graph_schemas.DOT),
    GraphFormat.MERMAID: (mermaid, graph_schemas.TEXT),
    GraphFormat.TEXT: (text, graph_schemas.TEXT),
}


@api.get("/migrations/graph", responses={200: graph_schemas.Graph}, operation_id="getGraph")
@checked
def get_graph(query: GraphQuery) -> Response:
    """How migrations depend on each other

    Every migration with what it needs, what needs it, and its state in each environment or in the one that is named.
    `format` makes a picture of it: SVG without styles or scripts, dot for Graphviz, Mermaid, or text.
    """
    found = _narrowed(run(services().sync.matrix()), query.environment)
    if query.format is GraphFormat.JSON:
        return tagged_response(_values(found, query.environment))
    draw, media = PICTURES[query.format]
    body = draw(_picture(found)).encode("utf-8", "replace")
    response = tagged_bytes(body, etag(body))
    if response.status_code == HTTPStatus.OK:
        response.content_type = f"{media}; charset=utf-8"
    return response


_Seen = tuple[list[str], list[int], tuple[MatrixRow, ...]]
"""Names of environments, their places among the cells of a row, and the rows."""


def _narrowed(matrix: Matrix, environment: str | None) -> _Seen:
    """To one environment; without it, all. Raises NotFound."""
    if environment is not None:
        remember_environment(environment)
        services().environments.named(environment)
    names = [one.environment.name for one in matrix.environments]
    places = [place for place, name in enumerate(names) if environment in (None, name)]
    return [names[place] for place in places], places, matrix.rows


def _picture(seen: _Seen) -> Picture:
    names, places, rows = seen
    drawn = (
        Drawn(row.name, row.version, row.dependencies, tuple(row.cells[place].state.value for place in places))
        for row in rows
    )
    return Picture(tuple(drawn), tuple(names))


def _values(seen: _Seen, environment: str | None) -> Json:
    names, places, rows = seen
    dependents = needed_by((row.name, row.dependencies) for row in rows)
    return {
        "environments": names,
        "migrations": [_node(row, names, places, dependents.get(row.name, [])) for row in rows],
        "links": {"self": _href(environment), **{one.value: _href(environment, one) for one in PICTURES}},
    }


def _node(row: MatrixRow, names: list[str], places: list[int], dependents: list[str]) -> Json:
    return {
        "name": row.name,
        "version": row.version,
        "file": row.file,
        "dependencies": list(row.dependencies),
        "dependents": dependents,
        "cells": [
            {"environment": name, "state": cell.state.value, "appliedAt": moment(cell.applied_at)}
            for name, cell in zip(names, (row.cells[place] for place in places), strict=True)
        ],
        "links": {"self": f"/migrations/{quote(row.name, safe='')}"},
    }


def _href(environment: str | None, drawn: GraphFormat | None = None) -> str:
    asked = {"format": drawn, "environment": environment}
    given = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"/migrations/graph?{given}" if given else "/migrations/graph"
