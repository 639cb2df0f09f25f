"""Why a paper is in a digest: the few terms, or the liked paper, that carried its score; worked out for many at once.

What is named adds up: a score is the sum over all its terms, and also the sum over all rated papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper
from digestbot.ranking.profile import DECIMALS, Weights
from digestbot.ranking.rows import IntArray, Kernel
from digestbot.ranking.text import said_in

MOST_TERMS = 3
# A pair speaks for its words when it carried at least so much as the weaker of them.
_SPEAKS = 0.5
# What is less is noise of single precision.
_LEAST = 10.0**-DECIMALS
# Two digits more than are shown.
_FINEST = 10.0 ** (DECIMALS + 2)
# Of so many candidates what can be named is kept: each takes some tens of kilobytes.
_KEPT = 2048
_NONE = -1


@dataclass(frozen=True, slots=True)
class Carried:
    """The terms that carried some scores, ``(n_pairs, 3)`` numbers and amounts; -1 and 0 where there are fewer."""

    terms: IntArray
    amounts: NDArray[np.float64]


class Carriers:
    """The terms of the candidates, of which some carry a reader's score; what depends on them alone is kept.

    ``columns`` are the numbers of the terms that any candidate has, rising. Only what stands in a candidate's text is
    named: a pair may reach over words that are no terms.
    """

    def __init__(self, terms: csr_matrix, names: NDArray[np.object_], papers: Sequence[Paper]) -> None:
        """Take the candidates' ``(n_papers, n_terms)`` rows, the names of all terms, and the papers themselves."""
        self._starts = terms.indptr.tolist()
        self._weights = np.asarray(terms.data, dtype=np.float64)
        columns, column = np.unique(terms.indices, return_inverse=True)
        self.columns = np.asarray(columns, dtype=np.intp)
        self._column = np.asarray(column, dtype=np.intp)
        self._names: list[str] = names[self.columns].tolist()
        self._stems = _stems_of(self._names)
        self._papers = papers
        self._nameable = lru_cache(maxsize=_KEPT)(self._nameable_of)

    def carried(self, weights: Weights, readers: IntArray, papers: IntArray) -> Carried:
        """Return for pairs of a reader and a candidate the terms that carried the most of the score.

        ``weights`` are the readers', of the terms of ``columns``; ``readers`` and ``papers``, each ``(n_pairs,)``,
        number readers, rising, and candidates. A pair of words that carried half as much as the weaker of them speaks
        for both, since it says more ("question answering") than either: its amount is all three. No word is named
        twice, nor as "robot" and "robots".
        """
        terms = np.full((len(readers), MOST_TERMS), _NONE, dtype=np.intp)
        amounts = np.zeros((len(readers), MOST_TERMS))
        if not len(readers):
            return Carried(terms, amounts)
        known = {paper: self._nameable(paper) for paper in np.unique(papers).tolist()}
        every = [known[paper] for paper in papers.tolist()]
        widths = np.array([len(one.columns) for one in every], dtype=np.intp)
        starts = np.cumsum(widths) - widths
        # By reader, as they are at hand; what is the same for all who get a candidate, by candidate.
        direct = weights.direct(np.repeat(readers, widths), np.concatenate([one.columns for one in every]))
        order = np.argsort(papers, kind="stable")
        firsts = np.flatnonzero(np.diff(papers[order], prepend=_NONE))
        for first, behind in pairwise([*firsts.tolist(), len(order)]):
            some = order[first:behind]
            one = every[some[0]]
            own = direct[starts[some][:, None] + np.arange(len(one.columns))]
            places, amounts[some] = one.strongest(own - weights.discount(readers[some], one.columns))
            terms[some] = one.terms[places]
        return Carried(terms, amounts)

    def _nameable_of(self, paper: int) -> _Nameable:
        entries = np.arange(self._starts[paper], self._starts[paper + 1])
        said = said_in(self._papers[paper].title) | said_in(self._papers[paper].abstract)
        names = [self._names[column] for column in self._column[entries].tolist()]
        stands = [" " not in name or name in said for name in names]
        entries, names = entries[stands], list(compress(names, stands))
        columns = self._column[entries]
        # The place behind all others is nowhere.
        terms = np.append(self.columns[columns], _NONE)
        return _Nameable.of(names, terms, columns, self._weights[entries], self._stems[columns])


@dataclass(frozen=True, slots=True)
class _Nameable:
    """The terms of one candidate that stand in its text: numbers, columns, and weights in its row; one number more, -1.

    ``repeats`` ``(n_terms, n_terms)`` says which have a stem in common; ``pairs`` are the places of those whose two
    words are terms here too, at ``words`` ``(2, n_pairs)``, and ``doubled`` those of one word twice.
    """

    terms: IntArray
    columns: IntArray
    weights: NDArray[np.float64]
    repeats: NDArray[np.bool_]
    pairs: IntArray
    words: IntArray
    doubled: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        terms: IntArray,
        columns: IntArray,
        weights: NDArray[np.float64],
        stems: NDArray[np.int32],
    ) -> _Nameable:
        places = {name: place for place, name in enumerate(names)}
        split = [(place, name.split(" ")) for place, name in enumerate(names) if " " in name]
        pairs = [
            (place, places[words[0]], places[words[1]])
            for place, words in split
            if words[0] in places and words[1] in places
        ]
        found = np.array(pairs, dtype=np.intp).reshape(-1, 3).T
        return cls(
            terms=terms,
            columns=columns,
            weights=weights,
            repeats=(stems[:, None, :, None] == stems[None, :, None, :]).any(axis=(2, 3)),
            pairs=found[0],
            words=found[1:],
            # "agent agent" is of one word.
            doubled=found[1] == found[2],
        )

    def strongest(self, weights: NDArray[np.float64]) -> tuple[IntArray, NDArray[np.float64]]:
        """Return ``(n_readers, 3)`` places of the terms that carried the most, and how much they did.

        ``weights`` is ``(n_readers, n_terms)``: the terms' in the readers' profiles.
        """
        places = np.full((len(weights), MOST_TERMS), _NONE, dtype=np.intp)
        amounts = np.zeros((len(weights), MOST_TERMS))
        if not len(self.columns):
            return places, amounts
        added = weights * self.weights
        # Whole numbers, so that a reader's terms come in the same order alone and among others.
        strength = np.rint((added + self._for_words(added)) * _FINEST)
        np.putmask(strength, added < _LEAST, 0.0)
        every = np.arange(len(added))
        for at in range(MOST_TERMS):
            # The first of equals: terms are in the order of the alphabet.
            best = strength.argmax(axis=1)
            amounts[:, at] = strength[every, best]
            places[:, at] = np.where(amounts[:, at] > 0, best, _NONE)
            np.putmask(strength, self.repeats[best], 0.0)
        return places, amounts / _FINEST

    def _for_words(self, added: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what pairs carried for their words."""
        found = np.zeros_like(added)
        first, second = np.maximum(added[:, self.words[0]], 0.0), np.maximum(added[:, self.words[1]], 0.0)
        weaker = np.minimum(first, second)
        speaks = (weaker > 0) & (added[:, self.pairs] >= _SPEAKS * weaker)
        found[:, self.pairs] = np.where(speaks, first + np.where(self.doubled, 0.0, second), 0.0)
        return found


def _stems_of(names: Sequence[str]) -> NDArray[np.int32]:
    """Return the stems of each term, ``(n_terms, 2)``, as numbers; that of a word twice."""
    known: dict[str, int] = {}
    found = [
        (known.setdefault(_stem(words[0]), len(known)), known.setdefault(_stem(words[-1]), len(known)))
        for words in (name.split(" ") for name in names)
    ]
    return np.array(found, dtype=np.int32).reshape(-1, 2)


def _stem(word: str) -> str:
    # Only to see that "robot" and "robots" are one: what is shown are whole words.
    return word.rstrip("s")


@dataclass(frozen=True, slots=True)
class CarryingLike:
    """The one liked paper that carried the most of some scores: its number among the rated, and how much."""

    numbers: IntArray
    amounts: NDArray[np.float64]


def carrying_like(
    shares: csr_matrix, settled: NDArray[np.float64], common: Kernel, readers: IntArray, papers: IntArray
) -> CarryingLike:
    """Return for pairs of a reader and a candidate the liked paper that carried the most; 0 where none did.

    ``common`` is what rated papers have in common with candidates. The amounts of all rated papers add up to the
    profile's score.
    """
    numbers, amounts = np.zeros(len(readers), dtype=np.intp), np.zeros(len(readers))
    counts = np.diff(shares.indptr)[readers]
    starts = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(readers), dtype=np.intp), counts)
    source = np.arange(len(owner)) + np.repeat(shares.indptr[readers] - starts, counts)
    rated = np.asarray(shares.indices[source], dtype=np.intp)
    share = np.maximum(shares.data[source], 0.0)
    # As numbers of one long row, which are looked up in half the time.
    at = rated * common.direct.shape[1] + np.repeat(papers, counts)
    discount = np.repeat(settled[readers], counts) * common.common.take(at)
    added = share.astype(np.float64) * (common.direct.take(at) - discount)
    some = np.flatnonzero(counts)
    if len(some):
        amounts[some] = np.maximum.reduceat(added, starts[some])
        # From behind, so that the first of equals stays.
        hits = np.flatnonzero(added == np.repeat(amounts, counts))[::-1]
        numbers[owner[hits]] = rated[hits]
    return CarryingLike(numbers, np.maximum(amounts, 0.0))
