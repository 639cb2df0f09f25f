"""Profiles: one ridge regression for all readers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.profile import Profiles, profiles_of, risen_terms, train
from digestbot.ranking.rank import Reader
from digestbot.ranking.rows import Background, located
from tests.ranking.library import PROTEINS, ROBOTS, library, likes, on, paper_lists, reader, values
from tests.ranking.plain import contributions

FEATURES = Features.fit(library())
SMALL = Features.fit(library(), Recipe(dimensions=10))
TEXTS = {one.id: one for one in library()}


def profiles(*readers: Reader) -> Profiles:
    return profiles_of(FEATURES, TEXTS, values(*readers))


def dense(matrix: csr_matrix) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray(), dtype=np.float64)


def directly(
    corpus: NDArray[np.float64], rated: NDArray[np.float64], values: list[float], ridge: float
) -> NDArray[np.float64]:
    """Return the weights w of (X'X + aI) w = a R'y / e, solved as it stands there; e is the length of R's rows in all."""
    terms = corpus.shape[1]
    right = ridge * rated.T @ np.array(values) / np.linalg.norm(rated, axis=1).sum()
    return np.asarray(np.linalg.solve(corpus.T @ corpus + ridge * np.eye(terms), right))


def test_weights_asked_for_one_by_one_are_those_of_all_readers_and_terms() -> None:
    # More readers than are worked out together, some of whom are asked for often and some never.
    numbers = np.random.default_rng(20250527)
    drawn = numbers.choice([-1.0, 0.0, 1.0], size=(150, len(TEXTS)), p=[0.05, 0.85, 0.1])
    found = train(FEATURES.rows(list(TEXTS.values())), csr_matrix(drawn, dtype=np.float32), FEATURES.background)
    weights = found.weights()
    readers = np.sort(numbers.choice(np.arange(3, 140), 400)).astype(np.intp)
    terms = numbers.integers(0, len(FEATURES.terms), len(readers)).astype(np.intp)
    one_by_one = weights.direct(readers, terms) - weights.discount(readers, terms).diagonal()
    every = weights.of(np.arange(150, dtype=np.intp), np.arange(len(FEATURES.terms), dtype=np.intp))
    assert one_by_one == pytest.approx(every[readers, terms], abs=1e-9)
    assert np.count_nonzero(one_by_one) > len(readers) / 4


def weights(profiles: Profiles, reader: int = 0) -> NDArray[np.float64]:
    terms = profiles.rated.terms.shape[1]
    return profiles.weights().of(np.array([reader]), np.arange(terms, dtype=np.intp)).ravel()


@given(
    papers=st.integers(1, 7),
    terms=st.integers(1, 9),
    ridge=st.floats(0.1, 20),
    seed=st.integers(0, 2**32 - 1),
    values=st.lists(st.sampled_from([1.0, -1.0]), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_the_shared_solve_is_ridge_regression(
    papers: int, terms: int, ridge: float, seed: int, values: list[float]
) -> None:
    numbers = np.random.default_rng(seed)
    corpus = numbers.random((papers, terms))
    rated = numbers.random((len(values), terms))
    _, singular, right = np.linalg.svd(corpus, full_matrices=False)
    background = Background(right.T.astype(np.float32), (singular**2 / (singular**2 + ridge)).astype(np.float32))
    rows = located(csr_matrix(rated, dtype=np.float32), background)
    profiles = replace(train(rows, csr_matrix([values]), background), settled=np.ones(1))
    assert weights(profiles) == pytest.approx(directly(corpus, rated, values, ridge), abs=1e-5)


def test_a_fitted_corpus_with_all_its_directions_gives_the_same_solve() -> None:
    # A fit keeps one direction fewer than there are papers: one paper stands twice, so that none is lost.
    corpus = [*library(), library()[0]]
    features = Features.fit(corpus, Recipe(dimensions=len(corpus)))
    assert features.background.directions.shape[1] == len(corpus) - 1
    rated, values = [corpus[3], corpus[20], corpus[30]], [1.0, 1.0, -1.0]
    matrix = features.transform(rated)
    profiles = replace(train(features.rows(rated), csr_matrix([values]), features.background), settled=np.ones(1))
    rows = dense(features.transform(corpus))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    direct = directly(rows, dense(matrix), values, features.recipe.least_ridge)
    assert weights(profiles) == pytest.approx(direct, abs=1e-5)


@given(paper_lists(least=2), st.data())
@settings(max_examples=15, deadline=None)
def test_the_terms_of_a_candidate_carry_its_whole_score(papers: list[Paper], data: st.DataObject) -> None:
    features = SMALL
    values = data.draw(st.lists(st.sampled_from([1.0, -1.0, 0.0]), min_size=len(papers), max_size=len(papers)))
    rows = features.rows(papers)
    profiles = train(rows, csr_matrix([values, values[::-1]]), features.background)
    scores = profiles.score(rows)
    for row in range(len(papers)):
        for one in (0, 1):
            added = contributions(features, profiles, one, papers[row])
            assert sum(added.values()) == pytest.approx(scores[one, row], abs=2e-6)


def test_a_like_raises_what_resembles_it_and_a_dislike_lowers_it() -> None:
    near, far = on(ROBOTS, 900), on(PROTEINS, 901)
    liked, disliked = on(ROBOTS, 101), on(ROBOTS, 102)
    assert {liked.id, disliked.id} <= TEXTS.keys()
    found = profiles(reader(), likes(liked), reader((disliked, -1))).score(FEATURES.rows([near, far]))
    assert (found[0] == 0).all()
    assert found[1, 0] > 0.05
    assert found[2, 0] < -0.05
    assert abs(found[1, 1]) < 0.05
    assert abs(found[2, 1]) < 0.05


def test_a_dislike_is_a_like_turned_round() -> None:
    found = profiles(reader((library()[0], 1)), reader((library()[0], -1)))
    assert weights(found, 0) == pytest.approx(-weights(found, 1))


def test_a_like_of_a_short_text_counts_less_than_one_of_a_long_text() -> None:
    rows = SMALL.rows([on(ROBOTS, 900), replace(on(PROTEINS, 901), abstract="")])
    long, short = rows.evidence
    assert 0 < short < long < 1
    found = train(rows, csr_matrix([[1.0, 1.0]]), SMALL.background)
    # The share of each in the profile is the evidence it gives: its row is so long.
    assert found.shares.toarray() == pytest.approx(1 / (long + short))


def test_scores_compare_between_a_reader_with_one_like_and_one_with_many() -> None:
    robots = library()[:12]
    found = profiles(likes(robots[0]), likes(*robots))
    own = [np.linalg.norm(weights(found, number)) for number in (0, 1)]
    assert own[1] <= own[0]


def test_a_reader_scores_the_same_alone_as_among_others() -> None:
    papers = library()
    readers = [likes(*papers[start : start + 4]) for start in range(20)]
    rows = FEATURES.rows(papers)
    together = profiles(*readers).score(rows)
    for number, own in enumerate(readers):
        assert np.array_equal(profiles(own).score(rows)[0], together[number])


def test_the_terms_that_rose_are_those_of_the_new_like() -> None:
    risen = risen_terms(profiles(likes(library()[0]), likes(library()[0], library()[14])), list(FEATURES.terms), 4)
    assert len(risen) == 4
    assert all(word in PROTEINS.split() for term in risen for word in term.split())


def test_nothing_rises_when_nothing_changed() -> None:
    assert risen_terms(profiles(likes(library()[0]), likes(library()[0])), list(FEATURES.terms), 5) == []


def test_a_rating_of_a_paper_without_a_text_counts_for_nothing() -> None:
    found = profiles(likes(library()[0], on(ROBOTS, 999)), likes(library()[0]))
    assert weights(found, 0) == pytest.approx(weights(found, 1))
