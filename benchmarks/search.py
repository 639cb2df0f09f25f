"""What finding papers costs: the index while papers come in, searches and similar papers, each beside a plain way.

The plain search looks at every text with ``like``; the exact neighbours are those among all papers, whose rows are made
before and kept in memory. The rows of a paper's 250 likeliest neighbours are made anew each time.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import mean, median, quantiles
from typing import TypeVar

from stage import DATA, AbsentError, data_files, paper_lines, say

from digestbot.models import Paper
from digestbot.pipeline.find import Finder
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.similar import by_score, similarities
from digestbot.sources.json_lines import parse_paper
from digestbot.store import Defaults, Store, Within, open_store
from digestbot.store.query import parse

NOW = datetime(2025, 6, 1, 8, 0, tzinfo=UTC)
SEED = 4
SHOWN = 10

_Asked = TypeVar("_Asked", str, Paper)
TRIGGERS = ("added", "changing", "changed", "going")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--times", type=int, default=50, metavar="N", help="searches, and papers to resemble")
    arguments = parser.parse_args()
    try:
        files = data_files(arguments.data, *(f"arxiv_stream/2025-{month}.jsonl.gz" for month in ("03", "04", "05")))
    except AbsentError as error:
        say(f"skipped: {error}")
        return 0
    papers = [parse_paper(line, default_day=day) for file in files for _, day, line in paper_lines(file)]
    with tempfile.TemporaryDirectory(prefix="digestbot-search-") as name:
        store = loading(Path(name), papers)
        began = time.perf_counter()
        fit = Fit.of(papers, Recipe(), NOW)
        print(f"the fit took {time.perf_counter() - began:.1f} s")
        rows = fit.rows.terms
        finder = Finder(store.search, lambda: fit)
        numbers = random.Random(SEED).sample(range(len(papers)), arguments.times)
        searching(store, finder, queries([papers[number] for number in numbers]))

        def exact(paper: Paper) -> list[str]:
            own = papers.index(paper)
            scores = similarities(rows[[own]], rows)
            return [papers[number].id for number in by_score(papers, scores) if number != own][:SHOWN]

        resembling(finder, [papers[number] for number in numbers], exact)
        store.close()
    return 0


def loading(folder: Path, papers: Sequence[Paper]) -> Store:
    """Time adding all papers with the index and without, and return the store that has it."""
    found: dict[str, tuple[float, float]] = {}
    for name in ("with", "without", "with", "without"):
        store = new_store(folder / f"{name}.sqlite")
        if name == "without":
            with store.database.write() as connection:
                for trigger in TRIGGERS:
                    connection.execute(f"drop trigger paper_search_{trigger}")
        began = time.perf_counter()
        store.papers.add(papers, NOW)
        took = time.perf_counter() - began
        store.database.connection.execute("pragma wal_checkpoint(truncate)")
        size = (folder / f"{name}.sqlite").stat().st_size / 1e6
        found[name] = min(took, found.get(name, (took, size))[0]), size
        store.close()
        if name == "without" or len(found) < 2:
            (folder / f"{name}.sqlite").unlink()
    print(f"{len(papers):,} papers stored, the better of 2   seconds   MB")
    for name, (took, size) in found.items():
        print(f"  {name + ' the index':30} {took:16.2f} {size:6.1f}")
    return new_store(folder / "with.sqlite")


def new_store(path: Path) -> Store:
    ids = count(1)
    return open_store(path, defaults=Defaults(), new_id=lambda: next(ids))


def queries(papers: Sequence[Paper]) -> list[str]:
    """Return two words of each paper's title."""
    chance = random.Random(SEED)
    words = [sorted(set(re.findall(r"[a-z]{4,}", paper.title.lower()))) for paper in papers]
    return [" ".join(chance.sample(some, 2)) for some in words if len(some) > 1]


def searching(store: Store, finder: Finder, texts: Sequence[str]) -> None:
    def plain(text: str) -> int:
        conditions = " and ".join("(title like ? or abstract like ? or authors like ?)" for _ in text.split())
        marks = [f"%{word}%" for word in text.split() for _ in range(3)]
        sql = f"select * from papers where {conditions} order by announced desc, id limit {SHOWN}"
        return len(store.database.rows(sql, marks))

    ways: dict[str, Callable[[str], object]] = {
        "search, with TF-IDF": lambda text: finder.search(text, limit=SHOWN),
        "search, bm25 alone": lambda text: store.search.matching(parse(text), within=Within(), limit=SHOWN),
        "like '%word%' on every text": plain,
    }
    report(f"{len(texts)} searches", ways, texts)


def resembling(finder: Finder, papers: Sequence[Paper], exact: Callable[[Paper], list[str]]) -> None:
    ways: dict[str, Callable[[Paper], object]] = {
        "similar": lambda paper: finder.similar(paper.id, limit=SHOWN),
        "the exact, all rows in memory": exact,
    }
    report(f"{len(papers)} papers to resemble", ways, papers)
    shared = [
        len({one.paper.id for one in finder.similar(paper.id, limit=SHOWN)} & set(exact(paper))) / SHOWN
        for paper in papers
    ]
    print(f"  of the exact ten, similar has {mean(shared):.3f}; at worst {min(shared):.1f}")


def report(title: str, ways: dict[str, Callable[[_Asked], object]], over: Sequence[_Asked]) -> None:
    """Time every way on everything, in turns, and print milliseconds."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for one in over:
        for name, way in ways.items():
            began = time.perf_counter()
            way(one)
            took[name].append(1000 * (time.perf_counter() - began))
    print(f"{title + ', ms each':40} median   95 %")
    for name, times in took.items():
        print(f"  {name:36} {median(times):8.1f} {quantiles(times, n=20)[-1]:6.1f}")


if __name__ == "__main__":
    sys.exit(main())
