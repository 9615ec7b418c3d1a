"""When an environment may be changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.windows import Window, Windows, closed_at, cron_problem, openness_at, said_duration

NIGHTS = Window("0 22 * * 1-4", timedelta(hours=6), "Europe/Berlin")
FREEZE = Window("0 0 20 12 *", timedelta(days=14), "Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_windows_it_is_always_open() -> None:
    assert closed_at(Windows(), utc("2026-05-01T12:00")) is None


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-05-04T19:59", False),  # a Monday; 22:00 in Berlin is 20:00
        ("2026-05-04T20:00", True),
        ("2026-05-05T01:59", True),
        ("2026-05-05T02:00", False),
        ("2026-05-08T21:00", False),  # a Friday
        ("2026-01-05T20:30", False),  # winter: 22:00 in Berlin is 21:00
        ("2026-01-05T21:00", True),
    ],
)
def test_a_window_opens_by_the_clock_of_its_zone_and_closes_after_its_duration(moment: str, is_open: bool) -> None:
    assert (closed_at(Windows(allow=(NIGHTS,)), utc(moment)) is None) is is_open


def test_who_comes_too_early_is_told_when_it_opens_and_why_it_is_closed() -> None:
    closed = closed_at(Windows(allow=(NIGHTS,)), utc("2026-05-08T09:00"))
    assert closed is not None and closed.opens_at == utc("2026-05-11T20:00")
    assert closed.said() == (
        "allowed only in '0 22 * * 1-4' for 6h (Europe/Berlin); it opens at 2026-05-11T20:00:00+00:00"
    )


def test_what_denies_wins_and_it_opens_when_both_agree() -> None:
    windows = Windows(allow=(NIGHTS,), deny=(FREEZE,))
    closed = closed_at(windows, utc("2026-12-22T22:00"))
    assert closed is not None and closed.why.startswith("denied by '0 0 20 12 *' for 14d")
    # the freeze ends at the third of January, 0:00 in Berlin, a Sunday: the next window is Monday's
    assert closed.opens_at == utc("2027-01-04T21:00")


def test_windows_that_deny_one_after_another_are_waited_for_together() -> None:
    mornings, noons = Window("0 8 * * *", timedelta(hours=4)), Window("0 12 * * *", timedelta(hours=1))
    closed = closed_at(Windows(deny=(mornings, noons)), utc("2026-05-04T09:00"))
    assert closed is not None and closed.opens_at == utc("2026-05-04T13:00")


def test_what_never_opens_is_said_to_be_so() -> None:
    always = Window("0 * * * *", timedelta(hours=2))
    closed = closed_at(Windows(deny=(always,)), utc("2026-05-04T09:00"))
    assert closed is not None and closed.opens_at is None
    assert closed.said().endswith("it does not open within a year")


def test_the_hour_that_summer_time_skips_loses_no_window() -> None:
    skipped = Windows(allow=(Window("30 2 * * *", timedelta(minutes=45), "Europe/Berlin"),))
    assert closed_at(skipped, utc("2026-03-29T01:15")) is None  # 3:15 in Berlin; 2:30 was skipped


def test_the_hour_that_comes_twice_opens_once() -> None:
    twice = Windows(allow=(Window("30 2 * * *", timedelta(minutes=20), "Europe/Berlin"),))
    opened = [
        minute for minute in range(180) if closed_at(twice, utc("2026-10-25T00:00") + timedelta(minutes=minute)) is None
    ]
    assert len(opened) == 20


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_how_often_a_window_has_opened_makes_no_look_longer(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    looks = []

    class Counted(CronSim):
        def __next__(self) -> datetime:
            looks.append(1)
            return super().__next__()

    monkeypatch.setattr("app.domain.windows.CronSim", Counted)
    always = Window("* * * * *", timedelta(days=31), zone)
    closed = closed_at(Windows(deny=(always,)), utc("2026-05-04T09:00"))
    assert closed is not None and closed.opens_at is None
    assert len(looks) < 100


@pytest.mark.parametrize(
    ("text", "fine"), [("0 22 * * 1-4", True), ("0 22 * *", False), ("61 * * * *", False), ("* * * * * *", False)]
)
def test_a_cron_expression_has_five_fields_that_mean_something(text: str, fine: bool) -> None:
    assert (cron_problem(text) is None) is fine


@pytest.mark.parametrize(("minutes", "said"), [(60, "1h"), (90, "90m"), (2880, "2d")])
def test_a_duration_is_said_in_its_largest_unit(minutes: int, said: str) -> None:
    assert said_duration(timedelta(minutes=minutes)) == said


@settings(deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 23),
    st.integers(1, 30),
    st.integers(0, 23),
    st.integers(1, 10),
)
def test_it_opens_at_the_moment_that_was_said_and_not_before(
    now: datetime, allowed: int, hours: int, denied: int, hours_denied: int
) -> None:
    windows = Windows(
        (Window(f"0 {allowed} * * *", timedelta(hours=hours), "America/New_York"),),
        (Window(f"0 {denied} * * *", timedelta(hours=hours_denied), "Asia/Kolkata"),),
    )
    opens = windows.opens_at(now)
    if opens is None:
        return
    assert windows.closed_by(opens) is None
    if opens > now:
        assert windows.closed_by(now) is not None
        assert windows.closed_by(opens - timedelta(seconds=1)) is not None


MORNING, LATE = Window("0 0 * * 2", timedelta(hours=9)), Window("0 23 * * *", timedelta(hours=1))
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


@pytest.mark.parametrize("change", ["2026-04-04T15:00", "2026-10-03T15:30"])
@pytest.mark.parametrize(("cron", "minute", "hours"), [("45 * * * *", 45, 1), ("10 */2 * * *", 10, 2)])
def test_clocks_that_change_by_half_an_hour_close_no_window_early_and_open_none_late(
    change: str, cron: str, minute: int, hours: int
) -> None:
    around = [utc(change) + timedelta(minutes=step) for step in range(-600, 600)]
    local = [(moment, moment.astimezone(LORD_HOWE)) for moment in around]
    starts = [moment for moment, there in local if there.minute == minute and there.hour % hours == 0]
    window = Window(cron, timedelta(minutes=30), "Australia/Lord_Howe")
    for now in around[300:900:7]:
        last, following = max(one for one in starts if one <= now), min(one for one in starts if one > now)
        assert window.ends_at(now) == (last + window.duration if last + window.duration > now else None), now
        assert window.starts_after(now) == following, now


@pytest.mark.parametrize(
    ("windows", "moment", "is_open", "until"),
    [
        (Windows(allow=(NIGHTS,)), "2026-05-04T21:00", True, "2026-05-05T02:00"),
        (Windows(allow=(NIGHTS,)), "2026-05-08T21:00", False, "2026-05-11T20:00"),
        (Windows(deny=(FREEZE,)), "2026-12-01T00:00", True, "2026-12-19T23:00"),
        (Windows(deny=(FREEZE,)), "2026-12-24T00:00", False, "2027-01-02T23:00"),
        (
            Windows(allow=(NIGHTS, Window("0 0 * * 2", timedelta(hours=9)))),
            "2026-05-04T21:00",
            True,
            "2026-05-05T09:00",
        ),
        (
            Windows(allow=(NIGHTS,), deny=(Window("0 23 * * *", timedelta(hours=1)),)),
            "2026-05-04T21:00",
            True,
            "2026-05-04T23:00",
        ),
        (Windows(allow=(Window("* * * * *", timedelta(hours=1)),)), "2026-05-04T21:00", True, None),
    ],
)
def test_it_is_told_whether_it_is_open_and_until_when(
    windows: Windows, moment: str, is_open: bool, until: str | None
) -> None:
    found = openness_at(windows, utc(moment))
    assert found is not None
    assert (found.is_open, found.until) == (is_open, None if until is None else utc(until))


def test_without_windows_there_is_nothing_to_tell() -> None:
    assert openness_at(Windows(), utc("2026-05-04T21:00")) is None
