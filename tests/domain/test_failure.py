import pytest

from app.domain.failure import Failure, FailureCode


def test_a_summary_is_one_line_with_place_message_and_state() -> None:
    failure = Failure(
        FailureCode.SQL_ERROR,
        'relation "orders" does not exist',
        sqlstate="42P01",
        file="3_orders.sql",
        line=7,
        column=12,
    )
    assert failure.summary() == '3_orders.sql:7:12: relation "orders" does not exist (SQLSTATE 42P01)'


def test_a_summary_says_only_what_is_known() -> None:
    assert Failure(FailureCode.CRASHED, "its worker died").summary() == "its worker died"


@pytest.mark.parametrize(
    ("line", "column", "place"), [(None, None, "a.sql"), (3, None, "a.sql:3"), (3, 14, "a.sql:3:14")]
)
def test_a_place_goes_as_far_as_it_is_known(line: int | None, column: int | None, place: str) -> None:
    assert Failure(FailureCode.SQL_ERROR, "no", file="a.sql", line=line, column=column).place == place


def test_a_failure_answers_what_was_left_and_whether_to_retry_unless_told_otherwise() -> None:
    failure = Failure(FailureCode.SQL_ERROR, "no")
    assert failure.left_behind == "nothing: the step was rolled back by its transaction"
    assert failure.safe_to_retry


def test_the_codes_are_what_programs_read() -> None:
    assert [code.value for code in FailureCode] == [
        "sql_error", "python_error", "lock_timeout", "statement_timeout", "verify_failed", "transaction_ended",
        "uncertain", "crashed", "refused",
    ]  # fmt: skip
