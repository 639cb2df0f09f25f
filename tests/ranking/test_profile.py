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
from digestbot.ranking.features import Background, Features
from digestbot.ranking.profile import Profiles, risen_terms, train
from tests.ranking.library import PROTEINS, ROBOTS, library, likes, on, paper_lists, ranker, reader

SMALL = Features.fit(library(), dimensions=10)


def dense(matrix: csr_matrix) -> NDArray[np.float64]:
    return np.asarray(matrix.toarray(), dtype=np.float64)


def directly(
    corpus: NDArray[np.float64], rated: NDArray[np.float64], values: list[float], ridge: float
) -> NDArray[np.float64]:
    """Return the weights w of (X'X + aI) w = a R'y / e, solved as it stands there; e is the length of R's rows in all."""
    terms = corpus.shape[1]
    right = ridge * rated.T @ np.array(values) / np.linalg.norm(rated, axis=1).sum()
    return np.asarray(np.linalg.solve(corpus.T @ corpus + ridge * np.eye(terms), right))


def weights(profiles: Profiles, reader: int = 0) -> NDArray[np.float64]:
    terms = profiles.rated.shape[1]
    return profiles.weights(reader, np.arange(terms, dtype=np.intp))


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
    profiles = train(csr_matrix(rated), csr_matrix([values]), Background(right.T, singular**2, ridge))
    assert weights(profiles) == pytest.approx(directly(corpus, rated, values, ridge), abs=1e-9)


def test_a_fitted_corpus_with_all_its_directions_gives_the_same_solve() -> None:
    # A fit keeps one direction fewer than there are papers: one paper stands twice, so that none is lost.
    corpus = [*library(), library()[0]]
    features = Features.fit(corpus, dimensions=len(corpus))
    assert features.background.directions.shape[1] == len(corpus) - 1
    rated, values = [corpus[3], corpus[20], corpus[30]], [1.0, 1.0, -1.0]
    matrix = features.transform(rated)
    profiles = train(matrix, csr_matrix([values]), features.background)
    rows = dense(features.transform(corpus))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    direct = directly(rows, dense(matrix), values, features.background.regularisation)
    assert weights(profiles) == pytest.approx(direct, abs=1e-5)


@given(paper_lists(least=2), st.data())
@settings(max_examples=15, deadline=None)
def test_the_terms_of_a_candidate_carry_its_whole_score(papers: list[Paper], data: st.DataObject) -> None:
    features = SMALL
    values = data.draw(st.lists(st.sampled_from([1.0, -1.0, 0.0]), min_size=len(papers), max_size=len(papers)))
    profiles = train(features.transform(papers), csr_matrix([values, values[::-1]]), features.background)
    matrix = features.transform(papers)
    scores = profiles.score(matrix)
    for row in range(len(papers)):
        for one in (0, 1):
            numbers, added = profiles.contributions(one, matrix[[row]])
            assert added.sum() == pytest.approx(scores[row, one], abs=1e-6)
            present = set(features.transform([papers[row]]).indices)
            assert set(numbers) == present


def test_a_like_raises_what_resembles_it_and_a_dislike_lowers_it() -> None:
    near, far = on(ROBOTS, 900), on(PROTEINS, 901)
    rank = ranker([near, far])
    liked, disliked = on(ROBOTS, 101), on(ROBOTS, 102)
    assert {liked.id, disliked.id} <= {one.id for one in library()}
    matrix = rank._features.transform([near, far])
    scores = rank.profiles([(), likes(liked).ratings, reader((disliked, -1)).ratings]).score(matrix)
    assert (scores[:, 0] == 0).all()
    assert scores[0, 1] > 0.05
    assert scores[0, 2] < -0.05
    assert abs(scores[1, 1]) < 0.05
    assert abs(scores[1, 2]) < 0.05


def test_a_dislike_is_a_like_turned_round() -> None:
    profiles = ranker([]).profiles([reader((library()[0], 1)).ratings, reader((library()[0], -1)).ratings])
    assert weights(profiles, 0) == pytest.approx(-weights(profiles, 1))


def test_a_like_of_a_short_text_counts_less_than_one_of_a_long_text() -> None:
    matrix = SMALL.transform([on(ROBOTS, 900), replace(on(PROTEINS, 901), abstract="")])
    long, short = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    assert 0 < short < long < 1
    profiles = train(matrix, csr_matrix([[1.0, 1.0]]), SMALL.background)
    # The share of each in the profile is the evidence it gives.
    assert profiles.rated.toarray() == pytest.approx((matrix[[0]] + matrix[[1]]).toarray() / (long + short))


def test_scores_compare_between_a_reader_with_one_like_and_one_with_many() -> None:
    robots = library()[:12]
    profiles = ranker([]).profiles([likes(robots[0]).ratings, likes(*robots).ratings])
    own = [np.linalg.norm(weights(profiles, number)) for number in (0, 1)]
    assert own[1] <= own[0]


def test_a_reader_scores_the_same_alone_as_among_others() -> None:
    papers = library()
    rank = ranker(papers)
    readers = [likes(*papers[start : start + 4]).ratings for start in range(20)]
    matrix = rank._features.transform(papers)
    together = rank.profiles(readers).score(matrix)
    for number, own in enumerate(readers):
        assert np.array_equal(rank.profiles([own]).score(matrix)[:, 0], together[:, number])


def test_the_terms_that_rose_are_those_of_the_new_like() -> None:
    rank = ranker([])
    before = rank.profiles([likes(library()[0]).ratings])
    after = rank.profiles([likes(library()[0], library()[14]).ratings])
    names = [str(name) for name in rank._features.terms]
    risen = risen_terms(before, after, 0, names, 4)
    assert len(risen) == 4
    assert all(word in PROTEINS.split() for term in risen for word in term.split())


def test_nothing_rises_when_nothing_changed() -> None:
    profiles = ranker([]).profiles([likes(library()[0]).ratings])
    names = [str(name) for name in ranker([])._features.terms]
    assert risen_terms(profiles, profiles, 0, names, 5) == []
