"""How often each term stands in each paper.

Words are numbered, and a term is one number made of the numbers of its words: pairs of neighbours are found by
arithmetic on whole arrays, and only the terms that are worth a place ever become text.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper
from digestbot.ranking.rows import FloatArray, IntArray
from digestbot.ranking.text import runs_of, word_in
from digestbot.ranking.words import PAIR_WORDS

# The title is short and says the most. A pair with a word that says nothing alone says less than others: counted in
# full, such pairs made lists worse; counted half, they hardly told anything.
_TITLE, _IN_COMPANY = 2, 0.75
# Stands for the second word of a term that has one, and before all others: "agent" comes before "agent memory".
_NO_WORD = ""
# For runs without a word that says anything, and for words that are in no known term.
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
    """Return the terms of papers: words, and pairs of neighbours within the title or the abstract (``terms_of``).

    The title counts double, a pair with a word that is no term alone less. Without ``word_order``
    texts are bags of words: there are no pairs, and a title is nothing but a few of the words.
    """
    runs = _Runs({})
    read = _read(papers, runs)
    words = [_NO_WORD, *sorted(runs.words)]
    # In alphabetical order from 1 on, so that terms have the order of their texts: a blank comes before every letter.
    # From behind, the numbers of no word stay as they are.
    place = np.full(len(words) + 1, _NOTHING, dtype=np.int32)
    place[[runs.words[word] for word in words[1:]]] = np.arange(1, len(words))
    found = _terms(replace(read, words=place[read.words]), words, word_order=word_order)
    # Every word stands somewhere: only the pairs must be sorted to find the different ones.
    single = np.flatnonzero(_alone(words)[1:]) + 1
    pairs, number = np.unique(found.terms[found.singles :], return_inverse=True)
    terms = np.concatenate([single * len(words), pairs])
    order = np.argsort(terms)
    column = np.empty(len(terms), dtype=np.int32)
    column[order] = np.arange(len(terms))
    of_word = np.zeros(len(words), dtype=np.int32)
    of_word[single] = column[: len(single)]
    columns = np.concatenate([of_word[found.terms[: found.singles] // len(words)], column[len(single) + number]])
    matrix = csr_matrix((found.counts, (found.papers, columns)), shape=(len(papers), len(terms)))
    return Counts(matrix, words, terms[order])


class Counter:
    """Counts terms that are known beforehand."""

    def __init__(self, terms: Sequence[str], *, word_order: bool) -> None:
        parts = [term.partition(" ")[::2] for term in terms]
        words = sorted({_NO_WORD, *(word for pair in parts for word in pair)})
        self._words = words
        self._numbers = {word: number for number, word in enumerate(words)}
        codes = [self._numbers[first] * len(words) + self._numbers[second] for first, second in parts]
        self._order = np.argsort(codes, kind="stable")
        self._terms = np.array(codes, dtype=np.int64)[self._order]
        self._word_order = word_order

    def count(self, papers: Sequence[Paper]) -> csr_matrix:
        """Return ``(n_papers, n_terms)`` float32: how often each term stands in each paper."""
        read = _read(papers, _Runs(self._numbers, grows=False))
        found = _terms(read, self._words, word_order=self._word_order)
        at = np.minimum(np.searchsorted(self._terms, found.terms), len(self._terms) - 1)
        known = np.flatnonzero(self._terms[at] == found.terms)
        entries = (found.counts[known], (found.papers[known], self._order[at[known]]))
        return csr_matrix(entries, shape=(len(papers), len(self._terms)))


class _Runs(dict[str, int]):
    """The number of each run that was met; what its word is, is found out once.

    ``word_of`` is the number of its word, and ``whole`` says whether that is all of it. A word that is not among
    ``words`` gets the next number, and with ``grows`` off ``_UNKNOWN``.
    """

    def __init__(self, words: dict[str, int], *, grows: bool = True) -> None:
        super().__init__()
        self.words = words
        self.word_of, self.whole = array("i"), array("b")
        self._grows = grows

    def __missing__(self, run: str) -> int:
        word = word_in(run)
        if word is None:
            number = _NOTHING
        elif self._grows:
            number = self.words.setdefault(word, len(self.words))
        else:
            number = self.words.get(word, _UNKNOWN)
        self.word_of.append(number)
        self.whole.append(word == run)
        return self.setdefault(run, len(self))


@dataclass(frozen=True, slots=True)
class _Read:
    """Run after run: the number of its word, whether that is all of the run, and in which text it stands.

    The texts are the papers' titles and abstracts by turns.
    """

    words: NDArray[np.int32]
    whole: NDArray[np.bool_]
    texts: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Found:
    """Terms where they stand, first the ``singles``: which, in which paper, and for how many they count."""

    terms: NDArray[np.int64]
    papers: NDArray[np.int32]
    counts: FloatArray
    singles: int


def _read(papers: Sequence[Paper], known: _Runs) -> _Read:
    found, lengths = array("i"), array("i")
    for paper in papers:
        for text in (paper.title, paper.abstract):
            runs = runs_of(text)
            lengths.append(len(runs))
            found.extend(map(known.__getitem__, runs))
    runs_found = np.array(found, dtype=np.intp)
    word_of, whole = np.array(known.word_of, dtype=np.int32), np.array(known.whole, dtype=np.bool_)
    texts = np.repeat(np.arange(len(lengths), dtype=np.int32), np.array(lengths, dtype=np.int32))
    return _Read(word_of[runs_found], whole[runs_found], texts)


def _alone(words: Sequence[str]) -> NDArray[np.bool_]:
    """Return which words are terms by themselves."""
    return np.array([word not in PAIR_WORDS for word in words], dtype=np.bool_)


def _terms(read: _Read, words: Sequence[str], *, word_order: bool) -> _Found:
    numbers, texts = read.words, read.texts
    known = numbers >= 0
    alone = _alone(words)[np.maximum(numbers, 0)]
    single = np.flatnonzero(known & alone)
    codes = numbers.astype(np.int64) * len(words)
    papers = texts // 2
    if not word_order:
        return _Found(codes[single], papers[single], np.ones(len(single), dtype=np.float32), len(single))
    counts = np.where(texts % 2 == 0, np.float32(_TITLE), np.float32(1))
    # Whatever stands between two words that say something, they are a pair as long as it is no third one.
    saying = np.flatnonzero((numbers != _NOTHING) & alone)
    first, second = saying[:-1], saying[1:]
    neighbours = np.flatnonzero(known[first] & known[second] & (texts[first] == texts[second]))
    word = known & read.whole
    company = np.flatnonzero(word[:-1] & word[1:] & ~(alone[:-1] & alone[1:]) & (texts[:-1] == texts[1:]))
    at = np.concatenate([single, first[neighbours], company])
    others = np.concatenate([second[neighbours], company + 1])
    terms = codes[at]
    terms[len(single) :] += numbers[others]
    counts = counts[at]
    counts[len(at) - len(company) :] *= np.float32(_IN_COMPANY)
    return _Found(terms, papers[at], counts, len(single))
