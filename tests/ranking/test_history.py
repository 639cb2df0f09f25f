"""Days gone through again: the same order as rank's, of the candidates that a day had, and nothing known too early."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import log2
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.evaluation import ndcg
from digestbot.ranking.features import Features
from digestbot.ranking.history import ORDERS, Event, Known, Occasion, Opinions, Verdict, counts, judge, standing
from digestbot.ranking.profile import profiles_of
from digestbot.ranking.rank import Orders
from digestbot.ranking.trending import faded
from tests.factories import DAY, NOW
from tests.ranking.library import PROTEINS, ROBOTS, SPEECH, library, on, paper_lists

LIBRARY = library()
FEATURES = Features.fit(LIBRARY)
KNOWN = Known([one.id for one in LIBRARY], FEATURES.rows(LIBRARY), FEATURES.background)
ROBOT, PROTEIN, SONG = on(ROBOTS, 1), on(PROTEINS, 2), on(SPEECH, 3)
TODAY = [ROBOT, PROTEIN, SONG]
LIKED_ROBOT = LIBRARY[0].id


def occasion(liked: set[str], rated: dict[str, float] | None = None, **changes: Any) -> Occasion:
    values: dict[str, Any] = {"reader": 1, "day": DAY, "first": DAY - timedelta(days=2)}
    known = {LIKED_ROBOT: 1.0} if rated is None else rated
    return Occasion(**values | {"liked": liked, "rated": known} | changes)


def judged(one: Occasion, papers: Sequence[Paper] = TODAY, **opinions: Any) -> Verdict:
    (verdict,) = judge([one], papers, FEATURES.rows(papers), KNOWN, Opinions(**opinions))
    return verdict


def by_name(verdict: Verdict) -> dict[str, float]:
    return dict(zip(ORDERS, verdict.ndcg, strict=True))


def event(paper: str, value: int, hours: float = 0) -> Event:
    return Event(1, paper, value, NOW + timedelta(hours=hours))


def test_a_profile_finds_what_its_reader_goes_on_to_like() -> None:
    found = judged(occasion({ROBOT.id}))
    assert by_name(found)["profile"] == by_name(found)["mean of likes"] == 1
    assert found.hits[0] == 1


def test_a_disliked_field_comes_last_in_the_profile_while_the_mean_of_likes_does_not_see_it() -> None:
    of_speech = LIBRARY[-1].id
    found = by_name(judged(occasion({PROTEIN.id}, {of_speech: -1.0, LIKED_ROBOT: 1.0}, first=DAY)))
    assert found["profile"] == pytest.approx(1 / log2(3))
    last = by_name(judged(occasion({SONG.id}, {of_speech: -1.0, LIKED_ROBOT: 1.0})))
    assert last["profile"] == pytest.approx(1 / log2(4))


def test_trending_takes_upvotes_others_likes_and_the_categories_of_the_reader() -> None:
    voted = on(PROTEINS, 2, upvotes=9)
    others = [ROBOT, voted, SONG]
    assert by_name(judged(occasion({voted.id}), others))["trending"] == 1
    assert by_name(judged(occasion({SONG.id}), others, likes={SONG.id: 40.0}))["trending"] == 1
    elsewhere = [ROBOT, voted, on(SPEECH, 3, categories=("cs.SD",))]
    assert by_name(judged(occasion({SONG.id}, categories=("cs.SD",)), elsewhere))["trending"] == 1


def test_what_many_rated_says_less_about_a_reader() -> None:
    of_speech = LIBRARY[-1].id
    both = {LIKED_ROBOT: 1.0, of_speech: 1.0}
    assert by_name(judged(occasion({SONG.id}, both), counts={LIKED_ROBOT: 500}))["profile"] == 1
    assert by_name(judged(occasion({ROBOT.id}, both), counts={of_speech: 500}))["profile"] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"rated": {LIKED_ROBOT: 1.0, ROBOT.id: 1.0}},
        {"sent": {ROBOT.id}},
        {"first": DAY + timedelta(days=1), "day": DAY + timedelta(days=1)},
        {"day": DAY - timedelta(days=1)},
        {"rated": {}},
        {"rated": {"gone:1": 1.0}},
        {"liked": {"gone:1"}},
        {"liked": set()},
    ],
)
def test_a_day_counts_when_there_was_a_profile_and_a_candidate_was_liked(changes: dict[str, Any]) -> None:
    announced = {one.id: one.announced for one in TODAY}
    assert counts(occasion({ROBOT.id}), announced, KNOWN)
    assert not counts(occasion(**{"liked": {ROBOT.id}} | changes), announced, KNOWN)


def test_what_is_no_candidate_takes_no_place_and_is_not_looked_for() -> None:
    nearer = on(ROBOTS, 4)
    wanted = {PROTEIN.id, nearer.id}
    alone = judged(occasion({PROTEIN.id}), [PROTEIN, SONG])
    for changes in ({"sent": {nearer.id}}, {"rated": {LIKED_ROBOT: 1.0, nearer.id: 0.0}}):
        assert judged(occasion(wanted, **changes), [PROTEIN, SONG, nearer]) == alone
    old = on(ROBOTS, 4, announced=DAY - timedelta(days=3))
    to_come = on(ROBOTS, 5, announced=DAY + timedelta(days=1))
    assert judged(occasion(wanted | {to_come.id}), [PROTEIN, old, SONG, to_come]) == alone


drawn_papers = paper_lists(least=2)
ratings = st.dictionaries(st.sampled_from([one.id for one in LIBRARY]), st.sampled_from([1.0, -1.0, 0.5]), min_size=1)


@given(drawn_papers, ratings)
@settings(max_examples=15, deadline=None)
def test_the_profile_ranks_as_rank_does(papers: list[Paper], rated: dict[str, float]) -> None:
    texts = {one.id: one for one in LIBRARY}
    profiles = profiles_of(FEATURES, texts, [sorted(rated.items())])
    ((order, _),) = Orders(FEATURES, papers).of(profiles)
    ranked = [papers[number].id for number in order]
    for wanted in papers:
        one = occasion({wanted.id}, rated, first=DAY - timedelta(days=9))
        assert judged(one, papers).ndcg[0] == pytest.approx(ndcg(ranked, {wanted.id}, 10))


@given(drawn_papers, st.lists(ratings, min_size=2, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_neither_the_order_of_papers_nor_other_readers_change_a_verdict(
    papers: list[Paper], everybody: list[dict[str, float]], random: Any
) -> None:
    occasions = [
        occasion({papers[0].id}, rated, reader=number, first=DAY - timedelta(days=9))
        for number, rated in enumerate(everybody)
    ]
    together = judge(occasions, papers, FEATURES.rows(papers), KNOWN, Opinions())
    shuffled = random.sample(papers, len(papers))
    assert together == [judged(one, shuffled) for one in occasions]


def test_the_latest_rating_stands_and_one_taken_back_does_not() -> None:
    events = [event("a", 1), event("b", -1), event("c", 1), event("a", -1, 1), event("b", 0, 1)]
    assert {paper: one.value for paper, one in standing(events).items()} == {"a": -1, "c": 1}
    assert standing([]) == {}


@given(st.sampled_from([1.0, -1.0]), st.floats(0, 4000), st.floats(1, 4000))
def test_a_rating_counts_half_after_each_half_life(value: float, days: float, half_life: float) -> None:
    assert faded(value, days + half_life, half_life) == pytest.approx(faded(value, days, half_life) / 2)
    assert faded(value, days, 0) == faded(value, -days, half_life) == value


def test_days_without_papers_are_no_days() -> None:
    assert not counts(occasion({ROBOT.id}), {}, KNOWN)
    assert not counts(occasion({ROBOT.id}), {ROBOT.id: date.min}, KNOWN)
