"""TF-IDF over title and abstract, and the background that all profiles share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from digestbot.models import Paper

FloatArray = NDArray[np.float64]

# A word begins with a letter: numbers and years say little about what a paper is about.
_WORD = r"(?u)\b[^\W\d_][\w\-]+\b"
_SEED = 20250318


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
            ngram_range=(1, 2),
            min_df=2 if len(corpus) >= 500 else 1,
            max_df=0.3 if len(corpus) >= 500 else 1.0,
            sublinear_tf=True,
            stop_words=_STOP_WORDS,
            strip_accents="unicode",
            token_pattern=_WORD,
            dtype=np.float32,
        )
        matrix = csr_matrix(vectorizer.fit_transform(text(paper) for paper in corpus))
        return cls(vectorizer, _background(matrix, dimensions))

    def transform(self, papers: Sequence[Paper]) -> csr_matrix:
        """Return ``(n_papers, n_terms)`` TF-IDF rows of length one (or zero, without a known word)."""
        if not papers:
            return csr_matrix((0, len(self.terms)))
        return csr_matrix(self._vectorizer.transform(text(paper) for paper in papers))


def text(paper: Paper) -> str:
    """Return what a paper is judged by. The title counts double: it is short and says the most."""
    return f"{paper.title}\n{paper.title}\n{paper.abstract}"


def _background(matrix: csr_matrix, dimensions: int) -> Background:
    papers, terms = matrix.shape
    regularisation = max(1.0, papers / 1000)
    k = min(dimensions, papers - 1, terms - 1)
    if k < 1:
        return Background(np.zeros((terms, 0)), np.zeros(0), regularisation)
    svd = TruncatedSVD(n_components=k, n_iter=2, random_state=_SEED)
    svd.fit(matrix)
    directions = np.asarray(svd.components_.T, dtype=np.float64)
    return Background(directions, np.asarray(svd.singular_values_, dtype=np.float64) ** 2, regularisation)


# Words of the genre rather than of a subject, besides the grammar's: they would only make reasons dull.
_STOP_WORDS = sorted(
    set(
        """
    a about above after again against all also although among an and any are as at be because been
    before being below between both but by can cannot could did do does doing done down due during each
    either etc even ever every few first for from further furthermore had has have having he her here hers
    him his how however i if in into is it its itself just least less like many may me might more moreover
    most much must my near neither no nor not now of off often on once one only onto or other others our
    ours out over own per rather s same second several she should since so some still such t than that the
    their theirs them then there thereby therefore these they this those though three through thus to too
    toward towards two under until up upon us use used uses using usually various very via was way we well
    were what when where whereas whether which while who whom whose why will with within without would yet
    you your yours
    abstract achieve achieved achieves achieving address addresses approach approaches available based
    code demonstrate demonstrates effective effectively existing experiment experimental experiments extensive
    github https com improve improved improves improving introduce introduces introduced method methods
    novel outperform outperforms outperforming paper papers performance present presents propose proposed
    proposes provide provides recent recently result results show showing shown shows significant
    significantly specifically state-of-the-art study task tasks work works
    """.split()
    )
)
