"""Sequences that go on where they stood when rows that have numbers from them come back."""

from collections.abc import Mapping, Sequence

import asyncpg

_SEQUENCE = "SELECT pg_get_serial_sequence($1, $2)"
_SIGN = "SELECT sign(seqincrement)::int FROM pg_sequence WHERE seqrelid = $1::text::regclass"
_SET_POSITION = """
    SELECT setval($1::text::regclass, LEAST(GREATEST($2, seqmin), seqmax), $3)
    FROM pg_sequence WHERE seqrelid = $1::text::regclass
"""
"""It may have narrower limits now."""


async def set_positions(connection: asyncpg.Connection, table: str, sequences: Sequence[Mapping[str, object]]) -> None:
    """Sequences of columns go on where they were, or behind what the script has drawn from them."""
    for position in sequences:
        sequence = await connection.fetchval(_SEQUENCE, table, position["column"])
        if sequence is None:
            continue
        now = await connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")
        assert now is not None
        value, sign = position["value"], await connection.fetchval(_SIGN, sequence)
        assert isinstance(value, int)
        if (sign * value, position["called"]) > (sign * now["last_value"], now["is_called"]):
            await set_position(connection, sequence, position)


async def set_position(connection: asyncpg.Connection, sequence: str, position: Mapping[str, object]) -> None:
    await connection.fetchval(_SET_POSITION, sequence, position["value"], position["called"])
