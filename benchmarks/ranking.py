"""What the ranking is worth, beside the rivals in the same run: nDCG@10 and cost a reader, on both tasks.

digestbot's figure is that of the lists that `digestbot rank` writes. The rivals get the same terms twice: as rows of
length one, as those programs have them, and as long as the evidence of their texts, as digestbot has them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from choices import Choice, Measured, best_of, by_folds, measured
from numpy.typing import NDArray
from rivals import CLASSIFIERS, RIVALS, Library, judged
from stage import DATA, AbsentError, digestbot, say
from tasks import DEPTH, SETS, Floats, Judge, Task, error, mean_and_error, one_core, read_task

from digestbot.models import Paper
from digestbot.ranking.evaluation import ndcg
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.profile import profiles_of
from digestbot.ranking.rows import inverse, lengths, scaled

FOLD_SEEDS = range(1, 6)
# Two lists of one reader may differ where scores are equal but for noise.
SAME = 0.0005
Rows = list[tuple[str, NDArray[np.intp], Floats]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--set", choices=SETS, nargs="+", default=list(SETS))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="classifiers for every Nth reader only")
    parser.add_argument("--folds", action="store_true", help="choose by five folds over readers, and report those")
    parser.add_argument("--seeds", type=int, default=0, metavar="N", help="digestbot with N seeds of its directions")
    parser.add_argument("--no-rivals", action="store_true", help="digestbot alone")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    arguments = parser.parse_args()
    tables: dict[str, Measured] = {}
    rivals: dict[str, Rows] = {}
    for name in arguments.set:
        try:
            task = read_task(arguments.data, name)
        except AbsentError as error_:
            say(f"skipped: {error_}")
            continue
        judge = Judge(task)
        with one_core():
            features, own, cost = ours(task, judge)
            told(task, own)
        if arguments.seeds:
            seeds(task, judge, arguments.seeds)
        if not arguments.no_rivals:
            every = arguments.every if name == "citeulike_t" else 1
            rivals[name] = beside(task, judge, features, own, cost, every, arguments.processes)
        if arguments.folds:
            tables[name] = measured(task, judge, arguments.processes)
            if not np.allclose(tables[name][Choice()].mean(), own.mean(), atol=SAME):
                raise SystemExit(f"{name}: the grid gives {tables[name][Choice()].mean():.4f}, not {own.mean():.4f}")
    if tables:
        report(tables, rivals)
    return 0


def ours(task: Task, judge: Judge, recipe: Recipe | None = None) -> tuple[Features, Floats, float]:
    """Return the features, nDCG@10 of every reader, and the milliseconds of one core that each of them took."""
    began = time.process_time()
    features = Features.fit(task.corpus, recipe)
    fitted = time.process_time()
    texts = {paper.id: paper for paper in (*task.candidates, *task.corpus)}
    rows = features.rows(task.candidates)
    # All readers at once, as it is done for a day's digests, texts of what they rated included.
    ranked = time.process_time()
    scores = profiles_of(features, texts, task.ratings, task.counts).score(rows)
    cost = 1000 * (time.process_time() - ranked) / len(task.readers)
    if recipe is None:
        print(
            f"\n{task.name}: {len(task.readers):,} readers, {len(task.candidates):,} candidates;"
            f" the fit on {len(task.corpus):,} papers took {fitted - began:.1f} s of one core",
            flush=True,
        )
    return features, judge.all(scores), cost


def told(task: Task, own: Floats) -> None:
    """Stop unless `digestbot rank` gives every reader what was measured."""
    with tempfile.TemporaryDirectory(prefix="digestbot-ranking-") as name:
        folder = Path(name)
        (folder / "settings.toml").touch()
        for stem, papers in (("corpus", task.corpus), ("candidates", task.candidates)):
            (folder / f"{stem}.jsonl").write_text("".join(map(line, papers)))
        digestbot(
            folder / "settings.toml",
            *("rank", "--depth", str(DEPTH), "--out", folder / "run"),
            *("--corpus", folder / "corpus.jsonl", "--candidates", folder / "candidates.jsonl"),
            *("--ratings", task.ratings_file),
        )
        run: dict[str, list[str]] = {}
        for one in (folder / "run").read_text().splitlines():
            run.setdefault(one.split()[0], []).append(one.split()[2])
    found = np.array(
        [ndcg(run[reader], relevant, DEPTH) for reader, relevant in zip(task.readers, task.relevant, strict=True)]
    )
    other = int((np.abs(found - own) > 1e-9).sum())
    if abs(found.mean() - own.mean()) > SAME:
        raise SystemExit(f"{task.name}: digestbot rank gives {found.mean():.4f}, not {own.mean():.4f}")
    print(f"digestbot rank gives {found.mean():.4f}, and {other} of {len(own):,} readers another figure than here")


def line(paper: Paper) -> str:
    day = {"announced": paper.announced.isoformat()}
    return json.dumps({"id": paper.id, "title": paper.title, "abstract": paper.abstract} | day) + "\n"


def seeds(task: Task, judge: Judge, many: int) -> None:
    with one_core():
        found = [ours(task, judge, replace(Recipe(), seed=Recipe().seed + n))[1].mean() for n in range(many)]
    each = ", ".join(f"{one:.4f}" for one in found)
    print(f"over {many} seeds, today's first: {np.mean(found):.4f} ({each})", flush=True)


def beside(task: Task, judge: Judge, features: Features, own: Floats, cost: float, every: int, processes: int) -> Rows:
    """Print digestbot and its rivals; return each rival's name, readers and figures."""
    corpus, candidates = features.transform(task.corpus), features.transform(task.candidates)
    unit = [scaled(rows, inverse(lengths(rows))) for rows in (corpus, candidates)]
    print(f"{'':50} {'readers':>7} {'nDCG@10':>8} {'s.e.':>7} {'ours less it':>13} {'s.e.':>7} {'ms a reader':>12}")
    print(
        f"{'digestbot':50} {len(own):>7,} {own.mean():8.4f} {error(own):7.4f} {'':13} {'':7} {cost:12.2f}", flush=True
    )
    rows: Rows = []
    for kind, library in (
        ("rows of length one", Library(task, *unit)),
        ("rows by evidence", Library(task, corpus, candidates)),
    ):
        for name in RIVALS:
            if "recent" in name and not task.has_times:
                continue
            readers = np.arange(0, len(own), every if name in CLASSIFIERS else 1, dtype=np.intp)
            found, took = judged(library, judge, name, readers.tolist(), processes)
            apart = own[readers] - found
            label = f"{name}, {kind}"
            print(
                f"{label:50} {len(readers):>7,} {found.mean():8.4f} {error(found):7.4f} {apart.mean():13.4f}"
                f" {error(apart):7.4f} {took:12.2f}",
                flush=True,
            )
            rows.append((label, readers, found))
    return rows


def report(tables: dict[str, Measured], rivals: dict[str, Rows]) -> None:
    """Print what every reader gets by a choice that the reader had no part in."""
    distinct = sum(one.fitted.order != "seen" for one in next(iter(tables.values())))
    print(f"\nBy five folds over readers, {distinct:,} choices")
    for name, table in tables.items():
        show(f"chosen on {name} alone", {name: table}, rivals)
        best = max(table, key=lambda one: table[one].mean())
        print(f"    in hindsight the best of {name}: {table[best].mean():.4f} ({best})")
    if len(tables) == 1:
        return
    for alike in ("sets", "readers"):
        show(f"chosen on all sets together, {alike} alike", tables, rivals, alike)
    for name, table in tables.items():
        for other in tables.keys() - {name}:
            best = best_of(tables[other])
            print(f"\nchosen on {other}, for {name}: {best}")
            differences(name, table, table[best], rivals)


def show(title: str, tables: dict[str, Measured], rivals: dict[str, Rows], alike: str = "sets") -> None:
    print(f"\n{title}:")
    runs = [by_folds(list(tables.values()), seed, alike=alike) for seed in FOLD_SEEDS]
    found, chosen = runs[0]
    for number, choice in enumerate(chosen, 1):
        print(f"    fold {number} is told: {choice}")
    for at, (name, table) in enumerate(tables.items()):
        means = [values[at].mean() for values, _ in runs]
        print(f"  {name}: with other folds {min(means):.4f} to {max(means):.4f}, mean {np.mean(means):.4f}")
        differences(name, table, found[at], rivals)


def differences(name: str, table: Measured, found: Floats, rivals: dict[str, Rows]) -> None:
    print(f"  {name}: {mean_and_error(found)}")
    print(f"    less today's recipe: {mean_and_error(found - table[Choice()])}")
    for label, readers, values in rivals.get(name, []):
        print(f"    less {label}: {mean_and_error(found[readers] - values)}")


if __name__ == "__main__":
    sys.exit(main())
