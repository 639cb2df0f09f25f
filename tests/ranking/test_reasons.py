"""Why a paper is in a digest: what carried its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from digestbot.models import Paper, Reason
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.profile import Profiles, train
from digestbot.ranking.rank import Reader
from digestbot.ranking.reasons import Carriers, carrying_like
from digestbot.ranking.rows import Background, kernel
from digestbot.ranking.text import terms_of
from tests.factories import paper
from tests.ranking.library import (
    FEATURES,
    PROTEINS,
    ROBOTS,
    SPEECH,
    best,
    library,
    likes,
    on,
    paper_lists,
    ranker,
    reader,
)
from tests.ranking.plain import contributions, distinct, repeats, strongest

SMALL = Features.fit(library(), Recipe(dimensions=10))
NOISE = 2e-6


def plain_features(*terms: str) -> Features:
    """Return features of these terms, all of one weight, before a background in which nothing is common."""
    background = Background(np.zeros((len(terms), 0), dtype=np.float32), np.zeros(0, dtype=np.float32))
    return Features(terms, np.ones(len(terms), dtype=np.float32), 2.0, background, Recipe())


def profiles(features: Features, rated: Sequence[Paper], values: list[list[float]]) -> Profiles:
    return train(features.rows(rated), csr_matrix(np.array(values), dtype=np.float32), features.background)


def named(features: Features, profiles: Profiles, papers: list[Paper]) -> list[list[dict[str, float]]]:
    """Return for each reader and each paper the terms that are named, with their amounts, in order."""
    carriers = Carriers(features.transform(papers), features.terms, papers)
    readers = profiles.shares.shape[0]
    every = profiles.weights()
    found = carriers.carried(
        replace(every, rated=every.rated[:, carriers.columns], directions=every.directions[carriers.columns]),
        np.repeat(np.arange(readers), len(papers)),
        np.tile(np.arange(len(papers)), readers),
    )
    told = [
        {str(features.terms[term]): amount for term, amount in zip(terms, amounts, strict=True) if term >= 0}
        for terms, amounts in zip(found.terms.tolist(), found.amounts.tolist(), strict=True)
    ]
    return [told[start : start + len(papers)] for start in range(0, len(told), len(papers))]


def weights(added: dict[str, float], name: str) -> list[float]:
    """Return what a term stands for: itself, and for a pair its words too, when it carried half of the weaker one.

    Both, when it carried about half.
    """
    if " " not in name:
        return [added[name]]
    parts = [added.get(word, 0.0) for word in dict.fromkeys(name.split())]
    beyond = added[name] - 0.5 * min(parts)
    whole = [added[name] + sum(parts)] if min(parts) > -NOISE and beyond > -NOISE else []
    alone = [added[name]] if min(parts) < NOISE or beyond < NOISE else []
    return whole + alone


@given(paper_lists(least=2, most=8), st.data())
@settings(deadline=None)
def test_what_is_named_is_the_strongest_that_repeats_nothing_with_what_it_carried(
    papers: list[Paper], data: st.DataObject
) -> None:
    size = len(papers)
    drawn = st.lists(st.sampled_from([1.0, -1.0, 0.3, 0.0]), min_size=size, max_size=size)
    found = profiles(SMALL, papers, [data.draw(drawn), data.draw(drawn)])
    for number, own in enumerate(named(SMALL, found, papers)):
        for one, told in zip(papers, own, strict=True):
            added = contributions(SMALL, found, number, one)
            left = {name for name, amount in added.items() if amount > 0}
            for name, amount in told.items():
                assert name in left
                assert any(amount == pytest.approx(weight, abs=NOISE) for weight in weights(added, name))
                assert all(min(weights(added, other)) <= amount + NOISE for other in left)
                left = {other for other in left if not repeats(name, other)}
            assert len(told) == 3 or all(added[name] < NOISE for name in left)


@given(paper_lists(least=2, most=8), st.data())
@settings(deadline=None)
def test_what_is_named_is_never_more_than_all_that_carried_the_score(papers: list[Paper], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=len(papers), max_size=len(papers)))
    found = profiles(SMALL, papers, [values])
    scores = found.score(SMALL.rows(papers))[0]
    for one, score, told in zip(papers, scores, named(SMALL, found, papers)[0], strict=True):
        added = contributions(SMALL, found, 0, one)
        assert sum(added.values()) == pytest.approx(score, abs=NOISE)
        assert sum(told.values()) <= sum(max(0.0, amount) for amount in added.values()) + NOISE
        assert all(amount >= 1e-6 for amount in told.values())


@given(paper_lists(least=2, most=8))
@settings(deadline=None)
def test_whole_words_and_pairs_of_the_paper_are_named_and_no_word_twice(papers: list[Paper]) -> None:
    found = profiles(FEATURES, library(), [[1.0] * len(library())])
    for one, told in zip(papers, named(FEATURES, found, papers)[0], strict=True):
        assert set(told) <= {*terms_of(one.title), *terms_of(one.abstract)}
        assert not any(repeats(name, other) for name in told for other in told if name != other)


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        # Equal ones: in the order of the alphabet.
        ("owl kite", ("kite", "owl"), {"kite": 1, "owl": 1}),
        # A pair speaks for its words.
        ("owl kite", ("kite", "owl", "owl kite"), {"owl kite": 3}),
        ("owl kite wren", ("kite", "kite wren", "owl", "owl kite", "wren"), {"kite wren": 3, "owl": 1}),
        # A pair whose words are not terms is what it is.
        ("owl kite", ("kite", "owl kite"), {"kite": 1}),
        ("owl kite", ("owl kite",), {"owl kite": 1}),
        # One word twice is one word.
        ("agent agent", ("agent", "agent agent"), {"agent agent": 2}),
        ("robot robots arm", ("arm", "robot", "robots"), {"robot": 1, "arm": 1}),
        ("owl kite wren lark", ("kite", "lark", "owl", "wren"), {"kite": 1, "lark": 1, "owl": 1}),
        ("nothing known", ("kite",), {}),
    ],
)
def test_what_a_title_is_said_to_be_about(text: str, terms: tuple[str, ...], expected: dict[str, int]) -> None:
    features = plain_features(*terms)
    one = paper(1, title=text, abstract="")
    found = profiles(features, [one], [[1.0]])
    ((told,),) = named(features, found, [one])
    added = contributions(features, found, 0, one)
    # Terms that stand once all carry the same; a word that stands twice carries more.
    unit = min(added.values(), default=0.0)
    assert set(told) == set(expected)
    for name, times in expected.items():
        if "agent" in name:
            assert told[name] == pytest.approx(sum(added.values()), abs=NOISE)
        elif "robot" not in text:
            assert told[name] == pytest.approx(times * unit, abs=NOISE)
    plain = distinct([name for name in strongest(added) if added[name] > 0], 3)
    assert sorted(plain) == sorted(expected)


@given(paper_lists(least=2, most=8), st.data())
@settings(deadline=None)
def test_what_the_rated_papers_carried_adds_up_and_the_strongest_like_is_found(
    papers: list[Paper], data: st.DataObject
) -> None:
    size = len(papers)
    values = data.draw(st.lists(st.sampled_from([1.0, -1.0, 0.5, 0.0]), min_size=size, max_size=size))
    found = profiles(SMALL, papers, [values])
    rows = SMALL.rows(papers)
    both = kernel(rows, rows, SMALL.background)
    common = both.direct - found.settled[0] * both.common
    liked = carrying_like(found.shares, found.settled, both, np.zeros(size, dtype=np.intp), np.arange(size))
    shares = found.shares.toarray()[0].astype(np.float64)
    for number in range(size):
        added = shares * common[:, number]
        assert added.sum() == pytest.approx(found.score(rows)[0, number], abs=NOISE)
        most = max([0.0, *added[shares > 0]])
        assert liked.amounts[number] == pytest.approx(most)
        if most > 0:
            assert added[liked.numbers[number]] == pytest.approx(most)
            assert shares[liked.numbers[number]] > 0


def only(papers: list[Paper], who: Reader, **choice: Any) -> Reason:
    (found,) = best(papers, who, **choice).chosen
    return found.reason


ROBOT, OTHERS = library()[0], library()[12:24]


def test_the_liked_paper_that_carried_half_of_the_score_is_the_reason() -> None:
    found = best([on(ROBOTS, 900)], likes(ROBOT, *OTHERS[:4])).chosen[0]
    assert found.reason.kind == "liked"
    assert found.reason.terms == (ROBOT.title,)
    assert 0.5 * found.score <= found.reason.amounts[0] <= found.score + 0.1


def test_among_fewer_than_five_likes_terms_are_the_reason() -> None:
    assert only([on(ROBOTS, 900)], likes(ROBOT, *OTHERS[:3])).kind == "terms"
    # Dislikes are not counted.
    who = reader((ROBOT, 1), *[(one, 1) for one in OTHERS[:3]], *[(one, -1) for one in OTHERS[3:8]])
    assert only([on(ROBOTS, 900)], who).kind == "terms"


def test_where_several_likes_carried_the_score_terms_are_the_reason() -> None:
    assert only([on(ROBOTS, 900)], likes(*library()[:6])).kind == "terms"


def test_a_paper_that_does_not_fit_is_not_there_because_of_a_like() -> None:
    words = f"{ROBOTS.split()[0]} {SPEECH.split()[0]}"
    found = best(
        [paper(900, title=f"{ROBOTS} {words}", abstract="")],
        reader(*[(one, -1) for one in library()[:12]], *[(one, 1) for one in library()[24:30]]),
    ).chosen[0]
    assert found.score < 0
    assert found.reason.kind != "liked"


def test_a_try_says_which_terms_little_of_it_lies_in_and_never_a_like() -> None:
    papers = [on(ROBOTS, 900 + number, title=f"{ROBOTS.split()[number]} {number}") for number in range(6)]
    found = best(papers, likes(ROBOT, *OTHERS[:4], limit=5), explore=2).chosen
    assert [one.reason.kind for one in found] == ["liked", "liked", "liked", "explore", "explore"]
    assert all(word in ROBOTS.split() for one in found[3:] for term in one.reason.terms for word in term.split())


@given(paper_lists(least=3, most=12))
@settings(max_examples=8, deadline=None)
def test_reasons_and_scores_are_the_same_alone_and_after_others(papers: list[Paper]) -> None:
    readers = [
        reader(*[(one, (-1) ** (place % 3)) for place, one in enumerate(library()[start : start + 9])], limit=5)
        for start in range(18, -1, -3)
    ]
    rules: dict[str, Any] = {"explore": 1, "diversity": 0.2, "half_life_days": 30.0}
    used = ranker(papers, **rules)
    together = [one for who in readers for one in used.rank([who])]
    assert together == [best(papers, who, **rules) for who in readers]
    assert together == list(ranker(papers, **rules).rank(readers))


def test_every_term_that_is_named_carried_something() -> None:
    papers = [on(PROTEINS, 900), on(ROBOTS, 901, abstract=SPEECH), on(SPEECH, 902), paper(903, title="42", abstract="")]
    for who in (likes(library()[0]), likes(*library()[:8], library()[30]), likes(library()[14])):
        for one in best(papers, who).chosen:
            assert all(amount > 0 for amount in one.reason.amounts)
            assert len(one.reason.amounts) == len(one.reason.terms)
            assert bool(one.reason.terms) == (one.reason.kind != "trending")


def test_a_paper_without_anything_in_common_is_there_because_it_is_new() -> None:
    features = plain_features(*sorted(f"{ROBOTS} {SPEECH}".split()))
    (found,) = ranker([on(SPEECH, 900)], rated=[ROBOT], features=features).rank([likes(ROBOT)])
    assert [one.reason for one in found.chosen] == [Reason(kind="trending")]


def test_no_pair_is_named_that_does_not_stand_in_the_paper() -> None:
    # "grasp gripper" is a term of this text, over a mark and a word that is none.
    liked = [on(ROBOTS, number, title="grasp gripper", abstract="grasp gripper arm") for number in range(100, 106)]
    bridged = on(ROBOTS, 901, title="Grasp (of) gripper", abstract="Torque of voice")
    said = on(ROBOTS, 902, title="Grasp gripper", abstract="Speech of protein")
    features = Features.fit([*library(), *liked])
    used = ranker([bridged, said], rated=liked, features=features)
    (found,) = used.rank([likes(*liked[:3])])
    terms = {one.paper.id: one.reason.terms for one in found.chosen}
    assert "grasp gripper" in terms[said.id]
    assert terms[bridged.id]
    assert not any(" " in term for term in terms[bridged.id])
