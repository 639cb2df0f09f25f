"""TF-IDF over title and abstract, and the background that all profiles share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer

from digestbot.models import Paper
from digestbot.ranking.counting import Counter, counted
from digestbot.ranking.rows import Background, IntArray, Rows, inverse, lengths, located, scaled
from digestbot.ranking.text import has_word_order

_MOST_TERMS = 60_000
# A term counts when it stands so often in the corpus (twice for a title), and in no more than this share of the papers.
# Measured on corpora of some thousand papers; of fewer it must be in two of them, or names that a single paper has
# given to its method weigh as much as what papers share.
_LEAST_COUNT, _LEAST_PAPERS, _MANY_PAPERS = 3, 2, 1000
_LARGEST_SHARE = 0.3
_SMALL_CORPUS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a fit depends on besides the corpus; the values are those that were found best (``docs/ranking.md``).

    ``half_evidence`` is how long a text must be, as a share of the usual length, to count half. The ridge constant is
    ``(papers / ridge_papers) ** 1.5``, since the directions' strengths grow with the corpus, and at least
    ``least_ridge``: below that a small corpus, in which every paper is a direction of its own, explains the likes
    away. ``seed`` is that of the search for the directions.
    """

    dimensions: int = 200
    half_evidence: float = 0.3
    least_ridge: float = 10.0
    ridge_papers: float = 1600.0
    least_count: int = _LEAST_COUNT
    seed: int = 20250318

    def ridge(self, papers: int) -> float:
        """Return the ridge constant for a corpus of so many papers."""
        return float(max(self.least_ridge, (papers / self.ridge_papers) ** 1.5))


class Features:
    """The vocabulary, the weights of its terms and the background, fitted on a corpus.

    ``weights`` is ``(n_terms,)``, the inverse document frequencies; ``usual_length`` is the mean length of a paper's
    TF-IDF row before it is scaled. Without ``word_order`` texts are bags of words: there are no pairs.
    """

    def __init__(
        self,
        terms: Sequence[str],
        weights: NDArray[np.float32],
        usual_length: float,
        background: Background,
        recipe: Recipe,
        *,
        word_order: bool = True,
    ) -> None:
        self.terms: NDArray[np.object_] = np.array(terms, dtype=object)
        self.weights = weights
        self.usual_length = usual_length
        self.background = background
        self.recipe = recipe
        self.word_order = word_order
        self._counter = Counter(terms, word_order=word_order)

    @classmethod
    def fit(cls, corpus: Sequence[Paper], recipe: Recipe | None = None, *, word_order: bool | None = None) -> Features:
        """Fit on a corpus of at least one paper with a word in it; raise ``ValueError`` otherwise.

        Whether its texts have a ``word_order`` is seen from them where it is not said.
        """
        return cls.fit_rows(corpus, recipe, word_order=word_order)[0]

    @classmethod
    def fit_rows(
        cls, corpus: Sequence[Paper], recipe: Recipe | None = None, *, word_order: bool | None = None
    ) -> tuple[Features, Rows]:
        """Fit as ``fit`` does, and return the corpus' rows as well, for which its texts need not be read again."""
        recipe = recipe or Recipe()
        word_order = has_word_order(corpus) if word_order is None else word_order
        counts = counted(corpus, word_order=word_order)
        kept = _kept(counts.matrix, recipe, small=len(corpus) < _SMALL_CORPUS)
        weigher = TfidfTransformer(norm=None, sublinear_tf=True)
        rows = csr_matrix(weigher.fit_transform(counts.matrix[:, kept]), dtype=np.float32)
        rows.sort_indices()
        found = lengths(rows)
        # The background is of what papers are about, however much they say.
        background = _background(scaled(rows, inverse(found)), recipe)
        usual_length = float(found[found > 0].mean())
        weights = np.asarray(weigher.idf_, dtype=np.float32)
        features = cls(counts.names(kept), weights, usual_length, background, recipe, word_order=word_order)
        return features, located(features._of_evidence(rows), background)

    def transform(self, papers: Sequence[Paper]) -> csr_matrix:
        """Return ``(n_papers, n_terms)`` TF-IDF rows whose length is the evidence that a text gives, below one.

        A title alone says less than a title with an abstract, as a like of it and as a candidate: a text counts half
        when it is ``half_evidence`` times as long as usual.
        """
        if not papers:
            return csr_matrix(np.zeros((0, len(self.terms)), dtype=np.float32))
        rows = self._counter.count(papers)
        rows.sort_indices()
        rows.data = (np.log(rows.data) + 1) * self.weights[rows.indices]
        return self._of_evidence(rows)

    def _of_evidence(self, rows: csr_matrix) -> csr_matrix:
        found = lengths(rows)
        # The row over its length, times l / (l + h) with l the length as a share of the usual one.
        return scaled(rows, (found > 0) / (found + self.recipe.half_evidence * self.usual_length))

    def rows(self, papers: Sequence[Paper]) -> Rows:
        """Return the papers as rows, with their place in the background."""
        return located(self.transform(papers), self.background)


def _kept(counts: csr_matrix, recipe: Recipe, *, small: bool) -> IntArray:
    """Return the numbers of the terms that are worth a place: the most frequent ones, in their alphabetical order.

    Where none is, as in a corpus of papers that are all the same, those are all that there are.
    """
    often = np.asarray(counts.sum(axis=0)).ravel()
    papers = np.bincount(counts.indices, minlength=counts.shape[1])
    enough = often >= recipe.least_count if counts.shape[0] >= _MANY_PAPERS else papers >= _LEAST_PAPERS
    good = often > 0 if small else enough & (papers <= _LARGEST_SHARE * counts.shape[0])
    numbers = np.flatnonzero(good if good.any() else often > 0)
    if not len(numbers):
        raise ValueError("no paper has a word that says anything")
    order = np.lexsort((numbers, -papers[numbers], -often[numbers]))[:_MOST_TERMS]
    return np.asarray(np.sort(numbers[order]), dtype=np.intp)


def _background(matrix: csr_matrix, recipe: Recipe) -> Background:
    papers, terms = matrix.shape
    ridge = recipe.ridge(papers)
    k = min(recipe.dimensions, papers - 1, terms - 1)
    if k < 1:
        return Background(np.zeros((terms, 0), dtype=np.float32), np.zeros(0, dtype=np.float32))
    svd = TruncatedSVD(n_components=k, n_iter=2, random_state=recipe.seed)
    # Papers that are all the same have no variance, by which scikit-learn divides for a figure we do not use.
    with np.errstate(divide="ignore", invalid="ignore"):
        svd.fit(matrix)
    strengths = np.asarray(svd.singular_values_, dtype=np.float64) ** 2
    return Background(
        np.ascontiguousarray(svd.components_.T, dtype=np.float32),
        np.asarray(strengths / (strengths + ridge), dtype=np.float32),
    )
