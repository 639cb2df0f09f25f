"""What resembles what: the nearest papers by their terms, and one order made of two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper, PaperId
from digestbot.ranking.profile import Weights
from digestbot.ranking.reasons import Carriers
from digestbot.ranking.rows import inverse, lengths, scaled

# Of Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods"
# (SIGIR 2009), where it was found on other collections than ours.
_RANKS_AHEAD = 60
_DECIMALS = 6


def similarities(wanted: csr_matrix, rows: csr_matrix) -> NDArray[np.float64]:
    """Return ``(n_papers,)`` scores in [0, 1) of what many rows have in common with one: 0 when that is no term.

    The cosine, times the root of the evidence of the row's text. By the cosine alone titles without an abstract come
    up too often, by the evidence itself too seldom: docs/searching.md has the figures.
    """
    one = scaled(wanted, inverse(lengths(wanted)))
    many = scaled(rows, np.sqrt(inverse(lengths(rows))))
    # Rounded, so that what is the same comes out the same however a sum was ordered.
    return np.round(np.asarray((many @ one.T).toarray(), dtype=np.float64).ravel(), _DECIMALS)


def by_score(papers: Sequence[Paper], scores: Sequence[float] | NDArray[np.float64]) -> list[int]:
    """Return the numbers of the papers with a score above 0, best first; ties: the newer, then the smaller id."""
    found = [number for number in range(len(papers)) if scores[number] > 0]
    return sorted(found, key=lambda n: (-scores[n], -papers[n].announced.toordinal(), papers[n].id))


def fused(orders: Iterable[Sequence[PaperId]]) -> dict[PaperId, float]:
    """Return the score of each paper that stands in any of the orders: the sum of ``1 / (60 + place)``.

    Places alone count, so that scores need not be of one kind.
    """
    scores: defaultdict[PaperId, float] = defaultdict(float)
    for order in orders:
        for place, identifier in enumerate(order, 1):
            scores[identifier] += 1 / (_RANKS_AHEAD + place)
    return dict(scores)


def strongest_terms(names: NDArray[np.object_], row: csr_matrix, limit: int) -> list[str]:
    """Return the terms that weigh most in a row, the most first."""
    order = np.lexsort((row.indices, -row.data))[:limit]
    return [str(names[number]) for number in row.indices[order]]


def shared_terms(wanted: csr_matrix, carriers: Carriers, number: int) -> list[int]:
    """Return the numbers of the few terms that carried the similarity of a row to one of the carriers' papers.

    As in a digest's reasons, with the row for a profile.
    """
    itself = csr_matrix(np.ones((1, 1), dtype=np.float32))
    nothing = np.zeros((1, 0)), np.zeros((len(carriers.columns), 0))
    found = carriers.carried(Weights(itself, wanted[:, carriers.columns], *nothing), np.array([0]), np.array([number]))
    return [term for term in found.terms[0].tolist() if term >= 0]
