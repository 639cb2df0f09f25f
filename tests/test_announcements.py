"""arXiv's calendar: when a paper is announced, and which days bring papers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestbot.announcements import EASTERN, HOLIDAYS, Expected, announcement_day, eastern_day, expected

DAY = timedelta(days=1)
MOMENTS = st.datetimes(datetime(2025, 12, 20), datetime(2027, 1, 20), timezones=st.just(UTC))


def eastern(text: str) -> datetime:
    """Return a time of the week from Monday, 9 November 2026: ``Fri 13:59``."""
    name, _, clock = text.partition(" ")
    day = date(2026, 11, 9 + ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(name))
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), tzinfo=EASTERN)


@pytest.mark.parametrize(
    ("submitted", "announced"),
    [
        ("Mon 13:59", 10),
        ("Mon 14:00", 11),
        ("Tue 13:59", 11),
        ("Tue 14:00", 12),
        ("Wed 14:00", 13),
        ("Thu 13:59", 13),
        ("Thu 14:00", 16),
        ("Fri 13:59", 16),
        ("Fri 14:00", 17),
        ("Sat 09:00", 17),
        ("Sun 23:59", 17),
    ],
)
def test_a_paper_is_of_the_day_after_the_evening_that_arxiv_mails_it(submitted: str, announced: int) -> None:
    assert announcement_day(eastern(submitted)) == date(2026, 11, announced)


def test_what_would_be_of_a_holiday_is_of_the_next_day_with_papers() -> None:
    wednesday_morning = datetime(2026, 11, 25, 10, 0, tzinfo=EASTERN)
    assert announcement_day(wednesday_morning) == date(2026, 11, 27)
    assert announcement_day(datetime(2026, 12, 24, 10, 0, tzinfo=EASTERN)) == date(2026, 12, 28)


def test_the_deadline_is_on_the_clock_of_new_york_in_summer_and_in_winter() -> None:
    assert announcement_day(datetime(2026, 7, 7, 17, 59, tzinfo=UTC)) == date(2026, 7, 8)
    assert announcement_day(datetime(2026, 7, 7, 18, 0, tzinfo=UTC)) == date(2026, 7, 9)
    assert announcement_day(datetime(2026, 11, 10, 18, 59, tzinfo=UTC)) == date(2026, 11, 11)
    assert announcement_day(datetime(2026, 11, 10, 19, 0, tzinfo=UTC)) == date(2026, 11, 12)


@given(submitted=MOMENTS)
@example(submitted=datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
def test_a_paper_is_announced_after_its_submission_on_a_weekday_that_is_no_holiday(submitted: datetime) -> None:
    day = announcement_day(submitted)
    assert eastern_day(submitted) < day <= eastern_day(submitted) + 6 * DAY
    assert day.weekday() < 5
    assert day not in HOLIDAYS.get(day.year, ())


@given(first=MOMENTS, second=MOMENTS)
@example(first=datetime(2026, 11, 1, 5, 30, tzinfo=UTC), second=datetime(2026, 11, 1, 6, 30, tzinfo=UTC))
def test_who_submits_later_is_not_announced_earlier(first: datetime, second: datetime) -> None:
    early, late = sorted([first, second])
    assert announcement_day(early) <= announcement_day(late)


def test_weekdays_bring_papers_and_weekends_none() -> None:
    week = [expected(date(2026, 11, 16) + number * DAY) for number in range(7)]
    assert week == [Expected.YES] * 5 + [Expected.NO] * 2


def test_a_holiday_brings_none_and_of_the_day_after_nobody_is_sure() -> None:
    assert expected(date(2026, 11, 25)) == Expected.YES
    assert expected(date(2026, 11, 26)) == Expected.NO
    assert expected(date(2026, 11, 27)) == Expected.UNKNOWN
    assert expected(date(2026, 11, 30)) == Expected.YES


@given(day=st.dates(date(2030, 1, 1), date(2060, 1, 1)))
def test_of_a_year_that_is_not_listed_only_the_weekends_are_known(day: date) -> None:
    assert expected(day) == (Expected.NO if day.weekday() >= 5 else Expected.UNKNOWN)


def test_every_holiday_is_a_weekday_of_its_year() -> None:
    for year, days in HOLIDAYS.items():
        assert {day.year for day in days} == {year}
        assert all(day.weekday() < 5 for day in days)


def test_the_day_begins_at_midnight_in_new_york() -> None:
    assert eastern_day(datetime(2026, 11, 20, 4, 59, tzinfo=UTC)) == date(2026, 11, 19)
    assert eastern_day(datetime(2026, 11, 20, 5, 0, tzinfo=UTC)) == date(2026, 11, 20)
    assert eastern_day(datetime(2026, 7, 7, 4, 0, tzinfo=UTC)) == date(2026, 7, 7)
