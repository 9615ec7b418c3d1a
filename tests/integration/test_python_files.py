"""Python migrations by people who come from other tools: what they get wrong is said, and nothing is half done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.failure import Failure
from app.domain.job import JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, value

pytestmark = [
    pytest.mark.servers,
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as it:
        execute(it.dsn, "CREATE TABLE t (id int PRIMARY KEY, text text)")
        yield it


def failure_of(house: House, *lines: str, above: str = "") -> Failure:
    """Of a run of a file whose `up` has these lines; the first of them is line 2, or further below."""
    body = "".join(f"    {line}\n" for line in lines)
    house.write("1_bad.py", f"{above}async def up(connection):\n{body}")
    job = house.do()
    assert (job.state, job.attempt) == (JobState.FAILED, 1)
    assert job.error is not None and house.statuses() == {"bad": "failed"}
    assert value(house.dsn, "SELECT count(*) FROM t") == 0
    return job.error


def test_what_is_no_string_is_refused_in_words(house: House) -> None:
    failure = failure_of(
        house, "await connection.execute(text('SELECT 1'))", above="class text:\n    def __init__(self, sql): ...\n"
    )
    assert "SQL has to be a string, not text, with $1, $2" in failure.message
    assert failure.line == 4


def test_a_statement_without_await_fails_its_step(house: House) -> None:
    failure = failure_of(house, "await connection.execute('SELECT 1')", "connection.fetchval('SELECT 1')")
    assert "was never sent; write `await connection.fetchval(…)`" in failure.message
    assert (failure.line, failure.column) == (3, 5)


def test_a_statement_that_nobody_waits_for_fails_its_step(house: House) -> None:
    failure = failure_of(
        house,
        "asyncio.create_task(connection.execute('INSERT INTO t VALUES (1); SELECT pg_sleep(20)'))",
        "await asyncio.sleep(0.05)",
        above="import asyncio\n",
    )
    assert "was still running at the end of the migration" in failure.message
    assert failure.line == 3


def test_the_connection_is_not_for_other_threads(house: House) -> None:
    failure = failure_of(
        house,
        "other = threading.Thread(target=lambda: asyncio.run(connection.execute('SELECT 1')))",
        "other.start()",
        "other.join()",
        above="import asyncio, threading\n",
    )
    assert "await it there, not in a thread of your own" in failure.message


def test_a_method_that_the_connection_does_not_have_is_told_with_those_it_has(house: House) -> None:
    failure = failure_of(house, "await connection.run_sync(print)")
    assert "no `run_sync`; it has execute, executemany" in failure.message


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (id)", "cannot run in a transaction, and a migration in Python is one"),
        ("COPY t FROM STDIN", "copy_records_to_table"),
        ("COPY t TO STDOUT", "copy into a table"),
        (r"\\d t", "a command of psql"),
        ("SET client_encoding = latin1", "what is sent is UTF-8"),
    ],
)
def test_what_python_cannot_send_is_told_with_what_can(house: House, statement: str, expected: str) -> None:
    assert expected in failure_of(house, f"await connection.execute('{statement}')").message


def test_a_statement_that_had_failed_before_is_not_blamed(house: House) -> None:
    failure = failure_of(
        house,
        "try:",
        "    async with connection.transaction():",
        "        await connection.execute('SELECT nothing')",
        "except Exception:",
        "    pass",
        "raise ValueError('later')",
    )
    assert (failure.message, failure.statement) == ("ValueError: later", None)


def test_a_statement_is_blamed_for_what_is_raised_from_its_error(house: House) -> None:
    failure = failure_of(
        house,
        "try:",
        "    await connection.execute('SELECT nothing')",
        "except Exception as error:",
        "    raise ValueError('mine') from error",
    )
    assert (failure.message, failure.statement) == ("ValueError: mine", "SELECT nothing")


def test_a_file_finds_what_lies_beside_it(house: House) -> None:
    house.write("words.txt", "from the file")
    read = "(Path(__file__).parent / 'words.txt').read_text()"
    insert = "await connection.execute('INSERT INTO t VALUES (1, $1)', words)"
    house.write("1_a.py", f"from pathlib import Path\nasync def up(connection):\n    words = {read}\n    {insert}\n")

    assert house.do().state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT text FROM t") == "from the file"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("Odd()", "Odd: what it says cannot be read (ZeroDivisionError)"),
        ("ValueError('a\\x00b\\ud800c')", "ValueError: a\ufffdb?c"),
        ("ValueError('x' * 1_000_000)", f"ValueError: {'x' * 9_987}…"),
    ],
)
def test_whatever_an_error_says_the_job_ends_with_it(house: House, error: str, expected: str) -> None:
    odd = "class Odd(Exception):\n    def __str__(self): return 1 / 0\n"
    assert failure_of(house, f"raise {error}", above=odd).message == expected


@pytest.mark.parametrize("error", ["Odd()", "ValueError('\\ud800')"])
def test_whatever_a_file_says_when_it_is_loaded_the_job_ends_with_it(house: House, error: str) -> None:
    odd = "class Odd(Exception):\n    def __str__(self): return 1 / 0\n"
    house.write("1_bad.py", f"{odd}raise {error}\nasync def up(connection): ...\n")
    assert house.do().reason == "migrations_invalid"


@pytest.mark.parametrize("statement", ["SELECT '\\x00'", "SELECT '\\ud800'"])
def test_a_statement_that_is_no_text_fails_its_step(house: House, statement: str) -> None:
    assert failure_of(house, f'await connection.execute("{statement}")').line == 2


def test_what_is_left_behind_the_last_semicolon_is_no_statement(house: House) -> None:
    run = 'for one in "INSERT INTO t VALUES (1); -- that is all".split(";"):\n        await connection.execute(one)'
    house.write("1_a.py", f"async def up(connection):\n    {run}\n    await connection.execute('')\n")
    assert house.do().state is JobState.SUCCEEDED
