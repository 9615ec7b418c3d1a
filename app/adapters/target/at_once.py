"""A script that only defines things goes to the server in one message, together with its ledger row.

That saves a round trip for each of its statements. An error says where in the message it happened, or it does
not; then the step, rolled back by it, is carried out once more statement by statement, so that the error has
its place.
"""

import re

import asyncpg

from app.adapters.postgres import LOST
from app.adapters.target.failures import failure_in_message
from app.adapters.target.prepared import STRAYED, Prepared
from app.adapters.target.records import Stamp, record_of
from app.adapters.target.scripts import raise_failure
from app.domain.migration import SqlScript
from app.domain.step import Step

_DOUBTFUL = re.compile(r"\\|liftlock", re.IGNORECASE)
DROP_OWNED = "DROP OWNED BY"
"""It may take the ledger without naming it."""


class OneByOne(Exception):
    """The step has to be carried out again, statement by statement; nothing of it stands."""


def goes_at_once(step: Step) -> bool:
    """Whether nothing between its statements has to be looked at, or set anew, and its ledger row comes out all right.

    A server may read a backslash in a string otherwise than we do (standard_conforming_strings), and take what
    follows the script for a part of it. The place of an error in the ledger row is one in the row's own statement,
    and would look like one in the script.
    """
    if not isinstance(step.body, SqlScript) or step.verify is not None or _DOUBTFUL.search(step.body.text):
        return False
    statements = step.body.parsed.statements
    return bool(statements) and all(
        one.is_definition and not one.leaves_session_state and one.verb != DROP_OWNED for one in statements
    )


async def apply_at_once(
    connection: asyncpg.Connection, prepared: Prepared, stamp: Stamp, ordinal: int, step: Step
) -> bool:
    """False when the transaction is no longer the one that noted the step.

    Raises OneByOne, StepFailed, LockNotAvailable, or what LOST lists.
    """
    assert isinstance(step.body, SqlScript)
    record = await prepared.call(*record_of(stamp, ordinal, step, None))
    if record is None:
        raise OneByOne
    try:
        tag = await connection.execute(f"{_sent(step.body)}\n;{record}")
    except LOST:
        raise
    except STRAYED as error:
        # of the ledger row's statement, or of the script's own; the other way says which
        prepared.strayed()
        raise OneByOne from error
    except asyncpg.PostgresError as error:
        failure = failure_in_message(error, step, step.body)
        if failure is None:
            raise OneByOne from error
        raise_failure(failure, ordinal, error)
    return tag.endswith(" 1")


def _sent(script: SqlScript) -> str:
    first, last = script.parsed.statements[0], script.parsed.statements[-1]
    return script.text[first.offset : last.offset + len(last.text)]
