"""When a digest is due: a pure function of the time, the subscriber and the last digest.

The clock only asks; uniqueness of a digest per subscriber and local day is the store's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from digestbot.models import Subscriber, weekdays, zone

# A digest that waits goes out so long before its day ends, at the latest.
_LAST_CALL = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A digest that is to be sent: for which local day, and since when (UTC)."""

    local_day: date
    due_at: datetime


def instant(day: date, at: time, zone_name: str) -> datetime:
    """Return the UTC instant at which a clock on the wall shows ``at`` on ``day``.

    Where the hour occurs twice, the first; where clocks jump over it, the first instant
    after the jump.
    """
    wall = datetime.combine(day, at, tzinfo=zone(zone_name))
    found = wall.astimezone(UTC)
    if found.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    # In a gap PEP 495 reads the wall with the offset from before it (fold 0) or after it (fold 1);
    # the jump lies between the two instants.
    early, late = wall.replace(fold=1).astimezone(UTC), found
    before = early.astimezone(wall.tzinfo).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(wall.tzinfo).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def local_day(now: datetime, zone_name: str) -> date:
    """Return the day it is for somebody in that zone."""
    return now.astimezone(zone(zone_name)).date()


def due(now: datetime, subscriber: Subscriber, last_day: date | None) -> Due | None:
    """Return the digest that is due at ``now``, or ``None`` when there is none.

    A digest that was missed stays due until the end of the reader's local day. ``last_day`` is
    the local day of the newest digest; days only grow, so flying west gives none twice.
    """
    today = local_day(now, subscriber.timezone)
    if today.weekday() not in weekdays(subscriber.days):
        return None
    if last_day is not None and today <= last_day:
        return None
    due_at = instant(today, subscriber.send_at, subscriber.timezone)
    return Due(local_day=today, due_at=due_at) if due_at <= now else None


def deadline(due: Due, subscriber: Subscriber, wait: timedelta) -> datetime:
    """Return until when a digest may wait for papers: so long after it was due, and well within its local day."""
    ends = instant(due.local_day + timedelta(days=1), time(0), subscriber.timezone)
    return max(due.due_at, min(due.due_at + wait, ends - _LAST_CALL))


def next_due(now: datetime, subscriber: Subscriber, last_day: date | None) -> datetime:
    """Return when the next digest is due: ``now`` or later, and at most eight days ahead.

    When the last digest is of a day still to come (after a flight west, or a ``send --at`` in the
    future), the answer may be that there is nothing before eight days from now.
    """
    today = local_day(now, subscriber.timezone)
    chosen = weekdays(subscriber.days)
    for ahead in range(9):
        day = today + timedelta(days=ahead)
        if day.weekday() in chosen and (last_day is None or day > last_day):
            found = instant(day, subscriber.send_at, subscriber.timezone)
            # A wall clock that skips the whole day has no such instant on it.
            if local_day(found, subscriber.timezone) == day:
                return min(max(now, found), now + timedelta(days=8))
    return now + timedelta(days=8)
