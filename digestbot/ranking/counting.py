"""How often each term stands in each paper.

Words are numbered, and a term is one number made of the numbers of its words: pairs of neighbours are found by
arithmetic on whole arrays, and only the terms that are worth a place ever become text.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper
from digestbot.ranking.rows import FloatArray, IntArray
from digestbot.ranking.text import runs_of, word_in

# The title is short and says the most.
_TITLE = 2
# Stands for the second word of a term that has one, and before all others: "agent" comes before "agent memory".
_NO_WORD = ""
# For runs of letters without a word that says anything, and for words that are in no known term.
_NOTHING, _UNKNOWN = -2, -1


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each term stands in each paper, ``(n_papers, n_terms)`` float32; terms in alphabetical order.

    A term is the number of its first word times how many ``words`` there are, plus that of its second, which is 0, that
    of no word, where there is none.
    """

    matrix: csr_matrix
    words: Sequence[str]
    terms: NDArray[np.int64]

    def names(self, numbers: IntArray) -> list[str]:
        """Return the texts of these terms."""
        first, second = np.divmod(self.terms[numbers], len(self.words))
        words = self.words
        return [
            f"{words[one]} {words[other]}" if other else words[one]
            for one, other in zip(first.tolist(), second.tolist(), strict=True)
        ]


def counted(papers: Sequence[Paper], *, word_order: bool) -> Counts:
    """Return the terms of papers: words, and pairs of neighbours within the title or the abstract.

    The title counts double. Without ``word_order`` texts are bags of words: there are no pairs, and a title is nothing
    but a few of the words.
    """
    seen = _Numbers({})
    numbers, texts = _read(papers, seen)
    words = sorted(seen.words)
    # In alphabetical order from 1 on, so that terms have the order of their texts: a blank comes before every letter.
    place = np.empty(len(words), dtype=np.int32)
    place[[seen.words[word] for word in words]] = np.arange(1, len(words) + 1)
    found = _terms(place[numbers], texts, len(words) + 1, word_order=word_order)
    # Every word stands somewhere: only the pairs must be sorted to find the different ones.
    many = len(numbers)
    pairs, number = np.unique(found.terms[many:], return_inverse=True)
    terms = np.concatenate([np.arange(1, len(words) + 1, dtype=np.int64) * (len(words) + 1), pairs])
    order = np.argsort(terms)
    column = np.empty(len(terms), dtype=np.int32)
    column[order] = np.arange(len(terms))
    columns = np.concatenate([column[place[numbers] - 1], column[len(words) + number]])
    matrix = csr_matrix((found.counts, (found.papers, columns)), shape=(len(papers), len(terms)))
    return Counts(matrix, [_NO_WORD, *words], terms[order])


class Counter:
    """Counts terms that are known beforehand."""

    def __init__(self, terms: Sequence[str], *, word_order: bool) -> None:
        parts = [term.partition(" ")[::2] for term in terms]
        words = sorted({_NO_WORD, *(word for pair in parts for word in pair)})
        self._words = {word: number for number, word in enumerate(words)}
        codes = [self._words[first] * len(words) + self._words[second] for first, second in parts]
        self._order = np.argsort(codes, kind="stable")
        self._terms = np.array(codes, dtype=np.int64)[self._order]
        self._word_order = word_order

    def count(self, papers: Sequence[Paper]) -> csr_matrix:
        """Return ``(n_papers, n_terms)`` float32: how often each term stands in each paper."""
        numbers, texts = _read(papers, _Numbers(self._words, grows=False))
        found = _terms(numbers, texts, len(self._words), word_order=self._word_order)
        at = np.minimum(np.searchsorted(self._terms, found.terms), len(self._terms) - 1)
        known = np.flatnonzero(self._terms[at] == found.terms)
        entries = (found.counts[known], (found.papers[known], self._order[at[known]]))
        return csr_matrix(entries, shape=(len(papers), len(self._terms)))


class _Numbers(dict[str, int]):
    """The number of the word in each run of letters that was met; what the word is, is found out once.

    A word that is not among ``words`` gets the next number, and with ``grows`` off ``_UNKNOWN``.
    """

    def __init__(self, words: dict[str, int], *, grows: bool = True) -> None:
        super().__init__()
        self.words = words
        self._grows = grows

    def __missing__(self, run: str) -> int:
        word = word_in(run)
        if word is None:
            number = _NOTHING
        elif self._grows:
            number = self.words.setdefault(word, len(self.words))
        else:
            number = self.words.get(word, _UNKNOWN)
        self[run] = number
        return number


@dataclass(frozen=True, slots=True)
class _Found:
    """Terms where they stand: which, in which paper, and for how many they count."""

    terms: NDArray[np.int64]
    papers: NDArray[np.int32]
    counts: FloatArray


def _read(papers: Sequence[Paper], known: _Numbers) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the number of every word, and in which text it stands: the papers' titles and abstracts by turns."""
    found, lengths = array("i"), array("i")
    for paper in papers:
        for text in (paper.title, paper.abstract):
            runs = runs_of(text)
            lengths.append(len(runs))
            found.extend(map(known.__getitem__, runs))
    numbers = np.array(found, dtype=np.int32)
    texts = np.repeat(np.arange(len(lengths), dtype=np.int32), np.array(lengths, dtype=np.int32))
    words = numbers != _NOTHING
    return numbers[words], texts[words]


def _terms(numbers: NDArray[np.int32], texts: NDArray[np.int32], words: int, *, word_order: bool) -> _Found:
    papers = texts // 2
    codes = numbers.astype(np.int64) * words
    if not word_order:
        return _Found(codes, papers, np.ones(len(codes), dtype=np.float32))
    counts = np.where(texts % 2 == 0, np.float32(_TITLE), np.float32(1))
    both = (numbers[:-1] != _UNKNOWN) & (numbers[1:] != _UNKNOWN)
    pairs = np.flatnonzero((texts[:-1] == texts[1:]) & both)
    return _Found(
        np.concatenate([codes, codes[pairs] + numbers[pairs + 1]]),
        np.concatenate([papers, papers[pairs]]),
        np.concatenate([counts, counts[pairs]]),
    )
