"""A day counts as in when its papers were seen: not because a clock says so, and not because nobody says no."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from digestbot.store import Store
from tests.factories import load
from tests.fakes.arxiv import Arxiv, World, lagging_dates
from tests.fakes.server import Answer, serving, unavailable
from tests.sources.arxiv.conftest import QUIET, WORLD, Installation, eastern
from tests.sources.arxiv.days import (
    DAY,
    FRIDAY,
    MONDAY,
    NEXT_MONDAY,
    SUNDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
)


def no_records(answer: Answer) -> Answer:
    head, _, _ = answer.body.partition(b"<ListRecords>")
    return replace(answer, body=head + b'<error code="noRecordsMatch">none</error></OAI-PMH>')


def test_a_gap_of_which_oai_knows_nothing_stays_a_gap(installation: Installation) -> None:
    installation.load(MONDAY)
    installation.arxiv.oai.fail(no_records, no_records, no_records)
    installation.load(WEDNESDAY)
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)


def test_a_first_load_on_a_sunday_is_no_proof_of_the_days_before(installation: Installation) -> None:
    installation.load(SUNDAY)
    installation.arxiv.feed.fail(installation.arxiv.feed.stale_day)
    installation.load(NEXT_MONDAY)
    installation.load(NEXT_MONDAY + DAY)
    stored = installation.stored
    of_friday = {name: day for name, day in installation.announced(FRIDAY, FRIDAY).items() if name in stored}
    assert of_friday
    assert stored == of_friday | installation.announced(NEXT_MONDAY, NEXT_MONDAY + DAY)


@pytest.mark.parametrize("clock", [date(2000, 1, 1), date(2025, 6, 8), MONDAY - 2 * DAY])
def test_a_feed_from_the_future_means_that_our_clock_is_wrong(installation: Installation, clock: date) -> None:
    loaded = installation.load(MONDAY, clock=clock, fails=True)
    assert f"the feed is of {MONDAY}, and for us it is {clock}" in loaded.error
    installation.load(MONDAY)
    installation.load(TUESDAY, clock=clock, fails=True)
    installation.load(WEDNESDAY)
    assert installation.stored == installation.announced(MONDAY, WEDNESDAY)


def test_a_clock_that_is_a_day_behind_misdates_nothing(installation: Installation) -> None:
    installation.load(MONDAY)
    installation.load(TUESDAY, clock=MONDAY)
    installation.load(WEDNESDAY)
    assert installation.stored == installation.announced(MONDAY, WEDNESDAY)


def test_a_clock_that_is_ahead_hides_no_day(installation: Installation) -> None:
    installation.load(MONDAY)
    installation.load(TUESDAY, clock=NEXT_MONDAY)
    installation.load(NEXT_MONDAY + DAY)
    assert installation.stored == installation.announced(MONDAY, NEXT_MONDAY + DAY)


def test_a_first_load_with_a_clock_that_is_ahead_hides_no_day(installation: Installation) -> None:
    installation.load(MONDAY, clock=NEXT_MONDAY)
    installation.load(FRIDAY)
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


@pytest.mark.parametrize("free", [date(2026, 11, 26), date(2026, 11, 27)])
@pytest.mark.parametrize("off", [date(2026, 11, 26), date(2026, 11, 27)])
def test_whichever_day_of_a_holiday_is_free_the_other_is_not_lost(
    store: Store, tmp_path: Path, free: date, off: date
) -> None:
    world = World(
        date(2026, 11, 23), date(2026, 12, 4), papers_a_day=10, categories=WORLD, rates=QUIET, holidays={free}
    )
    with serving(Arxiv(world=world)) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path)
        for day in (date(2026, 11, 23) + DAY * number for number in range(9)):
            if day != off:
                installation.load(day)
        assert installation.stored == installation.announced(date(2026, 11, 23), date(2026, 12, 1))


def test_one_category_that_fails_does_not_stop_the_others(installation: Installation) -> None:
    installation.load(MONDAY)
    for day in (WEDNESDAY, THURSDAY):
        installation.arxiv.oai.faults.clear()
        installation.arxiv.oai.fail(unavailable())
        installation.load(day, fails=True)
    others = ("stat.ML", "hep-th")
    truth = installation.arxiv.world.announced(others, THURSDAY)
    assert {name for name, day in truth.items() if day >= MONDAY} <= installation.stored.keys()
    installation.arxiv.oai.faults.clear()
    installation.load(FRIDAY)
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_when_oai_is_down_it_is_not_asked_for_every_category(installation: Installation) -> None:
    installation.load(MONDAY)
    installation.arxiv.oai.fail(*[unavailable()] * 10)
    assert installation.asked == (1, 0)
    installation.load(WEDNESDAY, fails=True)
    assert installation.asked == (1, 2)


def test_a_long_fill_that_breaks_off_goes_on_where_it_was(installation: Installation) -> None:
    installation.categories = ("cs.CL",)
    installation.load(MONDAY)
    installation.arxiv.oai.page_size = 10
    installation.arxiv.oai.fail(None, None, None, unavailable())
    later = MONDAY + 14 * DAY
    installation.load(later, fails=True)
    installation.arxiv.oai.asked.clear()
    installation.load(later)
    begun = date.fromisoformat(installation.arxiv.oai.asked[0].value("from"))
    assert begun > TUESDAY
    assert installation.stored == installation.announced(MONDAY, later)


def test_a_date_that_lags_into_the_weekend_is_of_monday(installation: Installation) -> None:
    installation.load(FRIDAY)
    installation.arxiv.feed.fail(lagging_dates)
    installation.load(NEXT_MONDAY)
    assert installation.stored == installation.announced(FRIDAY, NEXT_MONDAY)


def test_a_category_of_an_older_day_is_told_until_it_is_not(installation: Installation) -> None:
    installation.load_each(MONDAY, TUESDAY)
    installation.arxiv.feed.fail(installation.arxiv.feed.stale_category("cs.CL"))
    assert installation.load(WEDNESDAY).behind == ["cs.CL"]
    assert installation.load(eastern(WEDNESDAY, 9)).behind == []


def test_a_gap_of_years_is_filled_for_the_last_two_months(installation: Installation) -> None:
    installation.load(MONDAY)
    old = dict.fromkeys(["cs.CL", "stat.ML", "hep-th"], "2020-01-01")
    installation.store.loads.record(load(started_at=eastern(TUESDAY), cursor=json.dumps(old)))
    installation.load(WEDNESDAY)
    asked = {request.value("from") for request in installation.arxiv.oai.asked if "from" in request.query}
    assert asked == {(WEDNESDAY - 60 * DAY).isoformat()}
    installation.arxiv.oai.asked.clear()
    installation.load(THURSDAY)
    assert installation.arxiv.oai.asked == []


def revised_world() -> World:
    return World(MONDAY, NEXT_MONDAY + 10 * DAY, papers_a_day=20, categories=WORLD, rates=replace(QUIET, replaced=0.5))


@pytest.mark.parametrize("breaks", [True, False])
def test_a_load_since_a_later_day_makes_no_gap_forgotten(store: Store, tmp_path: Path, breaks: bool) -> None:
    with serving(Arxiv(world=revised_world())) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path, categories=("cs.CL",))
        installation.load(MONDAY)
        arxiv.oai.page_size = 10
        # A first try fills a part of the gap.
        arxiv.oai.fail(None, None, None, unavailable())
        installation.load(NEXT_MONDAY, fails=True)
        arxiv.oai.faults.clear()
        if breaks:
            arxiv.oai.fail(None, unavailable())
        installation.load(NEXT_MONDAY, since=FRIDAY, fails=breaks)
        arxiv.oai.faults.clear()
        installation.load(NEXT_MONDAY + DAY)
        assert installation.stored.keys() == installation.announced(MONDAY, NEXT_MONDAY + DAY).keys()


def test_papers_edited_today_do_not_make_today_look_served(store: Store, tmp_path: Path) -> None:
    world = World(
        MONDAY, NEXT_MONDAY, papers_a_day=20, categories=WORLD, rates=replace(QUIET, edited=0.5, replaced=0.0)
    )
    with serving(Arxiv(world=world)) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path)
        installation.load(MONDAY)
        arxiv.feed.fail(arxiv.feed.stale_day)
        # After the edits of the day, and before the papers of the next one.
        loaded = installation.load(eastern(WEDNESDAY, 17), clock=THURSDAY)
        assert loaded.new
        assert loaded.newest is not None
        assert loaded.newest < THURSDAY
