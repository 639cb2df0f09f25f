"""What readers follow among the candidates: how much it adds to their scores, and what to say of it.

What is added is a share of the reader's own best score, so that it means the same for everyone: an author's paper is
above nearly everything, one that has a word goes before what fits as well without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from digestbot.models import Paper, Reason
from digestbot.ranking.features import Features
from digestbot.ranking.matching import Matcher
from digestbot.ranking.profile import DECIMALS
from digestbot.ranking.rows import IntArray, Rows

_AUTHOR, _WORD = 1.25, 0.25


@dataclass(frozen=True, slots=True)
class _Match:
    """The candidates that match what is followed, and how much of it each is: 1 for an author, else 0.5 to 1."""

    name: str
    authors: IntArray
    words: IntArray
    strengths: NDArray[np.float64]


class Following:
    """Finds what is followed among the candidates; what many follow is looked for once."""

    def __init__(self, matcher: Matcher, candidates: Rows, features: Features) -> None:
        self._matcher = matcher
        self._candidates = candidates
        self._features = features
        self._known: dict[str, _Match] = {}

    def match(self, text: str) -> _Match:
        """Return the candidates that match; those that speak of it the most, by TF-IDF, the strongest."""
        if text not in self._known:
            found = self._matcher.found(text)
            wanted = self._features.transform([_as_paper(found.name)])
            near = np.asarray((self._candidates.terms[found.words] @ wanted.T).toarray(), dtype=np.float64).ravel()
            strengths = 0.5 + 0.5 * near / max(near.max(initial=0.0), 1e-9)
            self._known[text] = _Match(found.name, found.authors, found.words, strengths)
        return self._known[text]


class Followed:
    """What some readers follow. ``likes`` ``(n_readers,)``: with each like a followed word counts less."""

    def __init__(
        self, following: Following, follows: Sequence[Sequence[str]], likes: NDArray[np.float64], candidates: int
    ) -> None:
        self._shares = np.zeros((len(follows), candidates))
        self._labels: list[dict[int, list[tuple[str, float]]]] = [{} for _ in follows]
        for row, texts in enumerate(follows):
            word = _WORD + (1 - _WORD) / (1 + likes[row])
            for text in texts:
                match = following.match(text)
                self._add(row, match.name, match.authors, np.full(len(match.authors), _AUTHOR))
                self._add(row, match.name, match.words, word * match.strengths)

    def _add(self, row: int, name: str, numbers: IntArray, shares: NDArray[np.float64]) -> None:
        self._shares[row, numbers] += shares
        for number, share in zip(numbers.tolist(), shares.tolist(), strict=True):
            self._labels[row].setdefault(number, []).append((name, share))

    def of(self, row: int) -> IntArray:
        """Return the numbers of the candidates that a reader follows something of."""
        return np.array(sorted(self._labels[row]), dtype=np.intp)

    def boosts(self, best: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``(n_readers, n_candidates)`` what is added to scores of which each reader's best is given."""
        return np.asarray(self._shares * best[:, None])

    def reason(self, row: int, paper: int, best: float) -> Reason | None:
        """Return what of a candidate is followed, ``None`` when nothing is."""
        labels = self._labels[row].get(paper)
        if not labels:
            return None
        # An author first; a name that is also a word of the title is said once.
        amounts: dict[str, float] = {}
        for name, share in sorted(labels, key=lambda one: -one[1]):
            amounts[name] = amounts.get(name, 0.0) + share * best
        return Reason(
            kind="follow",
            terms=tuple(amounts),
            amounts=tuple(round(amount, DECIMALS) for amount in amounts.values()),
        )


def _as_paper(text: str) -> Paper:
    return Paper(id="", title=text, abstract="", authors=(), categories=(), announced=date.min)
