"""What a fit costs beside scikit-learn's TfidfVectorizer, and what a day's new papers cost however large the corpus is.

There are 12,242 real abstracts. So each paper has every other sentence of one real abstract and of another, with the
title of the first: words and neighbours are real, only that fewer pairs are new than in so many abstracts of their own.
Each figure is the processor's time, on one core, of a process of its own, and of memory what it held at most.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from stage import DATA, AbsentError, data_files, environment, say
from tasks import papers

from digestbot.models import Paper
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.words import PAIR_WORDS, STOP_WORDS
from digestbot.store.fits import Fits

MONTHS = [f"arxiv_stream/2025-{month}.jsonl.gz" for month in ("03", "04", "05")]
NOW = datetime(2025, 6, 1, tzinfo=UTC)
NEW = 1000
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
Figures = dict[str, float]
Result = TypeVar("Result")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="default: ../shared/data beside the checkout")
    parser.add_argument("--papers", type=int, default=75_000)
    parser.add_argument("--corpora", type=int, nargs="+", default=[5_000, 20_000, 75_000])
    parser.add_argument("--runs", type=int, default=2, metavar="N", help="take the least of so many")
    parser.add_argument("--child", choices=list(CHILDREN), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        months = data_files(arguments.data, *MONTHS)
    except AbsentError as error:
        say(f"skipped: {error}")
        return 0
    if arguments.child:
        print(json.dumps(CHILDREN[arguments.child](abstracts(months, arguments.papers + NEW))))
        return 0
    print(f"{f'{arguments.papers:,} abstracts':48} {'seconds':>8} {'MB':>6} {'terms':>10} {'SVD apart':>10}")
    for name, label in LABELS.items():
        found = [run(arguments.data, name, arguments.papers) for _ in range(arguments.runs)]
        least = min(found, key=lambda one: one["seconds"])
        print(
            f"{label:48} {least['seconds']:8.2f} {least['megabytes']:6.0f} {least['terms']:10,.0f}"
            f" {least['svd']:10.1f}",
            flush=True,
        )
    print(f"\n{'corpus':>8} {'the fit':>8} {f'{NEW:,} new papers':>17} {'saved':>7} {'fit read':>9} {'MB on disk':>11}")
    for many in arguments.corpora:
        that = run(arguments.data, "day", many)
        print(
            f"{many:>8,} {that['fit']:8.2f} {that['extended']:17.3f} {that['saved']:7.3f} {that['read']:9.2f}"
            f" {that['disk']:11.0f}",
            flush=True,
        )
    return 0


def run(data: Path, name: str, many: int) -> Figures:
    command = [sys.executable, __file__, "--data", str(data), "--child", name, "--papers", str(many)]
    alone = environment() | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=alone, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def abstracts(months: list[Path], many: int) -> list[Paper]:
    real = [paper for month in months for paper in papers(month)]
    sentences = [_SENTENCES.split(paper.abstract) for paper in real]
    numbers = np.random.default_rng(20250601)
    return [
        replace(
            real[one],
            id=f"arxiv:2506.{number:05d}",
            abstract=" ".join([*sentences[one][::2], *sentences[other][1::2]]),
        )
        for number, (one, other) in enumerate(numbers.integers(0, len(real), (many, 2)).tolist())
    ]


def ours(found: list[Paper]) -> Figures:
    before = held()
    # Without directions there is no SVD.
    seconds, features = timed(lambda: Features.fit(found[:-NEW], Recipe(dimensions=0)))
    megabytes = held() - before
    whole, _ = timed(lambda: Features.fit(found[:-NEW], Recipe()))
    return {"seconds": seconds, "megabytes": megabytes, "terms": len(features.terms), "svd": whole - seconds}


def rival(**parameters: Any) -> Callable[[list[Paper]], Figures]:
    def fit(found: list[Paper]) -> Figures:
        texts = [f"{paper.title} {paper.abstract}" for paper in found[:-NEW]]
        before = held()
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2),
            sublinear_tf=True,
            stop_words=list(STOP_WORDS | PAIR_WORDS),
            dtype=np.float32,
            **parameters,
        )
        with warnings.catch_warnings():
            # Some of the stop words are not what its own pattern takes for words.
            warnings.simplefilter("ignore", UserWarning)
            seconds, rows = timed(lambda: vectorizer.fit_transform(texts))
        megabytes = held() - before
        svd, _ = timed(lambda: TruncatedSVD(n_components=200, n_iter=2, random_state=1).fit(rows))
        return {"seconds": seconds, "megabytes": megabytes, "terms": len(vectorizer.vocabulary_), "svd": svd}

    return fit


def day(found: list[Paper]) -> Figures:
    """Time what a day costs: new papers get their rows, which are saved; the next program reads the fit."""
    recipe = Recipe()
    fitting, fit = timed(lambda: Fit.of(found[:-NEW], recipe, NOW))
    new = found[-NEW:]
    extending, extended = min((timed(lambda: fit.extended(new)) for _ in range(3)), key=lambda one: one[0])
    with tempfile.TemporaryDirectory(prefix="digestbot-fitting-") as name:
        fits = Fits(Path(name))
        written = fits.write(fit)
        rows = extended.rows.take(range(-NEW, 0))
        saving, _ = timed(lambda: fits.add_rows(written, extended.papers[-NEW:], rows))
        reading, _ = timed(lambda: fits.read(written, recipe))
        size = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file()) / 1e6
    return {"fit": fitting, "extended": extending, "saved": saving, "read": reading, "disk": size}


CHILDREN: dict[str, Callable[[list[Paper]], Figures]] = {
    "ours": ours,
    "tfidf": rival(min_df=3),
    "largest": rival(max_features=60_000),
    "day": day,
}
LABELS = {
    "ours": "digestbot: counting, weighing, choosing terms",
    "tfidf": "TfidfVectorizer, min_df = 3",
    "largest": "TfidfVectorizer, max_features = 60,000",
}


def timed(job: Callable[[], Result]) -> tuple[float, Result]:
    began = time.process_time()
    result = job()
    return time.process_time() - began, result


def held() -> float:
    """Return the most memory this process held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    sys.exit(main())
