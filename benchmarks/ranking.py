"""What the ranking is worth, beside the rivals on the same terms in the same run: nDCG@10 and cost a reader.

Rivals, from their published parameters on scikit-learn: the mean of the likes, the mean weighted by recency, a linear
SVM per reader (balanced, C = 0.01 and 0.1), logistic regression per reader (C = 0.4 and 3; 5,000 sampled negatives).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array, vstack
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from digestbot.models import Paper
from digestbot.ranking.features import Features
from digestbot.ranking.profile import train
from digestbot.ranking.rows import located
from digestbot.sources.json_lines import parse_paper

NO_DAY = date(1900, 1, 1)
NEGATIVES = 5000
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """Corpus, candidates, and for each reader the liked papers, newest first, and the relevant candidates."""

    corpus: list[Paper]
    candidates: list[Paper]
    readers: list[str]
    liked: list[list[str]]
    relevant: list[set[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--set", choices=["reading_lists", "citeulike_t"], default="reading_lists")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth reader, for the slow rivals")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(f"skipped: there is no data in {arguments.data}")
        return
    task = read_task(arguments.data, arguments.set, arguments.every)
    warnings.simplefilter("ignore")
    began = time.process_time()
    features = Features.fit(task.corpus)
    print(f"{arguments.set}: {len(task.readers)} readers, {len(task.candidates):,} candidates; the fit on")
    print(f"{len(task.corpus):,} papers took {time.process_time() - began:.1f} s of one core")
    compare(task, features)


def read_task(data: Path, name: str, every: int) -> Task:
    folder = data / name
    if name == "citeulike_t":
        corpus, candidates = papers(folder / "corpus.jsonl.gz"), papers(folder / "candidates.jsonl.gz")
    else:
        stream = [paper for path in sorted((data / "arxiv_stream").glob("*.jsonl.gz")) for paper in papers(path)]
        corpus = [paper for paper in stream if paper.announced < date(2025, 5, 1)]
        candidates = [paper for paper in stream if paper.announced >= date(2025, 5, 1)]
    known = {paper.id for paper in (*corpus, *candidates)}
    likes: dict[str, list[tuple[str, str]]] = {}
    with (folder / "ratings.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if float(row["value"]) > 0 and row["paper_id"] in known:
                likes.setdefault(row["subscriber"], []).append((row.get("rated_at") or "", row["paper_id"]))
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels.txt").read_text().splitlines():
        reader, _, paper_id, value = line.split()
        if int(value) > 0:
            relevant.setdefault(reader, set()).add(paper_id)
    readers = sorted(likes.keys() & relevant.keys())[::every]
    newest_first = [[one for _, one in sorted(likes[reader], reverse=True)] for reader in readers]
    return Task(corpus, candidates, readers, newest_first, [relevant[reader] for reader in readers])


def papers(path: Path) -> list[Paper]:
    with gzip.open(path) as file:
        return [parse_paper(line, default_day=NO_DAY) for line in file]


def compare(task: Task, features: Features) -> None:
    candidates = features.transform(task.candidates)
    corpus = features.transform(task.corpus)
    texts = {paper.id: paper for paper in (*task.candidates, *task.corpus)}
    rated = [features.transform([texts[one] for one in liked]) for liked in task.liked]
    unit_candidates, unit_corpus = unit(candidates), unit(corpus)
    unit_rated = [unit(matrix) for matrix in rated]
    numbers = np.random.default_rng(1)

    def mean(number: int) -> Scores:
        return scores_of(unit_candidates, csr_matrix(unit_rated[number].mean(axis=0)))

    def recent(number: int) -> Scores:
        weights = 1 / (1 + np.log10(np.arange(1, unit_rated[number].shape[0] + 1)))
        return scores_of(unit_candidates, csr_matrix(weights @ unit_rated[number] / weights.sum()))

    def svm(strength: float) -> Callable[[int], Scores]:
        def score(number: int) -> Scores:
            rows, labels = stacked(unit_rated[number], unit_corpus)
            model = LinearSVC(C=strength, class_weight="balanced").fit(rows, labels)
            return np.asarray(model.decision_function(unit_candidates))

        return score

    def logistic(strength: float) -> Callable[[int], Scores]:
        def score(number: int) -> Scores:
            some = numbers.choice(unit_corpus.shape[0], min(NEGATIVES, unit_corpus.shape[0]), replace=False)
            rows, labels = stacked(unit_rated[number], unit_corpus[some])
            model = LogisticRegression(C=strength, max_iter=200).fit(rows, labels)
            return np.asarray(model.decision_function(unit_candidates))

        return score

    def ours() -> Scores:
        # All readers at once, as it is done for a day's digests.
        columns = np.cumsum([0, *(matrix.shape[0] for matrix in rated)])
        rows = np.repeat(np.arange(len(rated)), np.diff(columns))
        values = csr_matrix((np.ones(columns[-1]), (rows, np.arange(columns[-1]))), shape=(len(rated), columns[-1]))
        everything = located(csr_matrix(vstack(rated)), features.background)
        return train(everything, values, features.background).score(located(candidates, features.background)).T

    entries: list[tuple[str, Callable[[int], Scores]]] = [
        ("digestbot", lambda number: all_ours[:, number]),
        ("mean of the likes", mean),
        ("mean, recent ones more", recent),
        ("linear SVM, C = 0.01", svm(0.01)),
        ("linear SVM, C = 0.1", svm(0.1)),
        ("logistic regression, C = 0.4", logistic(0.4)),
        ("logistic regression, C = 3", logistic(3.0)),
    ]
    print(f"{'':30} {'nDCG@10':>8} {'s.e.':>7} {'ours less it':>13} {'s.e.':>7} {'ms a reader':>12}")
    began = time.process_time()
    all_ours = ours()
    own_cost = 1000 * (time.process_time() - began) / len(task.readers)
    first: Scores | None = None
    for name, score in entries:
        began = time.process_time()
        scores = [score(number) for number in range(len(task.readers))]
        cost = own_cost if first is None else 1000 * (time.process_time() - began) / len(scores)
        found = np.array([ndcg(own, task, number) for number, own in enumerate(scores)])
        first = found if first is None else first
        apart = first - found
        line = (
            f"{name:30} {found.mean():8.4f} {error(found):7.4f} {apart.mean():13.4f} {error(apart):7.4f} {cost:12.2f}"
        )
        print(line, flush=True)


def unit(matrix: csr_matrix) -> csr_matrix:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64).ravel())
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return csr_matrix(diags_array(inverse) @ matrix)


def scores_of(candidates: csr_matrix, profile: csr_matrix) -> Scores:
    return np.asarray((candidates @ profile.T).toarray()[:, 0])


def stacked(liked: csr_matrix, others: csr_matrix) -> tuple[csr_matrix, NDArray[np.int64]]:
    return csr_matrix(vstack([liked, others])), np.repeat([1, 0], [liked.shape[0], others.shape[0]])


def ndcg(scores: Scores, task: Task, number: int) -> float:
    """Return nDCG@10 of one reader over the candidates that were not rated; ties go to the newer, then smaller id."""
    liked, relevant = set(task.liked[number]), task.relevant[number]
    rounded = np.round(scores, 9)
    order = sorted(
        (place for place, paper in enumerate(task.candidates) if paper.id not in liked),
        key=lambda place: (
            -rounded[place],
            -task.candidates[place].announced.toordinal(),
            task.candidates[place].id,
        ),
    )[:10]
    gain = sum(1 / np.log2(rank + 2) for rank, place in enumerate(order) if task.candidates[place].id in relevant)
    best = sum(1 / np.log2(rank + 2) for rank in range(min(10, len(relevant))))
    return float(gain / best)


def error(values: Scores) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
