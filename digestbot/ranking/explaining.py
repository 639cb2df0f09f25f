"""What is said of each paper of a digest: what of it is followed, which like or which terms carried it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper, PaperId, Reason
from digestbot.ranking.features import Features
from digestbot.ranking.follows import Followed
from digestbot.ranking.profile import DECIMALS, weights_of
from digestbot.ranking.rated import Rated
from digestbot.ranking.reasons import Carriers, carrying_like
from digestbot.ranking.rows import IntArray, Rows
from digestbot.ranking.selection import NOWHERE, Selected

# A liked paper is the reason when it carried so much of the score, among at least so many likes.
_OF_ONE_LIKE, _LEAST_LIKES = 0.5, 5


class Titles(Protocol):
    """Gives the titles of papers by id, of those it knows."""

    def titles(self, ids: Sequence[PaperId]) -> Mapping[PaperId, str]: ...


@dataclass(frozen=True, slots=True)
class Ratings:
    """What some readers rated, as numbers; rows and sizes are by reader.

    ``shares`` is ``(n_readers, n_rated)``, ``settled`` ``(n_readers,)`` as in ``profile.Profiles``; ``likes`` and
    ``counts`` are how many papers with words each likes: by their age, and in all.
    """

    shares: csr_matrix
    settled: NDArray[np.float64]
    likes: NDArray[np.float64]
    counts: IntArray


class Explainer:
    """Gives the reasons of chosen candidates."""

    def __init__(self, features: Features, papers: Sequence[Paper], rows: Rows, titles: Titles) -> None:
        self._names: list[str] = features.terms.tolist()
        self._carriers = Carriers(rows.terms, features.terms, papers)
        self._titles = titles
        self.columns = self._carriers.columns
        self._discount = features.background.discount
        self._directions = features.background.directions[self.columns].astype(np.float64)

    def reasons(
        self,
        ratings: Ratings,
        rated: Rated,
        followed: Followed,
        best: NDArray[np.float64],
        scores: NDArray[np.float64],
        selected: Selected,
    ) -> list[list[Reason]]:
        """Return for each reader the reasons of the chosen papers, in their order.

        ``rated`` knows the rated papers by the terms in ``columns``; ``scores`` ``(n_readers, n_candidates)`` are the
        candidates', ``best`` ``(n_readers,)`` what is followed is measured by.
        """
        rows, places = np.nonzero(selected.numbers != NOWHERE)
        papers, tries = selected.numbers[rows, places], selected.explored[rows, places]
        weights = weights_of(
            ratings.shares, ratings.settled, rated.terms, rated.place, self._discount, self._directions
        )
        terms = self._carriers.carried(weights, rows, papers)
        likes = carrying_like(ratings.shares, ratings.settled, rated.kernel, rows, papers)
        half = _OF_ONE_LIKE * scores[rows, papers]
        of_one = (half > 0) & (likes.amounts >= half) & (ratings.counts[rows] >= _LEAST_LIKES)
        of_one &= ~tries & (terms.terms[:, 0] >= 0)
        titles = self._titles.titles([rated.papers[one] for one in np.unique(likes.numbers[of_one]).tolist()])
        many = np.where(ratings.likes[rows] > 0, (terms.terms >= 0).sum(axis=1), 0)
        names = self._names
        bests = best.tolist()
        found: list[list[Reason]] = [[] for _ in bests]
        for row, paper, is_try, numbers, amounts, count, like, amount, is_of_one in zip(
            rows.tolist(),
            papers.tolist(),
            tries.tolist(),
            terms.terms.tolist(),
            terms.amounts.round(DECIMALS).tolist(),
            many.tolist(),
            likes.numbers.tolist(),
            likes.amounts.round(DECIMALS).tolist(),
            of_one.tolist(),
            strict=True,
        ):
            following = None if is_try else followed.reason(row, paper, bests[row])
            if following is not None:
                reason = following
            elif is_of_one and (title := titles.get(rated.papers[like])) is not None:
                reason = Reason(kind="liked", terms=(title,), amounts=(amount,))
            elif count:
                reason = Reason(
                    kind="explore" if is_try else "terms",
                    terms=tuple([names[number] for number in numbers[:count]]),
                    amounts=tuple(amounts[:count]),
                )
            else:
                reason = Reason(kind="explore" if is_try else "trending")
            found[row].append(reason)
        return found
