"""What it costs in nDCG@10 that a digest is more than the best by profile: diversity, exploration, decay.

`reading_lists` through the whole ranking of a digest of ten papers, twice: one digest with all of May 2025 as its
window, on the evening of the 31st; and a digest on every day of May, of the papers of three days that were not sent
before. Nobody likes anything in between. Beside `digestbot rank` trending is added, and near-duplicates collapse.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from stage import DATA, AbsentError, say
from tasks import DEPTH, FIRST_CANDIDATE, Floats, Task, mean_and_error, one_core, read_task

from digestbot.models import PaperId
from digestbot.ranking.evaluation import ndcg
from digestbot.ranking.features import Features
from digestbot.ranking.rank import Choice, Ranker, Reader
from digestbot.ranking.rows import Rows, cosines, stacked
from digestbot.ranking.selection import Rules

LAST_DAY = date(2025, 5, 31)
WINDOW = 3
# What a floor of nothing is: no digest is cut short.
NO_FLOOR = -9.0


def chosen(half_life_days: float = 0.0, diversity: float = 0.0, explore: int = 0) -> Choice:
    return Choice(floor=NO_FLOOR, half_life_days=half_life_days, rules=Rules(diversity=diversity, explore=explore))


CHOICES = {
    "the best ten by score": chosen(),
    **{f"diversity {one}": chosen(diversity=one) for one in (0.1, 0.2, 0.3)},
    **{f"explore {one}": chosen(explore=one) for one in (1, 2)},
    "diversity 0.1, explore 1": chosen(diversity=0.1, explore=1),
    **{f"half_life_days {one}": chosen(half_life_days=one) for one in (20, 80, 365)},
    "the defaults, all three": chosen(half_life_days=365, diversity=0.1, explore=1),
}


@dataclass(frozen=True)
class Shelf:
    """What is known of rated papers."""

    task: Task
    number: Mapping[PaperId, int]
    every: Rows

    def rows(self, ids: Sequence[PaperId]) -> tuple[list[PaperId], Rows]:
        known = [one for one in ids if one in self.number]
        return known, self.every.take([self.number[one] for one in known])

    def counts(self, _ids: Sequence[PaperId]) -> Mapping[PaperId, int]:
        return self.task.counts

    def titles(self, ids: Sequence[PaperId]) -> dict[PaperId, str]:
        return dict.fromkeys(ids, "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    arguments = parser.parse_args()
    try:
        task = read_task(arguments.data, "reading_lists")
    except AbsentError as error:
        say(f"skipped: {error}")
        return 0
    with one_core():
        measure(task)
    return 0


def measure(task: Task) -> None:
    features, corpus = Features.fit_rows(task.corpus)
    rows = features.rows(task.candidates)
    texts = enumerate((*task.corpus, *task.candidates))
    shelf = Shelf(task, {paper.id: place for place, paper in texts}, stacked([corpus, rows]))
    days: dict[tuple[str, PaperId], date] = {}
    with task.ratings_file.open(newline="") as file:
        for row in csv.DictReader(file):
            days[row["subscriber"], row["paper_id"]] = date.fromisoformat(row["rated_at"])
    readers = [
        Reader(
            ratings=[(paper, 1 if value > 0 else -1, days[name, paper]) for paper, value in given],
            first=FIRST_CANDIDATE,
            today=LAST_DAY,
            limit=DEPTH,
        )
        for name, given in zip(task.readers, task.ratings, strict=True)
    ]

    number = {paper.id: place for place, paper in enumerate(task.candidates)}

    def ranked(some: Sequence[int], asked: Sequence[Reader], choice: Choice) -> list[list[PaperId]]:
        papers = [task.candidates[one] for one in some]
        ranker = Ranker(features, papers, rows.take(some), shelf, choice=choice)
        return [[scored.paper.id for scored in one.chosen] for one in ranker.rank(asked)]

    def month(choice: Choice) -> tuple[Floats, float]:
        """Return nDCG@10 of every reader, and how alike the papers of a digest are: the mean of their cosines."""
        found = ranked(range(len(task.candidates)), readers, choice)
        values = [ndcg(own, relevant, DEPTH) for own, relevant in zip(found, task.relevant, strict=True)]
        same = np.mean([alike(rows.take([number[one] for one in own])) for own in found])
        return np.array(values), float(same)

    def every_day(choice: Choice) -> Floats:
        """Return for every reader the mean nDCG@10 of the digests that could hold a paper of the list."""
        sent: list[set[PaperId]] = [set() for _ in readers]
        values: list[list[float]] = [[] for _ in readers]
        for today in sorted({paper.announced for paper in task.candidates}):
            first = today - timedelta(days=WINDOW - 1)
            some = [place for place, one in enumerate(task.candidates) if first <= one.announced <= today]
            there = {task.candidates[one].id for one in some}
            asked = [replace(one, first=first, today=today, sent=out) for one, out in zip(readers, sent, strict=True)]
            for one, own in enumerate(ranked(some, asked, choice)):
                wanted = task.relevant[one] & there - sent[one]
                if wanted:
                    values[one].append(ndcg(own, wanted, DEPTH))
                sent[one].update(own)
        return np.array([np.mean(own) for own in values if own])

    print(f"{'':30} {'a month':>8} {'less the first':>18} {'cosine':>7} {'days':>8} {'less the first':>18}")
    base: tuple[Floats, Floats] | None = None
    for label, choice in CHOICES.items():
        (whole, same), daily = month(choice), every_day(choice)
        base = base or (whole, daily)
        less = [mean_and_error(values - first) for values, first in zip((whole, daily), base, strict=True)]
        print(
            f"{label:30} {whole.mean():8.4f} {less[0]:>18} {same:7.3f} {daily.mean():8.4f} {less[1]:>18}",
            flush=True,
        )


def alike(rows: Rows) -> float:
    return float(cosines(rows)[np.triu_indices(len(rows), k=1)].mean())


if __name__ == "__main__":
    sys.exit(main())
