"""TF-IDF over title and abstract, and the background that all profiles share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer, strip_accents_unicode

from digestbot.models import Paper
from digestbot.ranking.words import STOP_WORDS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# A word begins with a letter: numbers and years say little about what a paper is about.
_WORD = re.compile(r"\b[^\W\d_][\w\-]+\b")
_SEED = 20250318
_MOST_TERMS = 60_000
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
    """The vocabulary and the background fitted on a corpus."""

    def __init__(self, vectorizer: TfidfVectorizer, background: Background) -> None:
        self._vectorizer = vectorizer
        self.background = background
        self.terms: NDArray[np.object_] = vectorizer.get_feature_names_out()

    @classmethod
    def fit(cls, corpus: Sequence[Paper], *, dimensions: int = 200) -> Features:
        """Fit on a corpus of at least one paper with a word in it; raise ``ValueError`` otherwise.

        ``dimensions`` bounds the number of main directions. The ridge constant follows the size of
        the corpus, since the directions' strengths grow with it.
        """
        vectorizer = TfidfVectorizer(
            analyzer=words_and_pairs,
            min_df=2 if len(corpus) >= _SMALL_CORPUS else 1,
            max_df=0.3 if len(corpus) >= _SMALL_CORPUS else 1.0,
            sublinear_tf=True,
            max_features=_MOST_TERMS,
            dtype=np.float32,
        )
        matrix = csr_matrix(vectorizer.fit_transform(corpus))
        return cls(vectorizer, _background(matrix, dimensions))

    def transform(self, papers: Sequence[Paper]) -> csr_matrix:
        """Return ``(n_papers, n_terms)`` TF-IDF rows of length one (or zero, without a known word)."""
        if not papers:
            return csr_matrix((0, len(self.terms)))
        return csr_matrix(self._vectorizer.transform(papers))


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
