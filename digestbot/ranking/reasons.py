"""Why a paper is in a digest: the few terms, or the liked paper, that carried its score; worked out for many at once.

What is named adds up: a score is the sum over all its terms, and also the sum over all rated papers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper
from digestbot.ranking.features import Features
from digestbot.ranking.profile import DECIMALS
from digestbot.ranking.rows import FloatArray, IntArray, Kernel, Rows
from digestbot.ranking.text import said_in

MOST_TERMS = 3
# A pair speaks for its words when it carried at least so much as the weaker of them.
_SPEAKS = 0.5
_NONE = -1


@dataclass(frozen=True, slots=True)
class Carried:
    """The terms that carried some scores, ``(n_pairs, 3)`` numbers and amounts; -1 and 0 where there are fewer."""

    terms: IntArray
    amounts: NDArray[np.float64]


class Carriers:
    """The terms of the candidates, of which some carry a reader's score; what depends on them alone is kept.

    ``columns`` are the numbers of the terms that any candidate has, rising. Of the candidates' ``texts``, where they
    are given, only what stands in them is named: a pair may reach over words that are no terms.
    """

    def __init__(self, candidates: Rows, features: Features, texts: Sequence[Paper] | None = None) -> None:
        terms = candidates.terms
        self._starts = np.asarray(terms.indptr, dtype=np.intp)
        self._weights = np.asarray(terms.data, dtype=np.float64)
        self._background = features.background
        self.columns, column = np.unique(terms.indices, return_inverse=True)
        self._column = np.asarray(column, dtype=np.intp)
        names = [str(features.terms[number]) for number in self.columns]
        self._names = names
        self._texts = texts
        self._is_said = np.ones(len(self._column), dtype=np.bool_)
        self._is_read = np.full(len(self._starts) - 1, texts is None)
        # Of each entry of the matrix: the stems of its term, and the entries of its words in the same candidate.
        self._stems = _stems_of(names)[self._column]
        self._words = _entries_of_words(names, self._column, self._starts)

    def carried(
        self,
        shares: csr_matrix,
        settled: NDArray[np.float64],
        own: csr_matrix,
        place: FloatArray,
        readers: IntArray,
        papers: IntArray,
    ) -> Carried:
        """Return for pairs of a reader and a candidate the terms that carried the most of the score.

        ``shares`` ``(n_readers, n_rated)`` and ``settled`` are of the profiles; ``own`` are the rated papers' rows in
        ``columns`` and ``place`` their place; ``readers`` and ``papers``, each ``(n_pairs,)``, number readers and
        candidates. A pair of words that carried half as much as the weaker of them speaks for both, since it says more
        ("question answering") than either: its amount is all three. No word is named twice, nor as "robot" and
        "robots".
        """
        terms = np.full((len(readers), MOST_TERMS), _NONE, dtype=np.intp)
        amounts = np.zeros((len(readers), MOST_TERMS))
        order = np.lexsort((readers, papers))
        counts = np.diff(self._starts)[papers[order]]
        starts = np.concatenate([[0], np.cumsum(counts)])
        if not starts[-1]:
            return Carried(terms, amounts)
        # The entries of each pair's candidate, pair after pair.
        owner = np.repeat(np.arange(len(order), dtype=np.intp), counts)
        shift = self._starts[papers[order]] - starts[:-1]
        entry = np.arange(starts[-1]) + shift[owner]
        added = self._added(shares, settled, own, place, readers[order], papers[order], starts)
        added *= self._weights[entry]
        positive = np.maximum(added, 0.0)
        for_words = np.zeros(len(added))
        pairs = np.flatnonzero((self._words[entry, 0] != _NONE) & (added > 0))
        first, second = (positive[self._words[entry[pairs], side] - shift[owner[pairs]]] for side in (0, 1))
        weaker = np.minimum(first, second)
        # "agent agent" is of one word.
        second[self._words[entry[pairs], 0] == self._words[entry[pairs], 1]] = 0.0
        for_words[pairs] = np.where((weaker > 0) & (added[pairs] >= _SPEAKS * weaker), first + second, 0.0)
        # What is less is noise of single precision.
        self._read(np.unique(papers))
        some = np.flatnonzero((added >= 10**-DECIMALS) & self._is_said[entry])
        owner, entry = owner[some], entry[some]
        # Rounded, so that a reader's terms come in the same order alone and among others.
        strength = np.round(added[some] + for_words[some], DECIMALS + 2)
        stems = self._stems[entry]
        for at in range(MOST_TERMS):
            best = _best(strength, owner)
            who = owner[best]
            terms[order[who], at] = self.columns[self._column[entry[best]]]
            amounts[order[who], at] = strength[best]
            said = np.full((len(order), 2), _NONE, dtype=stems.dtype)
            said[who] = stems[best]
            said = said[owner]
            left = np.flatnonzero((stems[:, :, None] != said[:, None, :]).all(axis=(1, 2)))
            strength, owner, entry, stems = strength[left], owner[left], entry[left], stems[left]
        return Carried(terms, amounts)

    def _read(self, papers: IntArray) -> None:
        """Find out which terms of these candidates stand in their texts."""
        texts = self._texts or ()
        for number in papers[~self._is_read[papers]].tolist():
            said = said_in(texts[number].title) | said_in(texts[number].abstract)
            for entry in range(self._starts[number], self._starts[number + 1]):
                name = self._names[self._column[entry]]
                self._is_said[entry] = " " not in name or name in said
            self._is_read[number] = True

    def _added(
        self,
        shares: csr_matrix,
        settled: NDArray[np.float64],
        own: csr_matrix,
        place: FloatArray,
        readers: IntArray,
        papers: IntArray,
        starts: IntArray,
    ) -> NDArray[np.float64]:
        """Return the weight of the term of each entry for its pair's reader; pairs stand by candidate."""
        direct = (shares @ own).toarray()
        # In double precision, as all sums whose order depends on who else is there.
        common = np.asarray(shares @ place, dtype=np.float64) * self._background.discount * settled[:, None]
        found = np.empty(starts[-1])
        directions = self._background.directions
        _, firsts = np.unique(papers, return_index=True)
        for first, behind in zip(firsts.tolist(), [*firsts[1:].tolist(), len(papers)], strict=True):
            columns = self._column[self._starts[papers[first]] : self._starts[papers[first] + 1]]
            who = readers[first:behind]
            block = direct[who[:, None], columns] - common[who] @ directions[self.columns[columns]].T.astype(np.float64)
            found[starts[first] : starts[behind]] = block.ravel()
        return found


def _best(strength: NDArray[np.float64], owner: IntArray) -> IntArray:
    """Return the place of each owner's greatest strength, the first of equals; owners stand together."""
    if not len(owner):
        return owner
    begins = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    most = np.repeat(np.maximum.reduceat(strength, begins), np.diff([*begins.tolist(), len(owner)]))
    hits = np.flatnonzero(strength == most)
    return np.asarray(hits[np.concatenate([[True], owner[hits][1:] != owner[hits][:-1]])], dtype=np.intp)


def _stems_of(names: Sequence[str]) -> NDArray[np.int32]:
    """Return the stems of each term, ``(n_terms, 2)``, as numbers; that of a word twice."""
    known: dict[str, int] = {}
    found = [
        (known.setdefault(_stem(words[0]), len(known)), known.setdefault(_stem(words[-1]), len(known)))
        for words in (name.split(" ") for name in names)
    ]
    return np.array(found, dtype=np.int32).reshape(-1, 2)


def _entries_of_words(names: Sequence[str], column: IntArray, starts: IntArray) -> IntArray:
    """Return for each entry of a pair the entries of its two words in the same row; -1 twice where one lacks."""
    numbers = {name: number for number, name in enumerate(names)}
    words = np.full((len(names), 2), _NONE, dtype=np.intp)
    for number, name in enumerate(names):
        first, _, second = name.partition(" ")
        if second and first in numbers and second in numbers:
            words[number] = numbers[first], numbers[second]
    row = np.repeat(np.arange(len(starts) - 1, dtype=np.intp), np.diff(starts))
    # Within a row the columns rise: the keys are sorted.
    keys = row * len(names) + column
    found = np.full((len(column), 2), _NONE, dtype=np.intp)
    pairs = np.flatnonzero(words[column, 0] != _NONE)
    for side in (0, 1):
        wanted = row[pairs] * len(names) + words[column[pairs], side]
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found[pairs, side] = np.where(keys[at] == wanted, at, _NONE)
    found[(found == _NONE).any(axis=1)] = _NONE
    return found


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
    starts = np.concatenate([[0], np.cumsum(counts)])
    owner = np.repeat(np.arange(len(readers), dtype=np.intp), counts)
    source = shares.indptr[readers][owner] + np.arange(starts[-1]) - starts[owner]
    rated = np.asarray(shares.indices[source], dtype=np.intp)
    share = np.maximum(shares.data[source], 0.0)
    at = rated, papers[owner]
    added = share.astype(np.float64) * (common.direct[at] - settled[readers[owner]] * common.common[at])
    some = np.flatnonzero(counts)
    if len(some):
        amounts[some] = np.maximum.reduceat(added, starts[:-1][some])
        hits = np.flatnonzero(added == amounts[owner])
        owners, first = np.unique(owner[hits], return_index=True)
        numbers[owners] = rated[hits[first]]
    return CarryingLike(numbers, np.maximum(amounts, 0.0))


def strongest(carried: Mapping[str, float]) -> list[str]:
    """Return the terms by what they carried of a score, the most first.

    A pair that carried half as much as the weaker of its words speaks for them too: it says more
    ("question answering") than either word.
    """

    def weight(name: str) -> float:
        own = carried[name]
        # A set: "agent agent" is of one word.
        words = [carried.get(word, 0.0) for word in set(name.split())]
        return own + sum(words) if " " in name and own >= _SPEAKS * min(words) > 0 else own

    return sorted(carried, key=lambda name: (-weight(name), name))


def distinct(names: Iterable[str], limit: int) -> list[str]:
    """Return the first names that do not repeat the words of a stronger one."""
    chosen: list[str] = []
    for name in names:
        words = set(map(_stem, name.split()))
        if all(words.isdisjoint(map(_stem, other.split())) for other in chosen):
            chosen.append(name)
            if len(chosen) == limit:
                break
    return chosen


def _stem(word: str) -> str:
    # Only to see that "robot" and "robots" are one: what is shown are whole words.
    return word.rstrip("s")
