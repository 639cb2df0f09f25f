"""The time: the clock, and what the options of commands say instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from digestbot.errors import UsageError

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time. The only reading of the clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """A clock that stands still. It can be sent to another process."""

    at: datetime

    def __call__(self) -> datetime:
        """Return its time."""
        return self.at


def parse_at(text: str | None) -> datetime:
    """Return the time of ``--at``: ISO 8601, UTC when it names no zone; without it, now."""
    if text is None:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--at '{text}' is not a time; use 2025-05-27T07:00 or 2025-05-27T07:00+02:00") from error
    # Windows of days and time zones are counted from here, and must stay within what a date can be.
    if not 1900 <= moment.year <= 9000:
        raise UsageError(f"--at '{text}' is too far away")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def parse_day(option: str, text: str | None) -> date | None:
    """Return the day that an option names, ``None`` when it was not given."""
    if text is None:
        return None
    try:
        # fromisoformat alone would also take 20250520 and 2025-W21-2.
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise UsageError(f"{option} '{text}' is not a day; use YYYY-MM-DD") from error
