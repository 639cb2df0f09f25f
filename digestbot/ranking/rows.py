"""Papers as rows of numbers, and how much two of them have in common beyond what everybody writes about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Background:
    """The main directions of a corpus, and how much what lies in one counts.

    ``directions`` is ``(n_terms, k)`` float32 with orthonormal columns, ``discount`` ``(k,)`` in [0, 1): the share of
    a direction that says nothing about a reader, because it is what everybody writes about.
    """

    directions: FloatArray
    discount: FloatArray


@dataclass(frozen=True, slots=True)
class Rows:
    """Some papers: TF-IDF rows as long as the evidence of their texts, and their place among the main directions.

    ``terms`` is ``(n_papers, n_terms)`` float32, ``place`` ``(n_papers, k)`` float32: ``terms @ directions``.
    """

    terms: csr_matrix
    place: FloatArray

    def __len__(self) -> int:
        return int(self.terms.shape[0])

    def take(self, numbers: IntArray | Sequence[int]) -> Rows:
        """Return the rows of these numbers, in this order."""
        return Rows(self.terms[numbers], self.place[numbers])

    @property
    def evidence(self) -> NDArray[np.float64]:
        """How much each text says, ``(n_papers,)`` in [0, 1)."""
        return lengths(self.terms)


def located(terms: csr_matrix, background: Background) -> Rows:
    """Return papers with their place among the directions."""
    return Rows(terms, np.asarray(terms @ background.directions, dtype=np.float32))


def stacked(parts: Sequence[Rows]) -> Rows:
    """Return the papers of all parts, of which there is at least one, in order."""
    if len(parts) == 1:
        return parts[0]
    return Rows(csr_matrix(vstack([part.terms for part in parts])), np.concatenate([part.place for part in parts]))


@dataclass(frozen=True, slots=True)
class Kernel:
    """What papers have in common with others, and what of that lies in what everybody writes about.

    Both ``(n_some, n_others)`` float32: ``x y'`` and ``x V D V' y'``. The first less the second is the inner product of
    ridge regression, times its constant (see ``profile``).
    """

    direct: FloatArray
    common: FloatArray


def kernel(some: Rows, others: Rows, background: Background) -> Kernel:
    """Return what each of some papers has in common with each of the others."""
    direct = np.asarray((some.terms @ others.terms.T).toarray(), dtype=np.float32)
    # In double precision, then rounded: BLAS sums in an order that depends on the shapes, and papers of the same words
    # must come out the same for a reader alone and among others.
    common = (some.place.astype(np.float64) * background.discount) @ others.place.astype(np.float64).T
    return Kernel(direct, common.astype(np.float32))


def cosines(rows: Rows) -> FloatArray:
    """Return ``(n_papers, n_papers)`` float32 cosines of the papers' terms; 0 for a paper without a word."""
    unit = scaled(rows.terms, inverse(rows.evidence))
    return np.asarray((unit @ unit.T).toarray(), dtype=np.float32)


def lengths(matrix: csr_matrix) -> NDArray[np.float64]:
    """Return the length of each row."""
    squares = np.asarray(matrix.data, dtype=np.float64) ** 2
    return np.asarray(
        np.sqrt(np.add.reduceat(np.append(squares, 0.0), matrix.indptr[:-1]) * (np.diff(matrix.indptr) > 0))
    )


def inverse(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one over each value, 0 for 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def scaled(matrix: csr_matrix, factors: NDArray[np.float64]) -> csr_matrix:
    """Return the matrix with each row multiplied by its factor."""
    data = matrix.data * np.repeat(factors, np.diff(matrix.indptr)).astype(np.float32)
    return csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
