"""arXiv as one source: what a load asks for, and that each paper is stored once and on its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digestbot.store import Store
from tests.fakes.arxiv import Arxiv, Rates, World
from tests.fakes.server import serving
from tests.sources.arxiv.conftest import FIRST, FOLLOWED, LAST, QUIET, WORLD, Installation, eastern
from tests.sources.arxiv.days import (
    DAY,
    FRIDAY,
    HOLIDAY,
    MONDAY,
    NEXT_MONDAY,
    SATURDAY,
    SUNDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
)


def test_the_first_load_is_todays_feed_alone_in_one_request(installation: Installation) -> None:
    loaded = installation.load(WEDNESDAY)
    assert installation.asked == (1, 0)
    assert installation.stored == installation.announced(WEDNESDAY, WEDNESDAY)
    assert (loaded.new, loaded.newest) == (len(installation.stored), WEDNESDAY)


def test_all_categories_are_asked_for_in_one_address(installation: Installation) -> None:
    installation.load(WEDNESDAY)
    (request,) = installation.arxiv.feed.asked
    assert request.path == "/atom/cs.CL+stat.ML+hep-th"


def test_a_load_a_day_needs_no_oai(installation: Installation) -> None:
    installation.load_each(MONDAY, FRIDAY)
    assert installation.asked == (5, 0)
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_a_second_load_on_a_day_gives_nothing_new(installation: Installation) -> None:
    installation.load(WEDNESDAY)
    before = installation.stored
    again = installation.load(eastern(WEDNESDAY, 15))
    assert (again.new, again.updated, again.error) == (0, 0, "")
    assert installation.stored == before
    assert installation.asked == (2, 0)


@pytest.mark.parametrize("back", [WEDNESDAY, FRIDAY, SATURDAY, NEXT_MONDAY])
def test_missed_days_are_filled_without_being_told(installation: Installation, back: date) -> None:
    installation.load(MONDAY)
    loaded = installation.load(back)
    assert installation.stored == installation.announced(MONDAY, back)
    assert loaded.asked[1:] == [f"OAI-PMH {category} from {TUESDAY}" for category in FOLLOWED]
    assert installation.load(back + DAY).error == ""


def test_a_gap_is_filled_once(installation: Installation) -> None:
    installation.load(MONDAY)
    installation.load(THURSDAY)
    assert installation.asked[1] > 0
    installation.load(eastern(THURSDAY, 12))
    installation.load(FRIDAY)
    assert installation.asked == (2, 0)


@pytest.mark.parametrize(("before", "free"), [(FRIDAY, [SATURDAY, SUNDAY]), (HOLIDAY - DAY, [HOLIDAY, HOLIDAY + DAY])])
def test_days_without_announcement_make_no_gap(installation: Installation, before: date, free: list[date]) -> None:
    installation.load(before)
    for day in free:
        assert installation.load(day).new == 0
    installation.load(free[-1] + DAY * (7 - free[-1].weekday()))
    assert installation.asked == (2 + len(free), 0)


def test_a_weekend_without_loads_makes_no_gap(installation: Installation) -> None:
    installation.load(FRIDAY)
    installation.load(NEXT_MONDAY)
    assert installation.asked == (2, 0)
    assert installation.stored == installation.announced(FRIDAY, NEXT_MONDAY)


def test_replacements_change_the_text_and_never_the_day(installation: Installation) -> None:
    world = installation.arxiv.world
    installation.load_each(FIRST, FRIDAY)
    replaced = [line.paper for line in world.batch(FRIDAY) if line.action == "replace" and line.paper.version < 6]
    known = [state for state in replaced if f"arxiv:{state.id}" in installation.stored]
    assert known
    papers = installation.store.papers.get([f"arxiv:{state.id}" for state in known])
    for state in known:
        paper = papers[f"arxiv:{state.id}"]
        assert (paper.title, paper.abstract) == (state.title, state.abstract)
        assert (paper.announced < FRIDAY, paper.revision > 1) == (True, True)
    assert len(known) < len(replaced), "those of papers nobody loaded are no papers here"
    assert installation.stored == installation.announced(FIRST, FRIDAY)


def test_replacements_found_by_oai_change_the_text_and_never_the_day(installation: Installation) -> None:
    installation.load_each(FIRST, MONDAY)
    installation.load(FRIDAY)
    states = installation.arxiv.world.papers()
    stored = installation.store.papers.get(list(installation.stored))
    assert any(len(states[name].versions) > 1 for name in stored)
    assert {name: paper.abstract for name, paper in stored.items()} == {name: states[name].abstract for name in stored}
    assert installation.stored == installation.announced(FIRST, FRIDAY)


def test_without_cross_lists_only_primary_categories_count(installation: Installation) -> None:
    installation.options = {"cross_lists": False}
    installation.load_each(MONDAY, TUESDAY)
    installation.load_each(FRIDAY, NEXT_MONDAY)
    truth = installation.announced(MONDAY, NEXT_MONDAY)
    assert installation.stored == truth
    assert len(truth) < len(replace(installation, options={}).announced(MONDAY, NEXT_MONDAY))


def test_an_archive_is_followed_with_all_its_categories(installation: Installation) -> None:
    installation.categories = ("cs", "math.OC")
    installation.load(MONDAY)
    installation.load_each(THURSDAY, FRIDAY)
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_bulk_edits_announce_nothing(store: Store, tmp_path: Path) -> None:
    rates = Rates(held=0, cross_listed=0, replaced=0, edited=0, old_replaced=1, bulk_edited=4, bulk_every=1, deleted=1)
    world = World(MONDAY, FRIDAY, papers_a_day=10, categories=WORLD, rates=rates)
    with serving(Arxiv(world=world)) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path)
        installation.load(MONDAY)
        installation.load(FRIDAY)
        world.now = eastern(SATURDAY)
        touched = {name for name, state in world.papers().items() if state.datestamp > MONDAY}
        assert len(touched - installation.stored.keys()) > 50
        assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_since_fills_a_month_and_may_be_said_again(installation: Installation) -> None:
    installation.categories = ("cs.CL",)
    installation.arxiv.oai.page_size = 40
    installation.load(date(2026, 7, 1), since=FIRST)
    truth = installation.announced(FIRST, date(2026, 7, 1))
    assert installation.stored == truth
    again = installation.load(eastern(date(2026, 7, 1), 12), since=FIRST)
    assert (again.new, again.updated) == (0, 0)
    installation.load(date(2026, 7, 2))
    assert installation.stored == installation.announced(FIRST, date(2026, 7, 2))


@pytest.mark.parametrize("since", [WEDNESDAY, FRIDAY, SATURDAY])
def test_since_does_not_hide_a_gap_before_it(installation: Installation, since: date) -> None:
    installation.load(MONDAY)
    installation.load(FRIDAY, since=since)
    assert installation.load(SATURDAY).error == ""
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_a_new_category_begins_today_and_leaves_the_others_alone(installation: Installation) -> None:
    installation.categories = ("cs.CL", "stat.ML")
    installation.load_each(MONDAY, TUESDAY)
    before = installation.announced(MONDAY, THURSDAY)
    installation.categories = FOLLOWED
    installation.load(THURSDAY)
    later = {name: day for name, day in installation.announced(MONDAY, THURSDAY).items() if day == THURSDAY}
    asked = {request.value("set") for request in installation.arxiv.oai.asked}
    assert asked == {"cs:cs:CL", "stat:stat:ML"}
    assert before.items() <= installation.stored.items()
    assert later.items() <= installation.stored.items()
    installation.load(FRIDAY)
    assert installation.load(SATURDAY).new == 0


def test_a_feed_that_changes_in_the_day_is_taken_and_one_that_does_not_is_not_sent_again(
    installation: Installation,
) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(installation.arxiv.feed.stale_day)
    installation.load(eastern(WEDNESDAY, 0, 5))
    tags = []
    for hour in (1, 2):
        installation.load(eastern(WEDNESDAY, hour))
        tags.append(installation.arxiv.feed.asked[-1].headers.get("if-none-match"))
    assert tags[0] != tags[1]
    assert None not in tags
    assert installation.stored == installation.announced(TUESDAY, WEDNESDAY)


@pytest.mark.parametrize("day", [date(2026, 3, 6), date(2026, 3, 9), date(2026, 10, 30), date(2026, 11, 2)])
def test_a_day_begins_at_midnight_in_new_york_on_both_sides_of_a_clock_change(
    store: Store, tmp_path: Path, day: date
) -> None:
    world = World(day - DAY * 7, day + DAY * 7, papers_a_day=8, categories=FOLLOWED, rates=QUIET)
    with serving(Arxiv(world=world)) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path)
        night = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for moment in (
            night + timedelta(hours=3, minutes=30),
            night + timedelta(hours=5, minutes=30),
            night + timedelta(hours=23, minutes=30),
        ):
            installation.load(moment)
        assert installation.stored == installation.announced(day - DAY, day)
        assert installation.asked == (3, 0)


def test_a_load_in_the_evening_may_know_tomorrows_papers_and_they_are_of_tomorrow(installation: Installation) -> None:
    installation.load(MONDAY)
    installation.load(eastern(WEDNESDAY, 23, 30))
    assert installation.stored == installation.announced(MONDAY, THURSDAY)
    assert installation.load(THURSDAY).new == 0
    assert installation.load(FRIDAY).new > 0
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_an_unknown_category_is_an_error_that_says_so_and_is_not_asked_again(installation: Installation) -> None:
    installation.categories = ("cs.CL", "cs.ZZ")
    installation.patience = 2.0
    loaded = installation.load(WEDNESDAY, fails=True)
    assert "Feed error for query: cs.CL+cs.ZZ" in loaded.error
    assert installation.asked == (1, 0)


def test_without_categories_it_says_what_to_set(installation: Installation) -> None:
    installation.categories = ()
    assert "set [sources.arxiv] categories" in installation.load(WEDNESDAY, fails=True).error
    assert installation.asked == (0, 0)


def test_arxiv_is_asked_by_one_at_a_time_and_no_faster_than_its_pace(installation: Installation) -> None:
    installation.arxiv.oai.page_size = 25
    installation.options = {"pace": 0.05}
    installation.load(MONDAY)
    installation.load(WEDNESDAY)
    arrived = installation.arxiv.arrived
    assert len(arrived) == 8
    # The moments are those at which the server got to it, which may be a little after each was sent.
    assert arrived[-1] - arrived[0] > 6 * 0.05
    assert installation.arxiv.most_at_once == 1


def test_a_whole_month_day_by_day_is_what_was_announced(store: Store, tmp_path: Path) -> None:
    world = World(FIRST, LAST, papers_a_day=6, categories=WORLD)
    with serving(Arxiv(world=world)) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path)
        installation.load_each(FIRST, LAST)
        assert installation.stored == installation.announced(FIRST, LAST)
