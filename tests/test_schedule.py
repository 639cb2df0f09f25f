"""When a digest is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.models import Subscriber
from digestbot.schedule import Due, deadline, due, instant, local_day, next_due
from tests.factories import DAY, subscriber

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Pacific/Apia", "Asia/Kathmandu"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_due_from_the_hour_on_until_the_local_day_ends() -> None:
    reader = subscriber(timezone="Europe/Berlin", send_at=time(7, 0))
    assert due(at("2025-05-27T04:59"), reader, None) is None
    found = due(at("2025-05-27T05:00"), reader, None)
    assert found is not None
    assert found.local_day == date(2025, 5, 27)
    assert due(at("2025-05-27T21:59"), reader, None) == found
    assert due(at("2025-05-27T22:01"), reader, None) is None


def test_a_served_day_is_not_due_again_even_after_a_flight_west() -> None:
    served = date(2025, 5, 27)
    assert due(at("2025-05-27T08:00"), subscriber(), served) is None
    west = subscriber(timezone="America/Los_Angeles", send_at=time(0, 0))
    assert local_day(at("2025-05-27T20:00"), west.timezone) == served
    assert due(at("2025-05-27T20:00"), west, served) is None


def test_days_are_the_readers_own() -> None:
    friday = subscriber(days="weekly")
    assert due(at("2025-05-29T12:00"), friday, None) is None
    assert due(at("2025-05-30T12:00"), friday, None) is not None


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # Clocks jump from 02:00 to 03:00: 02:30 is not there, 03:00 is the first instant after.
        (date(2026, 3, 29), "2026-03-29T01:00:00+00:00"),
        # Clocks fall back from 03:00 to 02:00: 02:30 comes twice, and the first counts.
        (date(2026, 10, 25), "2026-10-25T00:30:00+00:00"),
    ],
)
def test_the_hour_that_is_skipped_or_comes_twice(day: date, expected: str) -> None:
    assert instant(day, time(2, 30), "Europe/Berlin").isoformat() == expected


moments = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))
readers = st.builds(
    lambda zone, at_minute, days: subscriber(timezone=zone, send_at=time(at_minute // 60, at_minute % 60), days=days),
    st.sampled_from(ZONES),
    st.integers(0, 1439),
    st.sampled_from(["daily", "weekdays", "weekly", "mon,thu", "sun"]),
)


@given(moments, readers, st.booleans())
def test_the_next_digest_is_never_before_now_and_at_most_eight_days_ahead(
    now: datetime, reader: Subscriber, served: bool
) -> None:
    last = local_day(now, reader.timezone) if served else None
    found = next_due(now, reader, last)
    assert now <= found <= now + timedelta(days=8)


@given(moments, readers)
def test_what_is_due_now_is_what_was_announced_as_next(now: datetime, reader: Subscriber) -> None:
    found = next_due(now, reader, None)
    one = due(found, reader, None)
    assert one is not None
    assert one.due_at <= found


@given(st.integers(0, 3000), readers)
def test_ticking_through_days_serves_each_chosen_day_once(start: int, reader: Subscriber) -> None:
    # The ticks of this test are half an hour apart; those of the program a minute.
    reader = replace(reader, send_at=reader.send_at.replace(minute=0))
    now = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=start)
    served: list[date] = []
    for _ in range(24 * 9 * 2):
        found = due(now, reader, served[-1] if served else None)
        if found:
            served.append(found.local_day)
        now += timedelta(minutes=30)
    assert served == sorted(set(served))
    assert served


@pytest.mark.parametrize(
    ("send_at", "minutes", "until"),
    [
        (time(7, 0), 0, time(7, 0)),
        (time(7, 0), 90, time(8, 30)),
        (time(22, 0), 180, time(23, 45)),
        # A digest that is due in the last quarter of an hour waits for nothing.
        (time(23, 50), 90, time(23, 50)),
    ],
)
def test_a_digest_waits_to_a_deadline_that_is_well_within_its_day(send_at: time, minutes: int, until: time) -> None:
    reader = subscriber(timezone="Europe/Berlin", send_at=send_at)
    one = Due(local_day=DAY, due_at=instant(DAY, send_at, reader.timezone))
    assert deadline(one, reader, timedelta(minutes=minutes)) == instant(DAY, until, reader.timezone)
