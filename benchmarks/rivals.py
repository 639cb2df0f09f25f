"""What the known bots do, on scikit-learn: one classifier for each reader, or the mean of the likes.

Linear SVM: balanced, C = 0.01 and 0.1, over the whole corpus. Logistic regression: C = 0.4 and 3, over the likes and
5,000 sampled negatives. Means: of the likes, and weighted by recency, 1 / (1 + log10(rank)).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from tasks import Floats, Judge, Task, one_core

NEGATIVES = 5000
Scorer = Callable[["Library", int], Floats]


class Library:
    """The rows that all rivals get: the corpus first, then what was liked beside it, and the candidates."""

    def __init__(self, task: Task, corpus: csr_matrix, candidates: csr_matrix) -> None:
        self.candidates = candidates
        self.corpus = len(task.corpus)
        places = {paper.id: number for number, paper in enumerate((*task.corpus, *task.candidates))}
        self.rows = csr_matrix(vstack([corpus, candidates]))
        # Newest first.
        self.liked = [np.array([places[one] for one in own], dtype=np.intp) for own in task.liked]

    def examples(self, reader: int, negatives: int | None) -> tuple[csr_matrix, NDArray[np.int64]]:
        """Return what a classifier learns from; nothing that is liked stands among the negatives."""
        liked = self.liked[reader]
        others = np.setdiff1d(np.arange(self.corpus), liked)
        if negatives is not None and negatives < len(others):
            others = np.random.default_rng([1, reader]).choice(others, negatives, replace=False)
        labels = np.repeat([1, 0], [len(liked), len(others)])
        return self.rows[np.concatenate([liked, others])], labels


def mean(library: Library, reader: int) -> Floats:
    return _towards(library, np.ones(len(library.liked[reader])), reader)


def recent(library: Library, reader: int) -> Floats:
    return _towards(library, 1 / (1 + np.log10(np.arange(1, len(library.liked[reader]) + 1))), reader)


def _towards(library: Library, weights: Floats, reader: int) -> Floats:
    profile = csr_matrix(weights / weights.sum()) @ library.rows[library.liked[reader]]
    return np.asarray((library.candidates @ profile.T).toarray()[:, 0], dtype=np.float64)


def svm(strength: float) -> Scorer:
    def score(library: Library, reader: int) -> Floats:
        model = LinearSVC(C=strength, class_weight="balanced", max_iter=10_000)
        return np.asarray(model.fit(*library.examples(reader, None)).decision_function(library.candidates))

    return score


def logistic(strength: float) -> Scorer:
    def score(library: Library, reader: int) -> Floats:
        model = LogisticRegression(C=strength, max_iter=1000)
        return np.asarray(model.fit(*library.examples(reader, NEGATIVES)).decision_function(library.candidates))

    return score


RIVALS: dict[str, Scorer] = {
    "mean of the likes": mean,
    "the mean, recent ones more": recent,
    "linear SVM, C = 0.01": svm(0.01),
    "linear SVM, C = 0.1": svm(0.1),
    "logistic regression, C = 0.4": logistic(0.4),
    "logistic regression, C = 3": logistic(3.0),
}
CLASSIFIERS = frozenset(name for name in RIVALS if "SVM" in name or "logistic" in name)

# What the processes that were forked off look at.
_shared: dict[str, tuple[Library, Judge]] = {}


def judged(library: Library, judge: Judge, name: str, readers: list[int], processes: int) -> tuple[Floats, float]:
    """Return nDCG@10 of some readers with one rival, and the milliseconds of one core that a reader took."""
    _shared["now"] = library, judge
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        found = list(pool.map(_one, [name] * len(readers), readers, chunksize=8))
    return np.array([value for value, _ in found]), 1000 * sum(seconds for _, seconds in found) / len(found)


def _one(name: str, reader: int) -> tuple[float, float]:
    library, judge = _shared["now"]
    with one_core(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        began = time.process_time()
        scores = RIVALS[name](library, reader)
        took = time.process_time() - began
    return judge.ndcg(np.round(scores, 9), reader), took
