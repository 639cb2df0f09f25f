"""Scanners: the contract, and the law that a scanner leaves no trace in what counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestbot.models import DISLIKE, LIKE
from digestbot.store import Store
from tests.factories import NOW, new_store
from tests.store.contract.scanners import (
    QUIET,
    Press,
    ScannersContract,
    Value,
    everything,
    mail,
    ratings,
    record,
    values,
)

PAPERS = 4
VALUES = st.sampled_from([LIKE, DISLIKE, 0])
# Presses, each with the seconds after which it comes.
Timed = list[tuple[Press, float]]


class TestScanners(ScannersContract):
    """``store`` is a file in a temporary folder."""


@st.composite
def timed(draw: st.DrawFn, presses: st.SearchStrategy[list[Press]], seconds: float) -> Timed:
    """Return presses within so many seconds, in their order; some come at the same time."""
    drawn = draw(presses)
    moments = draw(st.lists(st.floats(0, seconds), min_size=len(drawn), max_size=len(drawn)))
    return list(zip(drawn, sorted(moments), strict=True))


def clicks(first: int) -> st.SearchStrategy[list[Press]]:
    """Anything a person may say of the papers from this place on."""
    return st.lists(st.tuples(st.integers(first, PAPERS - 1), VALUES), max_size=5)


def bursts() -> st.SearchStrategy[list[Press]]:
    """Every button in any order, some of them again, and some Clear and Undo between them."""
    return clicks(0).flatmap(lambda more: st.permutations([*everything(PAPERS), *more]))


# Two papers that were not marked before are enough to tell it: see presses_everything.
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    earlier=timed(clicks(2), 600),
    burst=timed(bursts(), 30),
    later=timed(clicks(0), 600),
)
def test_after_a_scanner_the_ratings_are_those_of_the_persons_clicks_alone(
    store: Store, earlier: Timed, burst: Timed, later: Timed
) -> None:
    scanned, alone = mail(store, PAPERS), mail(store, PAPERS)

    def say(presses: Timed, start: datetime, *, by_person: bool = True) -> datetime:
        last = start
        for (place, value), seconds in presses:
            last = start + timedelta(seconds=seconds)
            record(store, scanned, {place: value}, last)
            if by_person:
                record(store, alone, {place: value}, last)
        return last

    last = say(earlier, NOW)
    last = say(burst, last + QUIET, by_person=False)
    say(later, last + QUIET)
    assert [(one.paper_id, one.value, one.rated_at) for one in ratings(store, scanned)] == [
        (one.paper_id, one.value, one.rated_at) for one in ratings(store, alone)
    ]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=timed(clicks(0), 60))
def test_whoever_leaves_one_paper_alone_is_never_taken_for_a_scanner(store: Store, said: Timed) -> None:
    made = mail(store, PAPERS + 1)
    expected: dict[int, Value] = {}
    for (place, value), seconds in said:
        record(store, made, {place: value}, NOW + timedelta(seconds=seconds))
        expected[place] = value
    assert values(store, made) == {place: value for place, value in expected.items() if value}


def test_a_link_that_was_passed_on_and_is_pressed_for_ever_stays_quick(store: Store) -> None:
    made = mail(store)
    flood = [(made.subscriber_id, made.items[0].paper.id, 1 - 2 * (number % 2), made.id) for number in range(20_000)]
    with store.database.write() as connection:
        connection.executemany(
            "insert into rating_events (subscriber_id, paper_id, value, rated_at, origin, digest_id)"
            " values (?, ?, ?, '2025-05-27T08:00:00.000000Z', 'mail', ?)",
            flood,
        )
    read = 0

    def count_steps() -> int:
        nonlocal read
        read += 1
        return 0

    # Counted in steps of SQLite's machine, which are the same on every computer.
    store.database.connection.set_progress_handler(count_steps, 1_000)
    record(store, made, {1: LIKE})
    assert read < 100


def test_a_clock_that_is_set_back_a_little_does_not_hide_a_scanner(store: Store) -> None:
    made = mail(store)
    for place, value in everything():
        record(store, made, {place: value}, NOW - timedelta(seconds=place))
    assert values(store, made) == {}


def test_a_clock_that_is_set_back_a_lot_makes_nobody_a_scanner(store: Store) -> None:
    made = mail(store)
    for value, now in ((LIKE, NOW), (DISLIKE, NOW - timedelta(hours=1))):
        record(store, made, dict.fromkeys(range(3), value), now)
    assert values(store, made) == dict.fromkeys(range(3), DISLIKE)


def test_the_log_tells_of_a_scanner_once(store: Store) -> None:
    made = mail(store)
    with structlog.testing.capture_logs() as lines:
        for place, value in everything() * 2:
            record(store, made, {place: value})
    assert [(line["log_level"], line["subscriber"], line["events"]) for line in lines] == [
        ("info", made.subscriber_id, 6)
    ]


def test_what_was_recognised_is_known_when_the_program_starts_again(store: Store) -> None:
    made = mail(store)
    for place, value in everything():
        record(store, made, {place: value})
    again = new_store(store.database.path)
    try:
        assert record(again, made, {0: LIKE}) == {}
        assert values(again, made) == {}
    finally:
        again.close()
