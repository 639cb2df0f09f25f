"""arXiv's announcement days: when new papers are to be expected, and when not. Pure.

An announcement day is a day of arXiv's listings and feeds, in US Eastern time: what is mailed on Sunday to Thursday
evening at 20:00 is dated the day after. Source: info.arxiv.org/help/availability.html.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")

# By year, the weekdays on which arXiv announces nothing. Of a year that is not listed we do not know.
HOLIDAYS: dict[int, frozenset[date]] = {
    2026: frozenset(
        date(2026, month, day)
        for month, day in ((1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31))
    ),
}

_SUBMIT_UNTIL = time(14, 0)
_DAY = timedelta(days=1)


class Expected(StrEnum):
    """Whether a day should bring new papers."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def eastern_day(now: datetime) -> date:
    """Return arXiv's day: its feed of the day begins at midnight there."""
    return now.astimezone(EASTERN).date()


def expected(day: date) -> Expected:
    """Return whether arXiv announces new papers on a day.

    Of the day after a holiday we are not sure: arXiv lists the days of deferred mailings, and a mailing leaves in the
    evening before the day that its papers are dated.
    """
    if day.weekday() >= 5:
        return Expected.NO
    holidays = HOLIDAYS.get(day.year)
    if holidays is None:
        return Expected.UNKNOWN
    if day in holidays:
        return Expected.NO
    return Expected.UNKNOWN if day - _DAY in HOLIDAYS.get((day - _DAY).year, ()) else Expected.YES


def announcement_day(submitted: datetime) -> date:
    """Return the day that a paper submitted at this moment is announced, when nothing holds it up.

    What comes in until 14:00 Eastern is mailed that evening at 20:00 and is of the day after; what comes in on
    Friday until 14:00 waits for Sunday evening, and later on the weekend for Monday evening.
    """
    local = submitted.astimezone(EASTERN)
    closing = local.date() if local.time() < _SUBMIT_UNTIL else local.date() + _DAY
    while closing.weekday() >= 5:
        closing += _DAY
    day = closing + _DAY
    while expected(day) == Expected.NO:
        day += _DAY
    return day
