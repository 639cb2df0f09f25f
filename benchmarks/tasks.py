"""The two tasks that the ranking is judged by, and the figure: nDCG@10 of every reader."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from stage import data_files
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from digestbot.models import Paper, PaperId
from digestbot.sources.json_lines import parse_paper

SETS = ("citeulike_t", "reading_lists")
NO_DAY = date(1900, 1, 1)
FIRST_CANDIDATE = date(2025, 5, 1)
DEPTH = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """Corpus, candidates, and for each reader the ratings, the likes from the newest on, and the relevant candidates.

    ``counts`` says how often each paper was rated in all. Without ``has_times`` it is not known when.
    """

    name: str
    corpus: list[Paper]
    candidates: list[Paper]
    ratings_file: Path
    readers: list[str]
    ratings: list[list[tuple[PaperId, float]]]
    liked: list[list[PaperId]]
    relevant: list[set[PaperId]]
    counts: Counter[PaperId]
    has_times: bool


def read_task(data: Path, name: str) -> Task:
    """Read a task; raise ``AbsentError`` where its files are not there."""
    ratings_file, qrels = data_files(data / name, "ratings.csv", "qrels.txt")
    if name == "citeulike_t":
        corpus, candidates = map(papers, data_files(data / name, "corpus.jsonl.gz", "candidates.jsonl.gz"))
    else:
        months = data_files(data / "arxiv_stream", *(f"2025-{month}.jsonl.gz" for month in ("03", "04", "05")))
        stream = [paper for month in months for paper in papers(month)]
        corpus = [paper for paper in stream if paper.announced < FIRST_CANDIDATE]
        candidates = [paper for paper in stream if paper.announced >= FIRST_CANDIDATE]
    known = {paper.id for paper in (*corpus, *candidates)}
    given: dict[str, dict[PaperId, tuple[str, float]]] = {}
    with ratings_file.open(newline="") as file:
        for row in csv.DictReader(file):
            given.setdefault(row["subscriber"], {})[row["paper_id"]] = (row.get("rated_at") or "", float(row["value"]))
    relevant: dict[str, set[PaperId]] = {}
    for line in qrels.read_text().splitlines():
        reader, _, paper, value = line.split()
        if int(value) > 0:
            relevant.setdefault(reader, set()).add(paper)
    # Every reader who is judged; each has likes.
    readers = sorted(relevant)
    newest_first = [
        [
            paper
            for _, paper in sorted(
                ((at, paper) for paper, (at, value) in given[reader].items() if value > 0), reverse=True
            )
        ]
        for reader in readers
    ]
    return Task(
        name=name,
        corpus=corpus,
        candidates=candidates,
        ratings_file=ratings_file,
        readers=readers,
        ratings=[[(paper, value) for paper, (_, value) in sorted(given[reader].items())] for reader in readers],
        liked=[[paper for paper in own if paper in known] for own in newest_first],
        relevant=[relevant[reader] for reader in readers],
        counts=Counter(paper for own in given.values() for paper in own),
        has_times=any(at for own in given.values() for at, _ in own.values()),
    )


def papers(path: Path) -> list[Paper]:
    with gzip.open(path) as file:
        return [parse_paper(line, default_day=NO_DAY) for line in file]


class Judge:
    """Judges scores of all candidates; ties go to the newer, then to the smaller id, as in the ranking."""

    def __init__(self, task: Task) -> None:
        self._order = np.array(
            sorted(
                range(len(task.candidates)),
                key=lambda n: (-task.candidates[n].announced.toordinal(), task.candidates[n].id),
            )
        )
        place = {task.candidates[number].id: at for at, number in enumerate(self._order)}
        self._out = [np.array([place[one] for one, _ in own if one in place], dtype=np.intp) for own in task.ratings]
        self._relevant = [np.array([place[one] for one in own if one in place], dtype=np.intp) for own in task.relevant]
        self._gains = 1 / np.log2(np.arange(DEPTH) + 2)
        self._best = [self._gains[: len(own)].sum() for own in task.relevant]

    def ndcg(self, scores: NDArray[np.floating], number: int) -> float:
        """Return nDCG@10 of one reader; ``scores`` is ``(n_candidates,)``, and what was rated is left out."""
        own = scores[self._order]
        own[self._out[number]] = -np.inf
        least = np.partition(own, -DEPTH)[-DEPTH]
        some = np.flatnonzero(own >= least)
        first = some[np.argsort(-own[some], kind="stable")[:DEPTH]]
        return float((self._gains * np.isin(first, self._relevant[number])).sum() / self._best[number])

    def all(self, scores: NDArray[np.floating]) -> Floats:
        """Return nDCG@10 of all readers; ``scores`` is ``(n_readers, n_candidates)``."""
        return np.array([self.ndcg(own, number) for number, own in enumerate(scores)])


def one_core() -> AbstractContextManager[object]:
    """Keep the libraries for linear algebra on one core, so that times are those of one."""
    limited: AbstractContextManager[object] = threadpool_limits(1)
    return limited


def error(values: Floats) -> float:
    """Return the standard error of the mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def mean_and_error(values: Floats) -> str:
    return f"{values.mean():.4f} +- {error(values):.4f}"
