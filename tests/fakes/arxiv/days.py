"""The clock of the simulated arXiv: which days announce, and when a day's batch is closed, mailed and shown.

All in US Eastern, as help/availability.html has it; moments are returned in UTC.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
DAY = timedelta(days=1)


def eastern(day: date, at: time = time(0)) -> datetime:
    return datetime.combine(day, at, tzinfo=EASTERN).astimezone(UTC)


def eastern_day(now: datetime) -> date:
    return now.astimezone(EASTERN).date()


def announces(day: date, holidays: Collection[date]) -> bool:
    return day.weekday() < 5 and day not in holidays


def announcement_days(first: date, last: date, holidays: Collection[date]) -> list[date]:
    days = (first + DAY * number for number in range((last - first).days + 1))
    return [day for day in days if announces(day, holidays)]


def closing(day: date) -> datetime:
    """Return when submissions for an announcement day close: at 14:00 on the last weekday before it."""
    eve = day - DAY
    while eve.weekday() >= 5:
        eve -= DAY
    return eastern(eve, time(14))


def window(day: date, holidays: Collection[date]) -> tuple[datetime, datetime]:
    """Return from when until when one submitted for this announcement day."""
    before = day - DAY
    while not announces(before, holidays):
        before -= DAY
    return closing(before), closing(day)


def mailed(day: date) -> datetime:
    """Return when a batch is announced: the evening before its day. In UTC that is the day itself."""
    return eastern(day - DAY, time(20))


def indexed(day: date) -> datetime:
    """Return when OAI knows a batch."""
    return eastern(day - DAY, time(22, 30))


def midnight_after(moment: datetime) -> datetime:
    """Return the next midnight Eastern, when feeds and the API are rebuilt."""
    return eastern(eastern_day(moment) + DAY)
