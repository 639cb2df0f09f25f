"""TF-IDF over title and abstract, and the background that all profiles share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, strip_accents_unicode

from digestbot.models import Paper
from digestbot.ranking.words import STOP_WORDS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# A word begins with a letter: numbers and years say little about what a paper is about.
_WORD = re.compile(r"\b[^\W\d_][\w\-]+\b")
_SEED = 20250318
_MOST_TERMS = 60_000
# A term counts when it stands so often in the corpus (twice for a title), and in no more than this share of the papers.
# Measured on corpora of some thousand papers; of fewer it must be in two of them, or names that a single paper has
# given to its method weigh as much as what papers share.
_LEAST_COUNT, _LEAST_PAPERS, _MANY_PAPERS = 3, 2, 1000
_LARGEST_SHARE = 0.3
# How long a text must be, as a share of the usual length, to count half.
_HALF_EVIDENCE = 0.3
# Below this a small corpus, in which every paper is a direction of its own, explains the likes away.
_LEAST_REGULARISATION = 10.0
_SMALL_CORPUS = 50


@dataclass(frozen=True, slots=True)
class Background:
    """What the papers that nobody rated say about terms: the corpus, reduced to its main directions.

    ``directions`` is ``(n_terms, k)`` with orthonormal columns, ``strengths`` the ``(k,)`` squared
    singular values, ``regularisation`` the ridge constant.
    """

    directions: FloatArray
    strengths: FloatArray
    regularisation: float


class Features:
    """The vocabulary and the background fitted on a corpus.

    ``usual_length`` is the mean length of a paper's TF-IDF row before it is made one of length one.
    """

    def __init__(
        self, counter: CountVectorizer, weigher: TfidfTransformer, usual_length: float, background: Background
    ) -> None:
        self._counter = counter
        self._weigher = weigher
        self._usual_length = usual_length
        self.background = background
        self.terms: NDArray[np.object_] = counter.get_feature_names_out()

    @classmethod
    def fit(cls, corpus: Sequence[Paper], *, dimensions: int = 200) -> Features:
        """Fit on a corpus of at least one paper with a word in it; raise ``ValueError`` otherwise.

        ``dimensions`` bounds the number of main directions. The ridge constant follows the size of
        the corpus, since the directions' strengths grow with it.
        """
        everything = CountVectorizer(analyzer=words_and_pairs, dtype=np.float32)
        counts = csr_matrix(everything.fit_transform(corpus))
        kept = _kept(counts, small=len(corpus) < _SMALL_CORPUS)
        counter = CountVectorizer(
            analyzer=words_and_pairs, vocabulary=everything.get_feature_names_out()[kept], dtype=np.float32
        )
        weigher = TfidfTransformer(norm=None, sublinear_tf=True)
        rows = csr_matrix(weigher.fit_transform(counts[:, kept]))
        lengths = _lengths(rows)
        usual_length = float(lengths[lengths > 0].mean())
        # The background is of what papers are about, however much they say.
        return cls(counter, weigher, usual_length, _background(_scaled(rows, _inverse(lengths)), dimensions))

    def transform(self, papers: Sequence[Paper]) -> csr_matrix:
        """Return ``(n_papers, n_terms)`` TF-IDF rows whose length is the evidence that a text gives, below one.

        A title alone says less than a title with an abstract, as a like of it and as a candidate: a text counts half
        when it is 0.3 times as long as usual.
        """
        if not papers:
            return csr_matrix((0, len(self.terms)))
        rows = csr_matrix(self._weigher.transform(self._counter.transform(papers)))
        lengths = _lengths(rows)
        # The row over its length, times l / (l + 0.3) with l the length as a share of the usual one.
        return _scaled(rows, (lengths > 0) / (lengths + _HALF_EVIDENCE * self._usual_length))


def _kept(counts: csr_matrix, *, small: bool) -> IntArray:
    """Return the numbers of the terms that are worth a place: the most frequent ones, in their alphabetical order."""
    often = np.asarray(counts.sum(axis=0)).ravel()
    papers = np.bincount(counts.indices, minlength=counts.shape[1])
    enough = often >= _LEAST_COUNT if counts.shape[0] >= _MANY_PAPERS else papers >= _LEAST_PAPERS
    good = often > 0 if small else enough & (papers <= _LARGEST_SHARE * counts.shape[0])
    numbers = np.flatnonzero(good)
    if not len(numbers):
        raise ValueError("no term is left")
    order = np.lexsort((numbers, -papers[numbers], -often[numbers]))[:_MOST_TERMS]
    return np.asarray(np.sort(numbers[order]), dtype=np.intp)


def _lengths(rows: csr_matrix) -> FloatArray:
    return np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float64).ravel())


def _inverse(lengths: FloatArray) -> FloatArray:
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def _scaled(rows: csr_matrix, factors: FloatArray) -> csr_matrix:
    return csr_matrix(diags_array(factors.astype(np.float32)) @ rows)


def words_and_pairs(paper: Paper) -> list[str]:
    """Return the terms of a paper: words, and pairs of neighbours within the title or the abstract.

    The title counts double: it is short and says the most.
    """
    return 2 * _terms(paper.title) + _terms(paper.abstract)


def _terms(text: str) -> list[str]:
    words = [word for word in _WORD.findall(strip_accents_unicode(text.lower())) if word not in STOP_WORDS]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _background(matrix: csr_matrix, dimensions: int) -> Background:
    papers, terms = matrix.shape
    regularisation = max(_LEAST_REGULARISATION, papers / 1000)
    k = min(dimensions, papers - 1, terms - 1)
    if k < 1:
        return Background(np.zeros((terms, 0)), np.zeros(0), regularisation)
    svd = TruncatedSVD(n_components=k, n_iter=2, random_state=_SEED)
    # Papers that are all the same have no variance, by which scikit-learn divides for a figure we do not use.
    with np.errstate(divide="ignore", invalid="ignore"):
        svd.fit(matrix)
    directions = np.asarray(svd.components_.T, dtype=np.float64)
    return Background(directions, np.asarray(svd.singular_values_, dtype=np.float64) ** 2, regularisation)
