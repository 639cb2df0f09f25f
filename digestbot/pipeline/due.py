"""Due: whose digest it is time for.

Only the store and the calendar are asked: what ranks takes seconds to load, and most of the time nobody is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from digestbot import schedule
from digestbot.models import EVERYONE, Subscriber
from digestbot.schedule import Due


class SubscriberStore(Protocol):
    """Reads who may be due."""

    def active_with_last_day(self, *, among: range = ...) -> Iterator[tuple[Subscriber, date | None]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Papers of a day that are still to come, and how long a digest that is due waits for them."""

    day: date
    wait: timedelta


def due(
    subscribers: SubscriberStore,
    now: datetime,
    *,
    only: str | None = None,
    awaited: Awaited | None = None,
    among: range = EVERYONE,
) -> Iterator[tuple[Subscriber, Due]]:
    """Yield who is due at ``now`` and not served yet, by subscriber id, of those with ids in ``among``.

    ``only`` is the address of the one who counts. Those whose digest can wait for papers that are ``awaited`` are left
    out.
    """
    for subscriber, last_day in subscribers.active_with_last_day(among=among):
        if only is not None and subscriber.email.lower() != only.lower():
            continue
        found = schedule.due(now, subscriber, last_day)
        if found is not None and not (awaited and _waits(subscriber, found, awaited, now)):
            yield subscriber, found


def _waits(subscriber: Subscriber, due: Due, awaited: Awaited, now: datetime) -> bool:
    # In a digest of an earlier day the papers could not be anyway.
    return due.local_day >= awaited.day and now < schedule.deadline(due, subscriber, awaited.wait)
