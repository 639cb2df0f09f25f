"""Why a paper is in a digest: the few terms, or the liked paper, that carried its score; worked out for many at once.

What is named adds up: a score is the sum over all its terms, and also the sum over all rated papers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.ranking.features import Features
from digestbot.ranking.profile import DECIMALS
from digestbot.ranking.rows import FloatArray, IntArray, Rows

MOST_TERMS = 3
# A pair speaks for its words when it carried at least so much as the weaker of them.
_SPEAKS = 0.5
_NONE = -1


class Vocabulary:
    """The terms of a fit: their names, the words of each pair, and which of them say the same."""

    def __init__(self, features: Features) -> None:
        self.names = features.terms

    @cached_property
    def words(self) -> IntArray:
        """The numbers of the two words of each pair, ``(n_terms, 2)``; -1 for words, and for words not kept."""
        numbers = {name: number for number, name in enumerate(self.names)}
        found = np.full((len(self.names), 2), _NONE, dtype=np.intp)
        for number, name in enumerate(self.names):
            first, _, second = name.partition(" ")
            if second:
                found[number] = numbers.get(first, _NONE), numbers.get(second, _NONE)
        return found

    @cached_property
    def stems(self) -> IntArray:
        """The stems of each term, ``(n_terms, 2)``, as numbers; those of a word twice."""
        known: dict[str, int] = {}
        found = [
            [known.setdefault(_stem(word), len(known)) for word in (words[0], words[-1])]
            for words in (name.split(" ") for name in self.names)
        ]
        return np.array(found, dtype=np.intp).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Carried:
    """The terms that carried some scores, ``(n_pairs, 3)`` numbers and amounts; -1 and 0 where there are fewer."""

    terms: IntArray
    amounts: NDArray[np.float64]


def carried(
    shares: csr_matrix,
    rated: Rows,
    candidates: Rows,
    readers: IntArray,
    papers: IntArray,
    features: Features,
    vocabulary: Vocabulary,
) -> Carried:
    """Return for pairs of a reader and a candidate the terms that carried the most of the score.

    ``shares`` is ``(n_readers, n_rated)``; ``readers`` and ``papers``, each ``(n_pairs,)``, number its rows and the
    candidates. A pair of words that carried half as much as the weaker of them speaks for both, since it says more
    ("question answering") than either: its amount is all three. No word is named twice, nor as "robot" and "robots".
    """
    if not len(readers):
        return Carried(np.zeros((0, MOST_TERMS), dtype=np.intp), np.zeros((0, MOST_TERMS)))
    order = np.lexsort((readers, papers))
    slots = _Slots(candidates.terms, papers[order])
    added = _added(shares, rated, readers[order], papers[order], slots, features)
    strength, amount = _speaking(added, slots, vocabulary)
    terms = np.full((len(readers), MOST_TERMS), _NONE, dtype=np.intp)
    amounts = np.zeros((len(readers), MOST_TERMS))
    stems = vocabulary.stems[slots.terms]
    for place in range(MOST_TERMS):
        best, owners = slots.best(strength)
        if not len(best):
            break
        terms[order[owners], place] = slots.terms[best]
        amounts[order[owners], place] = amount[best]
        said = np.full((len(readers), 2), _NONE, dtype=np.intp)
        said[owners] = stems[best]
        said = said[slots.owner]
        repeats = (stems[:, 0] == said[:, 0]) | (stems[:, 0] == said[:, 1])
        repeats |= (stems[:, 1] == said[:, 0]) | (stems[:, 1] == said[:, 1])
        strength = np.where(repeats, 0.0, strength)
    return Carried(terms, amounts)


@dataclass(frozen=True, slots=True)
class CarryingLike:
    """The one liked paper that carried the most of some scores: its number among the rated, and how much."""

    numbers: IntArray
    amounts: NDArray[np.float64]


def carrying_like(shares: csr_matrix, kernel: FloatArray, readers: IntArray, papers: IntArray) -> CarryingLike:
    """Return for pairs of a reader and a candidate the liked paper that carried the most; 0 where none did.

    ``kernel`` is ``(n_rated, n_candidates)``. The amounts of all rated papers add up to the profile's score.
    """
    numbers, amounts = np.zeros(len(readers), dtype=np.intp), np.zeros(len(readers))
    counts = np.diff(shares.indptr)[readers]
    starts = np.concatenate([[0], np.cumsum(counts)])
    owner = np.repeat(np.arange(len(readers), dtype=np.intp), counts)
    source = shares.indptr[readers][owner] + np.arange(starts[-1]) - starts[owner]
    rated = np.asarray(shares.indices[source], dtype=np.intp)
    share = np.maximum(shares.data[source], 0.0)
    added = share.astype(np.float64) * kernel[rated, papers[owner]]
    some = np.flatnonzero(counts)
    if len(some):
        amounts[some] = np.maximum.reduceat(added, starts[:-1][some])
        hits = np.flatnonzero(added == amounts[owner])
        owners, first = np.unique(owner[hits], return_index=True)
        numbers[owners] = rated[hits[first]]
    return CarryingLike(numbers, np.maximum(amounts, 0.0))


class _Slots:
    """The terms of each pair's candidate, pair after pair in one row."""

    def __init__(self, matrix: csr_matrix, papers: IntArray) -> None:
        counts = np.diff(matrix.indptr)[papers]
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.owner = np.repeat(np.arange(len(papers), dtype=np.intp), counts)
        inside = np.arange(self.starts[-1]) - self.starts[self.owner]
        source = matrix.indptr[papers][self.owner] + inside
        self.terms = np.asarray(matrix.indices[source], dtype=np.intp)
        self.weights = np.asarray(matrix.data[source], dtype=np.float64)

    def best(self, strength: NDArray[np.float64]) -> tuple[IntArray, IntArray]:
        """Return the slot of each pair's greatest strength above 0, the first of equals, and whose it is."""
        owners = np.flatnonzero(np.diff(self.starts))
        most = np.zeros(len(self.starts) - 1)
        most[owners] = np.maximum.reduceat(strength, self.starts[:-1][owners])
        hits = np.flatnonzero((strength == most[self.owner]) & (strength > 0))
        found, first = np.unique(self.owner[hits], return_index=True)
        return hits[first], np.asarray(found, dtype=np.intp)


def _added(
    shares: csr_matrix,
    rated: Rows,
    readers: IntArray,
    papers: IntArray,
    slots: _Slots,
    features: Features,
) -> NDArray[np.float64]:
    """Return what each slot's term adds to its pair's score."""
    own = np.asarray((shares @ rated.terms).toarray())[readers[slots.owner], slots.terms]
    # In double precision, so that a reader's terms come in the same order alone and among others.
    place = np.asarray(shares @ rated.place, dtype=np.float64) * features.background.discount
    common = np.empty(len(own))
    directions = features.background.directions
    _, firsts = np.unique(papers, return_index=True)
    for first, behind in zip(firsts, [*firsts[1:], len(papers)], strict=True):
        terms = slots.terms[slots.starts[first] : slots.starts[first + 1]]
        block = place[readers[first:behind]] @ directions[terms].T.astype(np.float64)
        common[slots.starts[first] : slots.starts[behind]] = block.ravel()
    return np.asarray(np.round((own - common) * slots.weights, DECIMALS + 2))


def _speaking(
    added: NDArray[np.float64], slots: _Slots, vocabulary: Vocabulary
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how strongly each slot speaks for the score, and how much it stands for."""
    width = len(vocabulary.names)
    words = vocabulary.words[slots.terms]
    pairs = np.flatnonzero(words[:, 0] != _NONE)
    pairs = pairs[words[pairs, 1] != _NONE]
    # Within a pair's slots terms stand in the order of their numbers: the keys are sorted.
    keys = slots.owner * width + slots.terms
    parts = []
    for side in (0, 1):
        wanted = slots.owner[pairs] * width + words[pairs, side]
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        parts.append(np.where(keys[at] == wanted, np.maximum(added[at], 0.0), 0.0))
    weaker = np.minimum(parts[0], parts[1])
    speaks = (weaker > 0) & (added[pairs] >= _SPEAKS * weaker)
    amount = added.copy()
    amount[pairs] += np.where(speaks, parts[0] + parts[1], 0.0)
    return np.where(added > 0, amount, 0.0), amount


def strongest(carried: Mapping[str, float]) -> list[str]:
    """Return the terms by what they carried of a score, the most first.

    A pair that carried half as much as the weaker of its words speaks for them too: it says more
    ("question answering") than either word.
    """

    def weight(name: str) -> float:
        own = carried[name]
        words = [carried.get(word, 0.0) for word in name.split()]
        return own + sum(words) if len(words) > 1 and own >= _SPEAKS * min(words) > 0 else own

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
