"""What composing costs with very many readers: ratings read, candidates ranked, reasons found, digests written.

Each reader rates as a real one of ``reading_lists`` does: half of the ratings are of that one's likes, the others of
papers from all over the corpus, 30 on average, one in six a dislike. The fit is made and saved before the clock
starts. The rival is what known bots do, a linear SVM for each reader on the same rows, timed on a few of them.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from scipy.sparse import vstack
from sklearn.svm import LinearSVC
from stage import DATA, AbsentError, data_files, digestbot, paper_lines, say

from digestbot.cli.composing import compose_due
from digestbot.cli.installation import Installation
from digestbot.models import PaperId
from digestbot.settings import read_settings
from digestbot.sources.files import read_papers
from digestbot.store.database import Database

FIRST_CANDIDATE = date(2025, 5, 1)
DAY = date(2025, 5, 27)
NOW = datetime(2025, 5, 27, 12, 0, tzinfo=UTC)
RATINGS = 30
SVM_READERS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--readers", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--candidates", type=int, nargs="+", default=[500])
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        compose(arguments.child)
        return 0
    try:
        months = [f"arxiv_stream/2025-{month}.jsonl.gz" for month in ("03", "04", "05")]
        files = data_files(arguments.data, *months, "reading_lists/ratings.csv")
    except AbsentError as error:
        say(f"skipped: {error}")
        return 0
    print(
        f"{'readers':>9} {'candidates':>10} {'seconds':>8} {'us a reader':>12} {'of a core':>9} {'MB':>6}"
        f" {'digests':>9} {'database':>9}"
    )
    for candidates in arguments.candidates:
        for readers in arguments.readers:
            with tempfile.TemporaryDirectory(prefix="digestbot-readers-") as name:
                measure(Path(name), files, readers, candidates)
    return 0


def measure(folder: Path, files: list[Path], readers: int, candidates: int) -> None:
    settings = folder / "settings.toml"
    settings.write_text("[digest]\nwindow_days = 1\n")
    papers = folder / "papers.jsonl"
    corpus = write_papers(files[:-1], papers, candidates)
    digestbot(settings, "load", "--file", papers)
    fill(folder / "digestbot.sqlite", readers, corpus, likes_of(files[-1], set(corpus)))
    # The fit is made, and saved.
    digestbot(settings, "preview", "1@readers.example", "--at", NOW.isoformat())
    peak = Peak()
    began, worked = time.perf_counter(), core_seconds()
    child = subprocess.Popen(
        [sys.executable, __file__, "--child", str(settings)],
        stdout=subprocess.PIPE,
        text=True,
        # As the command line has it.
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    with peak.of(child.pid):
        composed = (child.communicate()[0] or "0").strip()
    seconds, worked = time.perf_counter() - began, core_seconds() - worked
    if child.returncode:
        raise SystemExit(f"composing ended with {child.returncode}")
    size = sum(path.stat().st_size for path in folder.glob("digestbot.sqlite*") if path.is_file()) / 1e6
    print(
        f"{readers:>9,} {candidates:>10,} {seconds:>8.1f} {1e6 * seconds / readers:>12.0f}"
        f" {1e6 * worked / readers:>9.0f} {peak.bytes / 1e6:>6.0f} {int(composed):>9,} {size:>6.0f} MB",
        flush=True,
    )
    rival(settings, readers)


def core_seconds() -> float:
    """Return how long processors have worked for processes that were started here and have ended.

    Unlike the time of the clock, it is hardly longer when other programs run on the machine.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_papers(months: list[Path], target: Path, candidates: int) -> list[PaperId]:
    """Write the corpus, and so many candidates, all announced on the day; return the ids of the corpus."""
    corpus: list[PaperId] = []
    left = candidates
    with target.open("wb") as file:
        for month in months:
            for identifier, announced, line in paper_lines(month):
                if announced < FIRST_CANDIDATE:
                    corpus.append(identifier)
                elif left:
                    left -= 1
                    moved = json.loads(line) | {"announced": DAY.isoformat()}
                    file.write(json.dumps(moved).encode() + b"\n")
                    continue
                else:
                    continue
                file.write(line)
    if left:
        raise SystemExit(f"there are only {candidates - left} candidates")
    return corpus


def likes_of(path: Path, known: set[PaperId]) -> list[list[PaperId]]:
    likes: dict[str, list[PaperId]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["paper_id"] in known:
                likes.setdefault(row["subscriber"], []).append(row["paper_id"])
    return list(likes.values())


def fill(path: Path, readers: int, corpus: list[PaperId], likes: list[list[PaperId]]) -> None:
    """Write subscribers and ratings straight into the tables: how they came there is not what is measured."""
    numbers = np.random.default_rng(20250527)
    moment = "2025-05-20T12:00:00.000000Z"
    # Random ids, as they are in real life.
    ids = np.unique(numbers.integers(1, 2**63 - 1, readers + readers // 1000 + 10))[:readers].tolist()

    def rated() -> Iterator[tuple[int, PaperId, int, str]]:
        for number, identifier in enumerate(ids):
            own = likes[number % len(likes)]
            many = 1 + int(numbers.geometric(1 / (RATINGS - 1)))
            chosen = [own[one] for one in numbers.integers(0, len(own), (many + 1) // 2)]
            chosen += [corpus[one] for one in numbers.integers(0, len(corpus), many + len(chosen))]
            values = np.where(numbers.random(many) < 1 / 6, -1, 1).tolist()
            for paper, value in zip(list(dict.fromkeys(chosen))[:many], values, strict=False):
                yield identifier, paper, value, moment

    database = Database(path)
    with database.write() as connection:
        connection.executemany(
            "insert into subscribers (id, email, state, categories, created_at, changed_at)"
            " values (?, ?, 'active', '[]', ?, ?)",
            ((identifier, f"{number}@readers.example", moment, moment) for number, identifier in enumerate(ids)),
        )
        connection.executemany("insert into ratings values (?, ?, ?, ?)", rated())
    database.connection.execute("pragma wal_checkpoint(truncate)")
    database.close()


def compose(settings: Path) -> None:
    installation = Installation(read_settings(settings, {}, folder=settings.parent), {})
    print(compose_due(installation, NOW))
    installation.close()


class Peak:
    """The most memory that a process and its children held together, looked at many times a second."""

    def __init__(self) -> None:
        self.bytes = 0

    def of(self, root: int) -> Peak:
        self._root = root
        return self

    def __enter__(self) -> None:
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch)
        self._watching.start()

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._watching.join()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while not self._ended.wait(0.05):
            self.bytes = max(self.bytes, page * sum(map(resident_pages, family(self._root))))


def family(root: int) -> list[int]:
    found = [root]
    for parent in found:
        for path in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except OSError:
                continue
    return found


def resident_pages(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0


def rival(settings: Path, readers: int) -> None:
    """Time one SVM a reader over the corpus: balanced, C = 0.1, as one of the known bots has it."""
    installation = Installation(read_settings(settings, {}, folder=settings.parent), {})
    papers = list(read_papers(settings.with_name("papers.jsonl"), default_day=DAY).papers)
    fit = installation.fitter.current(NOW, papers)
    assert fit is not None
    rows = fit.rows_of(papers).terms
    number = {paper.id: place for place, paper in enumerate(papers)}
    ids = [one.id for one in installation.store.subscribers.all()[:SVM_READERS]]
    given = installation.store.ratings.given(ids)
    began = time.perf_counter()
    for identifier in ids:
        liked = [number[paper] for paper, value, _ in given[identifier] if value > 0]
        labels = np.repeat([1, 0], [len(liked), rows.shape[0]])
        model = LinearSVC(C=0.1, class_weight="balanced").fit(vstack([rows[liked], rows]), labels)
        np.argsort(-model.decision_function(rows))[:10]
    each = (time.perf_counter() - began) / len(ids)
    installation.close()
    print(f"{'':9} a linear SVM a reader: {1e6 * each:,.0f} us, {timedelta(seconds=round(each * readers))} for all")


if __name__ == "__main__":
    sys.exit(main())
