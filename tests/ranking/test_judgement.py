"""From verdicts to figures."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.ranking.history import Event, Sent, Verdict
from digestbot.ranking.judgement import SentPapers, overall, reader_of, sent_papers, weeks
from tests.factories import DAY, NOW

# A Monday.
MONDAY = DAY - timedelta(days=1)
shares = st.floats(0, 1)


def verdict(profile: float = 0.5, *rivals: float, reader: int = 1, days: int = 0, hits: int = 1) -> Verdict:
    others = (*rivals, 0.25, 0.25)[:2]
    return Verdict(reader, MONDAY + timedelta(days=days), (profile, *others), (hits, 0, 2))


def event(value: int, days: int = 0, paper: str = "a") -> Event:
    return Event(1, paper, value, datetime.combine(MONDAY + timedelta(days=days), time(9), UTC))


def test_a_readers_figures_are_means_over_days() -> None:
    found = reader_of(1, [verdict(1.0, hits=2), verdict(0.0, hits=0)], replayed=5, sent=SentPapers())
    assert (found.days, found.replayed) == (2, 5)
    profile, trending, mean = found.measures
    assert (profile.ndcg, profile.hits, profile.hit_days) == (0.5, 1, 0.5)
    assert (trending.hit_days, mean.hits, mean.hit_days) == (0, 2, 1)


def test_readers_without_a_day_that_counts_have_no_measures_and_do_not_count() -> None:
    nothing = reader_of(2, [], replayed=3, sent=SentPapers(digests=1, liked=1, unrated=4))
    assert nothing.measures == ()
    alone = reader_of(1, [verdict()], replayed=1, sent=SentPapers(digests=1, disliked=2))
    both = overall([alone, nothing])
    assert (both.readers, both.days) == (1, 1)
    assert both.measures[0].ndcg.mean == 0.5
    assert both.measures[0].ndcg.error is None
    assert both.sent == SentPapers(digests=2, liked=1, disliked=2, unrated=4)
    assert both.sent.papers == 7
    assert overall([nothing]).measures == overall([]).gains == ()


@given(st.lists(st.tuples(shares, shares, shares), min_size=2, max_size=6))
def test_means_are_over_readers_and_gains_are_paired(values: list[tuple[float, float, float]]) -> None:
    readers = [
        # However many days a reader has, each reader counts alike.
        reader_of(number, [verdict(*own)] * (number + 1), replayed=9, sent=SentPapers())
        for number, own in enumerate(values)
    ]
    found = overall(readers)
    for order in range(3):
        own = [one[order] for one in values]
        assert found.measures[order].ndcg.mean == pytest.approx(fmean(own))
        assert found.measures[order].ndcg.error == pytest.approx(stdev(own) / len(own) ** 0.5, abs=1e-12)
    for order in (1, 2):
        less = [one[0] - one[order] for one in values]
        assert found.gains[order - 1].ndcg.mean == pytest.approx(fmean(less), abs=1e-12)
        assert found.gains[order - 1].ndcg.error == pytest.approx(stdev(less) / len(less) ** 0.5, abs=1e-12)


def test_weeks_begin_on_monday_and_empty_ones_stay() -> None:
    found = weeks(
        [verdict(1.0, days=6), verdict(0.0, days=0), verdict(0.5, days=21)],
        [event(1, 0), event(-1, 7), event(0, 8), event(1, 13, "b")],
    )
    assert [one.monday for one in found] == [MONDAY + timedelta(weeks=number) for number in range(4)]
    assert [one.days for one in found] == [2, 0, 0, 1]
    assert [one.ndcg[:1] for one in found] == [(0.5,), (), (), (0.5,)]
    assert [(one.likes, one.dislikes) for one in found] == [(1, 0), (1, 1), (0, 0), (0, 0)]
    assert weeks([], []) == []


def test_papers_of_digests_are_liked_disliked_or_left_without_a_word() -> None:
    digests = [Sent(1, DAY, ("a", "b", "c")), Sent(1, DAY, ("d", "e"))]
    events = [event(1, 0, "a"), event(1, 0, "b"), event(-1, 1, "b"), event(1, 0, "d"), event(0, 2, "d")]
    assert sent_papers(digests, events) == SentPapers(digests=2, liked=1, disliked=1, unrated=3)
    assert sent_papers([], events) == SentPapers()


def test_the_hour_of_a_rating_does_not_move_it_into_another_week() -> None:
    late = Event(1, "a", 1, datetime.combine(MONDAY + timedelta(days=6), time(23, 59), UTC))
    (found,) = weeks([], [late])
    assert found.monday == MONDAY
    assert NOW.date() - MONDAY == timedelta(days=1)
