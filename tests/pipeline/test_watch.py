"""How a source is doing: stale is not nothing new, and when it is asked next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.pipeline.watch import Pace, State, Watched, alarming, is_awaited, next_try, report, state_of
from digestbot.store import LoadHistory

ARXIV = Watched(name="arxiv", enabled=True, late=0)
BIORXIV = Watched(name="biorxiv", enabled=True, late=1)
FEED = Watched(name="lab-notes", enabled=True)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PACE = Pace(load_every=HOUR, poll_every=10 * MINUTE, wait=2 * HOUR)
NEVER = LoadHistory()


def at(day: int, clock: str = "12:00", month: int = 11, year: int = 2026) -> datetime:
    """Return a UTC time of November 2026: Monday is the 16th, the 26th a holiday."""
    return datetime.combine(date(year, month, day), datetime.strptime(clock, "%H:%M").time(), tzinfo=UTC)


def asked(now: datetime, newest: date | None, *, last_new: datetime | None = None, error: str = "") -> LoadHistory:
    """Return what is known of a source that was asked five minutes ago."""
    started = now - 5 * MINUTE
    return LoadHistory(
        last_started=started,
        last_success=started - DAY if error else started,
        last_new=last_new,
        newest=newest,
        last_error=error,
        loads=1,
    )


def state(now: datetime, newest: date | None, source: Watched = ARXIV) -> State:
    return state_of(source, asked(now, newest), now)


def alarms(source: Watched, history: LoadHistory, now: datetime) -> bool:
    one = report(source, history, now, PACE)
    found = alarming([one], now)
    assert found in ([], [one])
    return bool(found)


def nov(day: int) -> date:
    return date(2026, 11, day)


# states


def test_a_source_that_was_never_asked_says_so() -> None:
    assert state_of(ARXIV, NEVER, at(16)) == State.NEVER


@pytest.mark.parametrize("day", range(16, 21))
def test_on_a_weekday_papers_of_that_day_are_fine_and_older_ones_are_stale(day: int) -> None:
    assert state(at(day), nov(day)) == State.OK
    assert state(at(day), nov(day - 1)) == State.STALE
    assert state(at(day), None) == State.STALE


@pytest.mark.parametrize("day", [21, 22])
def test_a_weekend_without_papers_is_nothing_new(day: int) -> None:
    assert state(at(day), nov(20)) == State.NOTHING_NEW


def test_a_whole_week_of_silence_is_stale_on_the_five_days_that_should_have_brought_papers() -> None:
    week = [state(at(day), nov(13)) for day in range(16, 23)]
    assert week == [State.STALE] * 5 + [State.NOTHING_NEW] * 2


def test_a_holiday_without_papers_is_nothing_new_and_the_day_after_is_unknown() -> None:
    assert [state(at(day), nov(25)) for day in (25, 26, 27, 28, 30)] == [
        State.OK,
        State.NOTHING_NEW,
        State.UNKNOWN,
        State.NOTHING_NEW,
        State.STALE,
    ]
    assert state(at(27), nov(27)) == State.OK


def test_in_a_year_that_is_not_listed_a_weekday_without_papers_is_unknown() -> None:
    wednesday = at(10, month=3, year=2032)
    assert state(wednesday, date(2032, 3, 9)) == State.UNKNOWN
    assert state(wednesday, date(2032, 3, 10)) == State.OK
    assert state(at(13, month=3, year=2032), date(2032, 3, 9)) == State.NOTHING_NEW


@pytest.mark.parametrize(
    ("sunday", "midnight"),
    [(datetime(2026, 3, 8, tzinfo=UTC), "04:00"), (datetime(2026, 11, 1, tzinfo=UTC), "05:00")],
    ids=["summer time begins", "summer time ends"],
)
def test_monday_begins_at_midnight_in_new_york_after_the_clocks_changed(sunday: datetime, midnight: str) -> None:
    hours, minutes = map(int, midnight.split(":"))
    monday = sunday + DAY + timedelta(hours=hours, minutes=minutes)
    friday = (sunday - 2 * DAY).date()
    assert state(monday - MINUTE, friday) == State.NOTHING_NEW
    assert state(monday, friday) == State.STALE
    assert not alarms(ARXIV, asked(monday + 3 * HOUR - MINUTE, friday), monday + 3 * HOUR - MINUTE)
    assert alarms(ARXIV, asked(monday + 3 * HOUR, friday), monday + 3 * HOUR)


def test_a_source_of_the_day_before_may_lag_over_weekends_and_holidays() -> None:
    assert state(at(17), nov(16), BIORXIV) == State.OK
    assert state(at(17), nov(13), BIORXIV) == State.STALE
    assert [state(at(day), nov(20), BIORXIV) for day in (21, 22, 23, 24)] == [
        State.OK,
        State.OK,
        State.OK,
        State.STALE,
    ]
    assert state(at(27), nov(25), BIORXIV) == State.OK


def test_a_feed_promises_nothing_and_is_never_stale() -> None:
    assert state(at(18), nov(1), FEED) == State.NOTHING_NEW
    assert state(at(18), None, FEED) == State.NOTHING_NEW
    now = at(18)
    assert state_of(FEED, asked(now, nov(18), last_new=now - HOUR), now) == State.OK


def test_a_failure_is_a_failure_on_any_day_and_is_over_when_it_answers_again() -> None:
    for day in (18, 22, 26):
        now = at(day)
        assert state_of(ARXIV, asked(now, nov(day), error="answered 503"), now) == State.FAILED
    assert state(at(18), nov(18)) == State.OK
    assert state(at(22), nov(20)) == State.NOTHING_NEW


# when it is asked next


def test_a_source_that_was_never_asked_is_asked_now() -> None:
    assert next_try(ARXIV, NEVER, at(16), PACE) == at(16)


def test_while_todays_papers_are_awaited_it_is_asked_often_and_then_at_its_usual_pace() -> None:
    now = at(18)
    assert is_awaited(ARXIV, asked(now, nov(17)), now)
    assert next_try(ARXIV, asked(now, nov(17)), now, PACE) == now + 5 * MINUTE
    assert not is_awaited(ARXIV, asked(now, nov(18)), now)
    assert next_try(ARXIV, asked(now, nov(18)), now, PACE) == now + 55 * MINUTE


@pytest.mark.parametrize("day", [21, 22, 26])
def test_on_a_day_without_announcements_nothing_is_awaited(day: int) -> None:
    now = at(day)
    assert not is_awaited(ARXIV, asked(now, nov(day - 1)), now)
    assert next_try(ARXIV, asked(now, nov(day - 1)), now, PACE) == now + 55 * MINUTE


def test_what_may_come_after_a_holiday_is_awaited() -> None:
    assert is_awaited(ARXIV, asked(at(27), nov(25)), at(27))


def test_nobody_waits_for_a_source_that_is_off_lags_promises_nothing_or_is_long_silent() -> None:
    now = at(18)
    for source in (replace(ARXIV, enabled=False), BIORXIV, FEED):
        assert not is_awaited(source, asked(now, nov(17)), now)
    assert is_awaited(ARXIV, asked(now, nov(11)), now)
    assert not is_awaited(ARXIV, asked(now, nov(10)), now)
    assert not is_awaited(ARXIV, asked(now, None), now)


def test_a_source_that_failed_is_asked_again_soon() -> None:
    now = at(22)
    assert next_try(FEED, asked(now, None, error="no connection"), now, PACE) == now + 5 * MINUTE


def test_polling_is_never_rarer_than_the_usual_pace() -> None:
    now = at(18)
    rare = replace(PACE, poll_every=3 * HOUR)
    assert next_try(ARXIV, asked(now, nov(17)), now, rare) == now + 55 * MINUTE


def test_a_source_that_should_have_been_asked_long_ago_is_asked_now() -> None:
    assert next_try(ARXIV, asked(at(18), nov(18)), at(19), PACE) == at(19)


def test_a_clock_that_was_set_back_does_not_keep_a_source_from_being_asked() -> None:
    assert next_try(ARXIV, asked(at(20), nov(20)), at(18), PACE) == at(18)


@given(
    days=st.integers(0, 400),
    ago=st.integers(-3000, 30_000),
    silent=st.none() | st.integers(0, 10),
    error=st.sampled_from(["", "answered 503"]),
    source=st.sampled_from([ARXIV, BIORXIV, FEED]),
)
def test_the_next_try_is_never_in_the_past_and_never_further_than_the_usual_pace(
    days: int, ago: int, silent: int | None, error: str, source: Watched
) -> None:
    now = at(1, month=1) + days * DAY
    started = now - ago * MINUTE
    newest = None if silent is None else (now - silent * DAY).date()
    history = LoadHistory(last_started=started, newest=newest, last_error=error)
    assert now <= next_try(source, history, now, PACE) <= now + PACE.load_every


def test_a_source_that_is_off_has_no_next_try() -> None:
    off = replace(ARXIV, enabled=False)
    assert report(off, asked(at(18), nov(17)), at(18), PACE).next_try is None
    assert report(ARXIV, asked(at(18), nov(17)), at(18), PACE).next_try == at(18, "12:05")


def test_a_report_says_what_is_known() -> None:
    now = at(18)
    made = report(ARXIV, asked(now, nov(17), last_new=at(17), error="answered 503"), now, PACE)
    assert (made.name, made.enabled, made.state) == ("arxiv", True, State.FAILED)
    assert (made.last_success, made.last_new, made.newest) == (now - 5 * MINUTE - DAY, at(17), nov(17))
    assert made.problem == "answered 503"


# what the admin hears of


def test_a_stale_source_alarms_some_hours_after_midnight_in_new_york() -> None:
    assert not alarms(ARXIV, asked(at(18, "07:59"), nov(17)), at(18, "07:59"))
    assert alarms(ARXIV, asked(at(18, "08:00"), nov(17)), at(18, "08:00"))


def test_a_silent_weekend_a_holiday_and_the_day_after_alarm_nobody() -> None:
    assert [day for day in range(16, 31) if alarms(ARXIV, asked(at(day), nov(13)), at(day))] == [
        *range(16, 21),
        *range(23, 26),
        # After so many days it is not the holiday any more.
        27,
        30,
    ]


def test_a_source_that_fails_alarms_when_it_has_for_some_hours_or_was_never_there() -> None:
    now = at(22)
    failing = asked(now, nov(20), error="answered 503")
    assert not alarms(ARXIV, failing, now)
    assert alarms(ARXIV, replace(failing, failing_since=now - 3 * HOUR), now)
    assert not alarms(ARXIV, replace(failing, failing_since=now - 3 * HOUR + MINUTE), now)
    assert alarms(ARXIV, replace(failing, last_success=None), now)


def test_a_source_that_fails_when_todays_papers_are_late_alarms_at_once() -> None:
    failing = asked(at(18), nov(17), error="answered 503")
    assert alarms(ARXIV, failing, at(18))
    assert not alarms(ARXIV, failing, at(18, "06:00"))
    assert not alarms(ARXIV, replace(failing, newest=nov(18)), at(18))


def test_one_category_of_an_older_day_is_stale_and_awaited_until_a_load_finds_it() -> None:
    now = at(18)
    history = replace(asked(now, nov(18)), behind="cs.IR")
    one = report(ARXIV, history, now, PACE)
    assert (one.state, one.problem) == (State.STALE, "cs.IR: still of an older day")
    assert is_awaited(ARXIV, history, now)
    assert alarms(ARXIV, history, now)
    # Of yesterday's load it says nothing about today.
    assert state_of(ARXIV, replace(history, last_success=at(17)), now) == State.OK


def test_silence_in_a_year_whose_holidays_are_not_known_is_told_after_some_days() -> None:
    def in_2031(day: int) -> State:
        now = at(day, month=3, year=2031)
        return state_of(ARXIV, asked(now, date(2031, 3, 3)), now)

    # The 3rd is a Monday.
    assert [in_2031(day) for day in (4, 5, 6)] == [State.UNKNOWN] * 3
    assert [in_2031(day) for day in (7, 10)] == [State.STALE] * 2
    assert in_2031(8) == State.NOTHING_NEW


def test_a_source_that_goes_on_failing_is_asked_less_and_less_often() -> None:
    now = at(22)
    failing = replace(asked(now, nov(20), error="answered 503"), last_started=now)
    waits = [next_try(ARXIV, replace(failing, failures=many), now, PACE) - now for many in (1, 2, 3, 4, 900)]
    assert waits == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, HOUR]


def test_a_source_that_recovered_was_never_asked_or_is_off_alarms_nobody() -> None:
    now = at(18)
    assert not alarms(ARXIV, asked(now, nov(18)), now)
    assert not alarms(ARXIV, NEVER, now)
    assert not alarms(replace(ARXIV, enabled=False), asked(now, nov(1), error="answered 503"), now)


def test_only_those_that_alarm_are_named_in_their_order() -> None:
    now = at(18)
    reports = [
        report(FEED, replace(asked(now, None, error="no connection"), failing_since=now - DAY), now, PACE),
        report(BIORXIV, asked(now, nov(17)), now, PACE),
        report(ARXIV, asked(now, nov(17)), now, PACE),
    ]
    assert [one.name for one in alarming(reports, now)] == ["lab-notes", "arxiv"]
