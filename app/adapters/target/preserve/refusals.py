"""How a server's refusal of kept values is told: by what it says, without the values that it quotes."""

import re

import asyncpg

SAID = "CASE WHEN SQLSTATE LIKE '22%' THEN regexp_replace(SQLERRM, '\".*\"', '\"…\"') ELSE SQLERRM END"
"""In PL/pgSQL. Of a constraint the name is quoted; where a value itself is to blame (class 22), that is."""

_QUOTED = re.compile(r'".*"', re.DOTALL)


def said_of_error(error: asyncpg.PostgresError) -> str:
    """As `SAID`. What rows hold is shown by nothing but their table."""
    said = str(error.args[0]) if error.args else ""
    if (error.sqlstate or "").startswith("22"):
        said = _QUOTED.sub('"…"', said)
    return said.partition("\n")[0]
