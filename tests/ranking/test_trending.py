"""The order without likes."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.trending import trending
from tests.factories import DAY, paper

ages = st.integers(-2, 60)
upvotes = st.integers(0, 10_000)


def one(number: int, age: int, votes: int) -> Paper:
    return paper(number, announced=DAY - timedelta(days=age), upvotes=votes)


@given(st.lists(st.tuples(ages, upvotes), min_size=1, max_size=20))
def test_scores_lie_above_0_and_the_best_is_1(drawn: list[tuple[int, int]]) -> None:
    scores = trending([one(number, *values) for number, values in enumerate(drawn, 1)], DAY)
    assert (scores > 0).all()
    assert scores.max() == 1


@given(st.integers(0, 60), st.integers(1, 30), upvotes)
def test_of_two_with_the_same_upvotes_the_newer_leads(age: int, older: int, votes: int) -> None:
    newer, old = trending([one(1, age, votes), one(2, age + older, votes)], DAY)
    assert newer > old


@given(ages, upvotes, st.integers(1, 100))
def test_of_two_from_the_same_day_the_more_upvoted_leads(age: int, votes: int, more: int) -> None:
    few, many = trending([one(1, age, votes), one(2, age, votes + more)], DAY)
    assert many > few


def test_a_day_halves_what_upvotes_give_and_the_hundredth_says_less_than_the_first() -> None:
    today, yesterday = trending([one(1, 0, 7), one(2, 1, 7)], DAY)
    assert yesterday == today / 2
    none, first, ninety_nine, hundred = trending([one(n, 0, votes) for n, votes in enumerate([0, 1, 99, 100])], DAY)
    assert first - none > 10 * (hundred - ninety_nine)


def test_no_papers_no_scores() -> None:
    assert trending([], DAY).shape == (0,)
