"""Profiles: ridge regression of a reader's ratings on the shared background, solved for all at once.

The corpus counts as unrated (0) beside a like's 1 and a dislike's -1. With the corpus ``X = U S V'``
cut off at k directions, ``a (X'X + aI)^-1 = I - V diag(S^2 / (S^2 + a)) V'``: what is rated, less its
share in what everybody writes about. So a profile is a sparse sum of rated papers and one k-vector.
Hoerl and Kennard, Ridge Regression (Technometrics 12, 1970); the inverse by Woodbury's identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from digestbot.ranking.features import Background, FloatArray, IntArray

_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of some readers, a row each.

    ``rated`` is ``(n_readers, n_terms)`` sparse, the weighted mean of what is rated, dislikes negative;
    ``correction`` is ``(n_readers, k)``. A term's weight is ``rated + correction @ directions.T``.
    """

    rated: csr_matrix
    correction: FloatArray
    background: Background

    def score(self, candidates: csr_matrix) -> FloatArray:
        """Return ``(n_candidates, n_readers)``: about the cosine to the likes, less what is common."""
        direct = (candidates @ self.rated.T).toarray()
        shared = (candidates @ self.background.directions) @ self.correction.T
        # BLAS sums in an order that depends on the shapes: without rounding, the last bits would order
        # papers of the same words, and do it otherwise for a reader alone than among others.
        return np.asarray(np.round(direct + shared, _DECIMALS))

    def contributions(self, reader: int, candidate: csr_matrix) -> tuple[IntArray, FloatArray]:
        """Return the term numbers of one ``(1, n_terms)`` candidate and what each adds to its score."""
        terms = np.asarray(candidate.indices, dtype=np.intp)
        return terms, candidate.data * self.weights(reader, terms)

    def weights(self, reader: int, terms: IntArray) -> FloatArray:
        """Return the weights of the given term numbers for one reader."""
        own = self.rated[[reader]].toarray().ravel()[terms]
        return np.asarray(own + self.background.directions[terms] @ self.correction[reader])


def train(rated: csr_matrix, values: csr_matrix, background: Background) -> Profiles:
    """Train all readers' profiles.

    ``rated`` is ``(n_papers, n_terms)`` TF-IDF, rows as long as the evidence of their texts, ``values``
    ``(n_readers, n_papers)`` with 1 for a like and -1 for a dislike. Each profile is divided by the evidence of its
    ratings, so scores compare.
    """
    # A rating counts as much as its paper's text says; rows without a word say nothing.
    evidence = np.sqrt(np.asarray(rated.multiply(rated).sum(axis=1)).ravel())
    total = np.asarray(abs(values) @ evidence).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    mean = csr_matrix(diags_array(scale) @ values @ rated)
    shrink = background.strengths / (background.strengths + background.regularisation)
    correction = -np.asarray(mean @ background.directions) * shrink
    return Profiles(mean, correction, background)


def risen_terms(before: Profiles, after: Profiles, reader: int, names: Sequence[str], limit: int) -> list[str]:
    """Return the terms whose weight rose most from one training to the next, of the same features."""
    everything = np.arange(len(names), dtype=np.intp)
    rise = after.weights(reader, everything) - before.weights(reader, everything)
    order = np.lexsort((everything, -rise))
    return [names[number] for number in order[:limit] if rise[number] > 1e-9]
