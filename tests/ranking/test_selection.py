"""Which candidates a digest takes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from digestbot.models import Paper, PaperId
from digestbot.ranking.rank import Ranked
from digestbot.ranking.rows import IntArray
from digestbot.ranking.selection import NOWHERE, Likeness, Rules, Selected, select
from tests.factories import DAY, paper
from tests.ranking.library import FEATURES, PROTEINS, ROBOTS, SPEECH, best, ids, library, likes, on, paper_lists, reader

FEW = [on(subject, 900 + 10 * place + n) for place, subject in enumerate([ROBOTS, PROTEINS, SPEECH]) for n in range(5)]

diversities = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


def likeness(papers: list[Paper]) -> Likeness:
    return Likeness(papers, FEATURES.rows(papers))


def everything(papers: list[Paper]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    return likeness(papers).among(np.arange(len(papers)))


def for_one(
    papers: list[Paper],
    scores: list[float],
    *,
    limit: int,
    allowed: list[bool] | None = None,
    unsure: list[float] | None = None,
    **rules: Any,
) -> tuple[list[int], list[int]]:
    """Return the numbers that one reader gets, and those of them that are exploration."""
    may = [True] * len(papers) if allowed is None else allowed
    doubt = None if unsure is None else np.array([unsure])
    best = np.array([max([score for score, one in zip(scores, may, strict=True) if one and score > 0], default=1.0)])
    resembling = likeness(papers)
    found = select(np.array([scores]), np.array([may]), np.array([limit]), best, doubt, resembling, Rules(**rules))
    return of(found, 0)


def of(found: Selected, row: int) -> tuple[list[int], list[int]]:
    numbers, explored = found.numbers[row], found.explored[row]
    return numbers[numbers != NOWHERE].tolist(), numbers[explored].tolist()


def by_hand(
    scores: list[float],
    allowed: list[bool],
    limit: int,
    cosine: NDArray[np.float32],
    same: NDArray[np.bool_],
    diversity: float,
) -> list[int]:
    """Take one after the other what is worth the most, the worth of each worked out anew every time."""
    left = [number for number, may in enumerate(allowed) if may]
    most = max((scores[number] for number in left), default=0.0)
    scale = most if most > 0 else 1.0
    chosen: list[int] = []

    def worth(number: int) -> float:
        nearest = max((float(cosine[number, other]) for other in chosen), default=0.0)
        return (1 - diversity) * (scores[number] / scale) - diversity * nearest

    while left and len(chosen) < limit:
        pick = min(left, key=lambda number: (-worth(number), -scores[number], number))
        chosen.append(pick)
        left = [number for number in left if number != pick and not same[number, pick]]
    return sorted(chosen, key=lambda number: (-scores[number], number))


@st.composite
def tasks(draw: st.DrawFn) -> tuple[list[Paper], list[float], list[bool], int]:
    papers = draw(paper_lists(least=1, most=14))
    size = len(papers)
    scores = draw(st.lists(st.integers(-3, 6), min_size=size, max_size=size))
    allowed = draw(st.lists(st.sampled_from([True, True, True, False]), min_size=size, max_size=size))
    return papers, [score / 10 for score in scores], allowed, draw(st.integers(0, size + 1))


@given(tasks(), diversities)
@settings(deadline=None)
def test_papers_are_chosen_as_by_a_plain_loop(task: Any, diversity: float) -> None:
    papers, scores, allowed, limit = task
    chosen, explored = for_one(papers, scores, limit=limit, allowed=allowed, diversity=diversity)
    assert chosen == by_hand(scores, allowed, limit, *everything(papers), diversity)
    assert explored == []


@given(tasks())
@settings(deadline=None)
def test_without_diversity_it_is_the_order_of_score_less_near_duplicates(task: Any) -> None:
    papers, scores, allowed, limit = task
    _, same = everything(papers)
    expected: list[int] = []
    for number in sorted(range(len(papers)), key=lambda number: (-scores[number], number)):
        if allowed[number] and not same[number, expected].any():
            expected.append(number)
    assert for_one(papers, scores, limit=limit, allowed=allowed)[0] == expected[:limit]


@given(tasks(), diversities, st.integers(0, 9), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_no_paper_comes_that_may_not_none_twice_none_like_another_and_never_too_many(
    task: Any, diversity: float, explore: int, seed: int
) -> None:
    papers, scores, allowed, limit = task
    unsure = np.random.default_rng(seed).random(len(papers)).tolist()
    chosen, explored = for_one(
        papers, scores, limit=limit, allowed=allowed, unsure=unsure, diversity=diversity, explore=explore
    )
    assert len(set(chosen)) == len(chosen) <= limit
    assert all(allowed[number] for number in chosen)
    _, same = everything(papers)
    assert not same[np.ix_(chosen, chosen)].any()
    # Exploration stands last, and is at most as much as was asked for, and half.
    assert chosen[len(chosen) - len(explored) :] == explored
    assert len(explored) <= min(explore, limit // 2)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 50), min_size=1, max_size=5), diversities, st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_what_a_reader_gets_does_not_depend_on_who_else_is_there(
    seed: int, limits: list[int], diversity: float, explore: int
) -> None:
    numbers = np.random.default_rng(seed)
    papers = [on([ROBOTS, PROTEINS, SPEECH][n % 3], n, title=f"{numbers.integers(40)}") for n in range(80)]
    scores = numbers.integers(-2, 40, (len(limits), len(papers))) / 40
    allowed = numbers.random(scores.shape) < 0.8
    unsure = numbers.random(scores.shape) * numbers.integers(0, 2, (len(limits), 1))
    rules = Rules(diversity=diversity, explore=explore)
    resembling = likeness(papers)
    together = select(scores, allowed, np.array(limits), np.ones(len(limits)), unsure, resembling, rules)
    for row, limit in enumerate(limits):
        only = slice(row, row + 1)
        alone = select(scores[only], allowed[only], np.array([limit]), np.ones(1), unsure[only], resembling, rules)
        assert of(alone, 0) == of(together, row)


@pytest.mark.parametrize("limit", [1, 2, 10, 11])
@pytest.mark.parametrize("diversity", [0.0, 0.3])
def test_a_hundred_copies_at_the_top_do_not_make_a_digest_shorter(limit: int, diversity: float) -> None:
    papers = [on(ROBOTS, 0, id=f"file:{number:03d}") for number in range(100)] + FEW[5:]
    scores = [1 - number / 1000 for number in range(len(papers))]
    chosen, _ = for_one(papers, scores, limit=limit, diversity=diversity)
    assert len(chosen) == limit
    assert chosen[0] == 0


def test_thousands_of_copies_are_one_paper() -> None:
    rows = FEATURES.rows([on(ROBOTS, 0)]).take(np.zeros(2000, dtype=np.intp))
    copies = Likeness([on(ROBOTS, 0, id=f"file:{number:05d}") for number in range(2000)], rows)
    found = select(
        np.ones((1, 2000)),
        np.ones((1, 2000), dtype=np.bool_),
        np.array([50]),
        np.ones(1),
        None,
        copies,
        Rules(diversity=0.1),
    )
    assert of(found, 0) == ([0], [])


LONG = "Robot gripper policy for contact torque under protein folding and speech accent"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG),
        (LONG, LONG.upper() + "."),
        (LONG, LONG.replace("for", "in")),
        (LONG, f"Towards {LONG}"),
        ("Robot gripper policy", "Robot gripper policies"),
        ("", ""),
    ],
)
def test_the_same_text_under_a_title_that_differs_in_a_word_is_one_paper(one: str, other: str) -> None:
    text = on(ROBOTS, 0).abstract + " " + PROTEINS + " " + SPEECH
    papers = [
        on(ROBOTS, 901, title=one, abstract=text),
        on(ROBOTS, 902, title=other, abstract=text, id="doi:10.5555/902"),
        on(SPEECH, 903),
    ]
    assert for_one(papers, [0.3, 0.5, 0.1], limit=9)[0] == [1, 2]
    assert for_one(papers, [0.5, 0.3, 0.1], limit=9)[0] == [0, 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Robot gripper policy, part 1", "Robot gripper policy, part 2"),
        ("Robot gripper policy I", "Robot gripper policy II"),
        ("Robot gripper policy", "Robot gripper policy III"),
        ("Robot gripper policy A", "Robot gripper policy B"),
        ("Robot gripper policy of 2024", "Robot gripper policy of 2025"),
        ("Robot gripper policy", "The contact of other arms"),
    ],
)
def test_parts_of_a_series_and_papers_of_other_titles_stay_apart(one: str, other: str) -> None:
    text = " ".join([PROTEINS, SPEECH, ROBOTS] * 3)
    papers = [on(ROBOTS, 901, title=one, abstract=text), on(ROBOTS, 902, title=other, abstract=text)]
    assert for_one(papers, [0.3, 0.5], limit=9)[0] == [1, 0]


def test_the_same_title_over_another_text_stays_apart() -> None:
    papers = [
        on(ROBOTS, 901, title="Editorial", abstract=ROBOTS),
        on(ROBOTS, 902, title="Editorial", abstract=PROTEINS),
    ]
    assert for_one(papers, [0.3, 0.5], limit=9)[0] == [1, 0]


def test_many_candidates_are_compared_as_few_are() -> None:
    rng = np.random.default_rng(7)
    drawn: IntArray = rng.integers(0, 36, 3001)
    some = library()
    papers = [replace(some[number], id=f"file:{place}") for place, number in enumerate(drawn.tolist())]
    wanted = np.sort(rng.choice(3001, 60, replace=False))
    large = Likeness(papers, FEATURES.rows(some).take(drawn)).among(wanted)
    small = everything([papers[number] for number in wanted])
    assert np.array_equal(large[0], small[0])
    assert np.array_equal(large[1], small[1])
    assert large[1].any()


def tries(ranked: Ranked) -> list[PaperId]:
    return [one.paper.id for one in ranked.chosen if one.reason.kind == "explore"]


@given(paper_lists(least=2), st.integers(0, 2**32), st.integers(0, 12), diversities, st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_a_digest_does_not_depend_on_the_order_papers_came_in(
    papers: list[Paper], seed: int, limit: int, diversity: float, explore: int
) -> None:
    who = likes(library()[0], library()[14], limit=limit)
    shuffled = random.Random(seed).sample(papers, len(papers))
    first, second = (best(some, who, diversity=diversity, explore=explore) for some in (papers, shuffled))
    assert first == second


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 9, 10, 15, 16, 50])
def test_a_digest_is_as_long_as_its_limit_when_there_are_enough(limit: int) -> None:
    papers = [replace(one, title=f"{one.title} {number}") for number, one in enumerate(FEW)]
    found = best(papers, likes(library()[0], limit=limit), explore=1, diversity=0.1)
    assert len(found.chosen) == min(limit, len(papers))


def test_diversity_brings_in_another_subject_and_leaves_the_best_first() -> None:
    who = likes(*library()[:6], library()[14], limit=4)
    alike, mixed = (best(FEW, who, diversity=diversity) for diversity in (0.0, 0.6))
    assert {one.paper.title.split()[0] for one in alike.chosen} <= set(ROBOTS.split())
    assert any(one.paper.title.split()[0] in PROTEINS.split() for one in mixed.chosen)
    assert ids(mixed)[0] == ids(alike)[0]


def test_exploration_stands_last_is_marked_and_not_what_would_have_come_next() -> None:
    # Who likes robots and dislikes proteins: of what scores about nothing, speech is what nothing is known of.
    who = reader(*[(one, 1) for one in library()[:6]], *[(one, -1) for one in library()[12:24]], limit=6)
    sure, curious = best(FEW, who), best(FEW, who, explore=1)
    assert tries(sure) == []
    assert tries(curious) == ids(curious)[-1:]
    assert ids(curious)[:5] == ids(sure)[:5]
    assert curious.chosen[-1].paper.title.split()[0] in SPEECH.split()
    assert curious.chosen[-1].score <= min(one.score for one in curious.chosen[:-1])


def test_exploration_takes_what_is_less_known_before_what_scores_a_little_more() -> None:
    papers = FEW[:7]
    scores = [0.9, 0.8, 0.7, 0.6, 0.45, 0.4, 0.39]
    unsure = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9]
    assert for_one(papers, scores, limit=5, unsure=unsure, explore=1) == ([0, 1, 2, 3, 6], [6])
    # But not before what scores much more.
    scores[6] = -0.1
    assert for_one(papers, scores, limit=5, unsure=unsure, explore=1) == ([0, 1, 2, 3, 4], [4])


@pytest.mark.parametrize(("limit", "expected"), [(1, 0), (4, 0), (5, 2), (6, 3), (10, 5), (15, 7)])
def test_at_most_half_of_a_digest_is_exploration_and_of_a_short_one_nothing(limit: int, expected: int) -> None:
    assert len(tries(best(FEW, likes(library()[0], limit=limit), explore=10))) == expected


def test_who_likes_nothing_yet_explores_nothing() -> None:
    for who in (reader(limit=10), reader(*[(one, -1) for one in library()[:5]], limit=10)):
        assert best(FEW, who, explore=3) == best(FEW, who)
        assert tries(best(FEW, who, explore=3)) == []


def test_exploration_stays_above_the_floor() -> None:
    who = likes(*library()[:6], limit=10)
    middle = best(FEW, who).chosen[7].score
    found = best(FEW, who, explore=3, floor=middle)
    assert 5 <= len(found.chosen) <= 7
    assert all(one.score > middle for one in found.chosen)


def test_exploration_is_the_same_every_time() -> None:
    who = likes(*library()[:6], limit=8)
    found = best(FEW, who, explore=3)
    assert len(tries(found)) == 3
    assert found == best(FEW, who, explore=3)


def test_the_better_of_two_near_duplicates_is_the_one_that_fits_better() -> None:
    text = " ".join(library()[0].abstract.split() * 3)
    papers = [
        on(ROBOTS, 901, abstract=text),
        on(ROBOTS, 902, abstract=f"{text} {PROTEINS.split()[0]}", id="doi:10.5555/1"),
    ]
    papers = [replace(one, title=papers[0].title) for one in papers]
    assert everything(papers)[1][0, 1]
    assert ids(best(papers, likes(library()[0]))) == [papers[0].id]
    # Of equal ones it is the newer.
    twins = [papers[0], replace(papers[0], id="file:9", announced=DAY - timedelta(days=1))]
    assert ids(best(twins, likes(library()[0]))) == [papers[0].id]


def test_papers_without_a_word_are_nobodys_duplicates() -> None:
    papers = [paper(number, title="42", abstract="") for number in (1, 2)]
    assert len(best(papers, reader()).chosen) == 2
