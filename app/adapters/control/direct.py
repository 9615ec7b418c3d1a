"""Statements of every job, handed to the driver itself: SQLAlchemy's way to it costs several times the statement."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import TextClause

Row = Mapping[str, Any]

_DIALECT = dialect()  # type: ignore[no-untyped-call]


class Direct:
    """Rows come as the driver gives them; jsonb is read by the codec that SQLAlchemy sets on its connections."""

    def __init__(self, statement: TextClause) -> None:
        self._statement = statement

    async def rows(self, connection: asyncpg.Connection, values: Mapping[str, Any]) -> list[Row]:
        sql, names = self._compiled
        found = await connection.fetch(sql, *(values[name] for name in names))
        return [dict(row) for row in found]

    @cached_property
    def _compiled(self) -> tuple[str, tuple[str, ...]]:
        compiled = self._statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        return str(compiled), tuple(compiled.positiontup or ())
