"""Profiles: ridge regression of a reader's ratings on the shared background, solved for all at once.

The corpus counts as unrated (0) beside a like's 1 and a dislike's -1. With the corpus ``X = U S V'``
cut off at k directions, ``a (X'X + aI)^-1 = I - V diag(S^2 / (S^2 + a)) V'``: what is rated, less its
share in what everybody writes about; of that less, as long as there are few ratings. So a profile is a
sum over the rated papers, a score a sum of kernel values (``rows.kernel``), and both are sums over terms.
Hoerl and Kennard, Ridge Regression (Technometrics 12, 1970); the inverse by Woodbury's identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import safe_sparse_dot

from digestbot.models import Paper, PaperId
from digestbot.ranking.features import Features
from digestbot.ranking.rows import Background, FloatArray, IntArray, Kernel, Rows, inverse, kernel, scaled

# Scores are sums of single precision: what is beyond this is noise, and must not order papers of the same words.
DECIMALS = 6
# With so many ratings half of the discount is taken.
_HALF_SETTLED = 3.0
# So often must a paper be rated for a like of it to count 1 / sqrt(2).
MANY_RATINGS = 10.0
# The weights of so many readers fit into the processor's reach.
_READERS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of some readers, a row each.

    ``shares`` is ``(n_readers, n_rated)`` sparse float32: how much each rated paper counts for each reader, dislikes
    negative. A score is divided by the evidence of all of a reader's ratings, so scores compare. ``settled``
    ``(n_readers,)`` is how much of the discount of what everybody writes about each reader's scores take.
    """

    shares: csr_matrix
    settled: NDArray[np.float64]
    rated: Rows
    background: Background

    def score(self, candidates: Rows) -> NDArray[np.float64]:
        """Return ``(n_readers, n_candidates)``: about the cosine to the likes, less what is common."""
        return rounded(scores_of(self.shares, self.settled, kernel(self.rated, candidates, self.background)))

    def weights(self) -> Weights:
        """Return the weights of all terms."""
        directions = self.background.directions.astype(np.float64)
        return weights_of(
            self.shares, self.settled, self.rated.terms, self.rated.place, self.background.discount, directions
        )


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of terms in some profiles; a score is their sum over a candidate's terms, by its row.

    What is rated, ``shares`` ``(n_readers, n_rated)`` of ``rated`` ``(n_rated, n_terms)``, less what everybody writes
    about, ``common`` ``(n_readers, k)`` along ``directions`` ``(n_terms, k)``. The last two are in double precision, as
    all sums whose order depends on who else is there. A matrix of all weights would take much longer to make than what
    is asked for.
    """

    shares: csr_matrix
    rated: csr_matrix
    common: NDArray[np.float64]
    directions: NDArray[np.float64]

    def of(self, readers: IntArray, terms: IntArray) -> NDArray[np.float64]:
        """Return ``(n_readers, n_terms)`` weights of these terms for these readers."""
        direct = safe_sparse_dot(self.shares[readers], self.rated[:, terms], dense_output=True)
        return np.asarray(direct - self.discount(readers, terms))

    def direct(self, readers: IntArray, terms: IntArray) -> FloatArray:
        """Return what is rated, of each of these readers, whose numbers rise, the one term beside it."""
        found = np.empty(len(readers), dtype=np.float32)
        for start in range(0, self.shares.shape[0], _READERS_AT_ONCE):
            some = slice(*np.searchsorted(readers, [start, start + _READERS_AT_ONCE]))
            rows = safe_sparse_dot(self.shares[start : start + _READERS_AT_ONCE], self.rated, dense_output=True)
            found[some] = rows.take((readers[some] - start) * rows.shape[1] + terms[some])
        return found

    def discount(self, readers: IntArray, terms: IntArray) -> NDArray[np.float64]:
        """Return ``(n_readers, n_terms)``: how much less it is for what everybody writes about."""
        return self.common[readers] @ self.directions[terms].T


def weights_of(
    shares: csr_matrix,
    settled: NDArray[np.float64],
    rated: csr_matrix,
    place: FloatArray,
    discount: FloatArray,
    directions: NDArray[np.float64],
) -> Weights:
    """Return the weights of the terms that ``rated`` ``(n_rated, n_terms)`` has columns of, and ``directions`` rows.

    ``shares`` and ``settled`` are as in ``Profiles``, ``place`` is that of the rated papers, ``discount`` as in
    ``Background``.
    """
    common = np.asarray(shares @ place, dtype=np.float64) * discount * settled[:, None]
    return Weights(shares, rated, common, directions)


def telling(ratings: IntArray, many: float = MANY_RATINGS) -> NDArray[np.float64]:
    """Return how much a like of each paper says about who likes it, in (0, 1], by how many rated it in all.

    What everybody likes says less about anybody: half as much when thirty rated it.
    """
    return np.asarray(1 / np.sqrt(1 + ratings / many))


def train(rated: Rows, values: csr_matrix, background: Background) -> Profiles:
    """Train all readers' profiles.

    ``values`` is ``(n_readers, n_rated)``, positive for a like and negative for a dislike, closer to 0 the longer ago.
    """
    return Profiles(shares_of(values, rated.evidence), settled(values, rated.evidence), rated, background)


def settled(values: csr_matrix, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each reader's profile is settled, in [0, 1), by the number of ratings that say something.

    With one or two, what everybody writes about is most of what is known of a reader, and discounting it loses more
    than it tells apart: half of the discount is taken with three ratings, all but a hundredth with thirty.
    """
    every = csr_matrix((np.ones(len(values.data)), values.indices, values.indptr), shape=values.shape)
    squares = np.asarray(every @ (evidence > 0).astype(np.float64)) ** 2
    return np.asarray(squares / (squares + _HALF_SETTLED**2))


def scores_of(shares: csr_matrix, settled: NDArray[np.float64], common: Kernel) -> NDArray[np.float64]:
    """Return ``(n_readers, n_candidates)`` scores; ``common`` is what rated papers have in common with candidates."""
    discount = np.asarray(shares @ common.common, dtype=np.float64) * settled[:, None]
    return np.asarray(shares @ common.direct, dtype=np.float64) - discount


def shares_of(values: csr_matrix, evidence: NDArray[np.float64]) -> csr_matrix:
    """Return how much each rating counts in its reader's profile: a rating says as much as its paper's text says."""
    values = csr_matrix(values, dtype=np.float32)
    # Not scipy's abs(), which would sort and merge the ratings where they are.
    absolute = csr_matrix((np.abs(values.data), values.indices, values.indptr), shape=values.shape)
    return scaled(values, inverse(np.asarray(absolute @ evidence, dtype=np.float64).ravel()))


def rounded(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return scores without the digits that are noise."""
    return np.asarray(np.round(np.asarray(scores, dtype=np.float64), DECIMALS))


def profiles_of(
    features: Features,
    texts: Mapping[PaperId, Paper],
    ratings: Sequence[Sequence[tuple[PaperId, float]]],
    counts: Mapping[PaperId, int] | None = None,
) -> Profiles:
    """Train the profile of each list of ratings; a paper without a text counts for nothing.

    ``counts`` says how many readers rated each paper in all; without it, that is not looked at.
    """
    known = counts or {}
    papers = [paper for paper in sorted({paper for own in ratings for paper, _ in own}) if paper in texts]
    numbers = {paper: number for number, paper in enumerate(papers)}
    weights = telling(np.array([known.get(paper, 0) for paper in papers], dtype=np.intp))
    found = [
        (reader, numbers[paper], value * weights[numbers[paper]])
        for reader, own in enumerate(ratings)
        for paper, value in own
        if paper in numbers
    ]
    readers, columns, values = zip(*found, strict=True) if found else ((), (), ())
    matrix = csr_matrix((values, (readers, columns)), shape=(len(ratings), len(papers)), dtype=np.float32)
    return train(features.rows([texts[paper] for paper in papers]), matrix, features.background)


def risen_terms(profiles: Profiles, names: Sequence[str], limit: int) -> list[str]:
    """Return the terms whose weight is higher in the second of two profiles than in the first, by how much."""
    everything = np.arange(len(names), dtype=np.intp)
    before, after = profiles.weights().of(np.array([0, 1]), everything)
    rise = after - before
    order = np.lexsort((everything, -rise))
    return [names[number] for number in order[:limit] if rise[number] > 10**-DECIMALS]
