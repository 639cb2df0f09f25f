"""Watch: whether each source gave what it should have by now, and when it is asked next. Pure.

``stale`` is not ``nothing new``: a weekday on which arXiv announces papers and none came is a fault somewhere, a
Sunday without papers is a Sunday.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from digestbot.announcements import EASTERN, Expected, eastern_day, expected

_DAY = timedelta(days=1)
# A source that has brought nothing for so long is not worth waiting for: its silence has been reported.
_ALIVE = timedelta(days=7)
# arXiv's batch of a day is there soon after midnight in New York; somebody is told when it is not so much later.
_ALARM_AFTER = timedelta(hours=3)
# So many weekdays without papers are no holidays any more, in a year whose holidays are not known.
_LONGEST_PAUSE = 3


class State(StrEnum):
    """How a source is doing."""

    OK = "ok"
    NOTHING_NEW = "nothing new"
    STALE = "stale"
    UNKNOWN = "unknown"
    FAILED = "failed"
    NEVER = "never asked"


class History(Protocol):
    """What is known of the loads of a source."""

    @property
    def last_started(self) -> datetime | None: ...
    @property
    def last_success(self) -> datetime | None: ...
    @property
    def last_new(self) -> datetime | None: ...
    @property
    def newest(self) -> date | None: ...
    @property
    def last_error(self) -> str: ...
    @property
    def failing_since(self) -> datetime | None: ...
    @property
    def failures(self) -> int: ...
    @property
    def behind(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A source as the settings have it, and how regular it is.

    ``late`` is how many of arXiv's announcement days it may lag behind, ``None`` for one that promises nothing.
    """

    name: str
    enabled: bool
    late: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often sources are asked, and how long a digest waits for today's papers."""

    load_every: timedelta
    poll_every: timedelta
    wait: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A source and how it is doing; ``next_try`` is ``None`` for one that the scheduler does not ask.

    ``failing_since`` is ``None`` unless the last load failed; ``late`` says that papers of today are missing.
    """

    name: str
    enabled: bool
    state: State
    last_success: datetime | None
    last_new: datetime | None
    newest: date | None
    next_try: datetime | None
    problem: str
    failing_since: datetime | None = None
    late: bool = False


def report(source: Watched, history: History, now: datetime, pace: Pace) -> Report:
    """Return how a source is doing at ``now``."""
    return Report(
        name=source.name,
        enabled=source.enabled,
        state=state_of(source, history, now),
        last_success=history.last_success,
        last_new=history.last_new,
        newest=history.newest,
        next_try=next_try(source, history, now, pace) if source.enabled else None,
        problem=history.last_error or (f"{history.behind}: still of an older day" if _is_behind(history, now) else ""),
        failing_since=history.failing_since,
        late=is_awaited(source, history, now) and expected(eastern_day(now)) == Expected.YES,
    )


def state_of(source: Watched, history: History, now: datetime) -> State:
    """Return the state of a source at ``now``."""
    if history.last_started is None:
        return State.NEVER
    if history.last_error:
        return State.FAILED
    day = _due_day(source, now)
    if day is not None:
        if history.newest is not None and history.newest >= day:
            return State.STALE if _is_behind(history, now) else State.OK
        if expected(day) != Expected.NO:
            surely = expected(day) == Expected.YES or _pause(history.newest, day) > _LONGEST_PAUSE
            return State.STALE if surely else State.UNKNOWN
    came_today = history.last_new is not None and eastern_day(history.last_new) == eastern_day(now)
    return State.OK if came_today else State.NOTHING_NEW


def _is_behind(history: History, now: datetime) -> bool:
    """Return whether today's last good load found parts of the source still showing an older day."""
    success = history.last_success
    return bool(history.behind) and success is not None and eastern_day(success) == eastern_day(now)


def _pause(newest: date | None, day: date) -> int:
    """Return on how many weekdays after ``newest``, up to ``day``, nothing came."""
    if newest is None:
        return 0
    return sum((newest + timedelta(days=ahead)).weekday() < 5 for ahead in range(1, min((day - newest).days, 30) + 1))


def _due_day(source: Watched, now: datetime) -> date | None:
    """Return the day whose papers a source should have given by now, ``None`` when it promises nothing."""
    if source.late is None:
        return None
    day = eastern_day(now)
    for _ in range(source.late):
        day -= _DAY
        while expected(day) == Expected.NO:
            day -= _DAY
    return day


def is_awaited(source: Watched, history: History, now: datetime) -> bool:
    """Return whether today's papers are still to come from a source that is alive."""
    if not source.enabled or source.late != 0:
        return False
    today = eastern_day(now)
    newest = history.newest
    if newest is None or expected(today) == Expected.NO:
        return False
    return today - _ALIVE <= newest < today or (newest >= today and _is_behind(history, now))


def next_try(source: Watched, history: History, now: datetime, pace: Pace) -> datetime:
    """Return when to ask a source: soon while today's papers are awaited or it failed, else at its usual pace.

    One that goes on failing is asked less and less often, down to its usual pace.
    """
    if history.last_started is None or history.last_started > now:
        return now
    wait = pace.load_every
    if history.last_error:
        wait = min(pace.poll_every * 2 ** min(max(history.failures - 1, 0), 10), pace.load_every)
    elif is_awaited(source, history, now):
        wait = min(pace.poll_every, pace.load_every)
    return max(history.last_started + wait, now)


def is_alarming(one: Report, now: datetime) -> bool:
    """Return whether the admin should hear of it: some hours late, failing for as long, or never once there."""
    if not one.enabled or one.state not in (State.FAILED, State.STALE):
        return False
    midnight = datetime.combine(eastern_day(now), datetime.min.time(), tzinfo=EASTERN)
    is_late = now >= midnight.astimezone(UTC) + _ALARM_AFTER
    if one.state == State.STALE:
        return is_late
    lasting = one.failing_since is not None and now - one.failing_since >= _ALARM_AFTER
    return one.last_success is None or lasting or (is_late and one.late)


def alarming(reports: Sequence[Report], now: datetime) -> list[Report]:
    """Return those of the reports that the admin should hear of."""
    return [one for one in reports if is_alarming(one, now)]
