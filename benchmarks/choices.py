"""What the ranking is worth when nobody's figure is of a choice that this reader had a part in: five folds.

A small grid of the choices that the recipe has is measured on every reader. For each fold of readers the best choice on
the other four is taken, and the fold reports what that choice gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from itertools import product
from multiprocessing import get_context

import numpy as np
from scipy.sparse import csr_matrix
from tasks import Floats, Judge, Task, one_core

from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.profile import rounded, settled, telling
from digestbot.ranking.rows import inverse, lengths, scaled

FOLDS = 5


@dataclass(frozen=True, slots=True, order=True)
class Fitted:
    """What a fit depends on. ``order`` is how texts are taken: ``pairs``, ``bags``, or as is seen from them."""

    order: str = "seen"
    least_count: int = 3
    dimensions: int = 200


@dataclass(frozen=True, slots=True, order=True)
class Choice:
    """One choice of everything; the defaults are those of the program.

    ``ridge`` is in units of the program's constant. Without ``many`` popularity does not count.
    """

    fitted: Fitted = Fitted()
    half_evidence: float = 0.3
    ridge: float = 1.0
    many: float | None = 10.0

    def __str__(self) -> str:
        order, least, dimensions = astuple(self.fitted)
        return (
            f"texts as {order}, count {least}, {dimensions} directions, half evidence {self.half_evidence},"
            f" ridge x {self.ridge:g}, popularity {'off' if self.many is None else f'{self.many:g}'}"
        )


FITS = [Fitted(*one) for one in product(("pairs", "bags"), (2, 3, 4), (100, 200, 400))]
HALVES, RIDGES, MANY = (0.2, 0.3, 0.5), (0.5, 1.0, 2.0), (10.0, 20.0, 40.0, None)

Measured = dict[Choice, Floats]
_shared: dict[str, tuple[Task, Judge]] = {}


def measured(task: Task, judge: Judge, processes: int) -> Measured:
    """Return nDCG@10 of every reader for every choice."""
    _shared["now"] = task, judge
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        found: Measured = {}
        for some in pool.map(_of_fit, FITS):
            found |= some
    seen = _seen(task, found)
    return found | {Choice(Fitted("seen", *astuple(one.fitted)[1:]), *_rest(one)): found[one] for one in seen}


def _seen(task: Task, found: Measured) -> list[Choice]:
    order = "pairs" if Features.fit(task.corpus, Recipe(dimensions=1)).word_order else "bags"
    return [one for one in found if one.fitted.order == order]


def _rest(choice: Choice) -> tuple[float, float, float | None]:
    return choice.half_evidence, choice.ridge, choice.many


def _of_fit(fitted: Fitted) -> Measured:
    task, judge = _shared["now"]
    with one_core():
        return dict(_of_choices(task, judge, fitted))


def _of_choices(task: Task, judge: Judge, fitted: Fitted) -> Iterator[tuple[Choice, Floats]]:
    recipe = Recipe(dimensions=fitted.dimensions, least_count=fitted.least_count)
    features = Features.fit(task.corpus, recipe, word_order=fitted.order == "pairs")
    texts = {paper.id: paper for paper in (*task.corpus, *task.candidates)}
    papers = sorted({paper for own in task.ratings for paper, _ in own if paper in texts})
    number = {paper: place for place, paper in enumerate(papers)}
    rated, candidates = features.transform([texts[one] for one in papers]), features.transform(task.candidates)
    given = [(n, number[one], value) for n, own in enumerate(task.ratings) for one, value in own if one in number]
    readers, columns, values = zip(*given, strict=True)
    matrix = csr_matrix((values, (readers, columns)), shape=(len(task.ratings), len(papers)))
    popular = np.array([task.counts[one] for one in papers])
    # Rows of length one, and how long each text is as a share of the usual: only that is scaled by evidence.
    rated_rows, rated_share = _apart(rated, recipe)
    candidate_rows, candidate_share = _apart(candidates, recipe)
    place = candidate_rows @ features.background.directions
    discount = features.background.discount.astype(np.float64)
    for half, many in product(HALVES, MANY):
        says = np.ones(len(papers)) if many is None else telling(popular, many)
        weighted = csr_matrix(matrix.multiply(says[None, :]))
        evidence = rated_share / (rated_share + half)
        profile = scaled(weighted, inverse(np.asarray(abs(weighted) @ evidence).ravel()))
        profile = csr_matrix(profile.multiply(evidence[None, :])) @ rated_rows
        steady = settled(weighted, evidence)[:, None].astype(np.float32)
        direct = (profile @ candidate_rows.T).toarray()
        own_place = profile @ features.background.directions
        own_evidence = candidate_share / (candidate_share + half)
        for ridge in RIDGES:
            # With a larger ridge constant the same strengths of the directions are discounted less.
            less = (discount / (discount + ridge * (1 - discount))).astype(np.float32)
            common = (own_place * less) @ place.T * steady
            yield Choice(fitted, half, ridge, many), judge.all(rounded((direct - common) * own_evidence[None, :]))


def _apart(rows: csr_matrix, recipe: Recipe) -> tuple[csr_matrix, Floats]:
    """Return rows of length one, and the lengths before evidence was counted, as shares of the usual one."""
    evidence = lengths(rows)
    return scaled(rows, inverse(evidence)), recipe.half_evidence * evidence / (1 - evidence)


def folds(many: int, seed: int) -> list[np.ndarray]:
    """Return the numbers of the readers of each fold."""
    return [np.sort(part) for part in np.array_split(np.random.default_rng(seed).permutation(many), FOLDS)]


def by_folds(sets: Sequence[Measured], seed: int, *, alike: str = "sets") -> tuple[list[Floats], list[Choice]]:
    """Return what each reader of each set gets by the choice of the other folds, and what each fold chose.

    With several sets the choice is for all of them together, for which either the sets count alike or the readers.
    """
    parts = [folds(len(next(iter(measured.values()))), seed) for measured in sets]
    found = [np.zeros(sum(map(len, part))) for part in parts]
    weights = None if alike == "sets" else [len(own) for own in found]
    chosen = []
    every = [_transferable(measured) if len(sets) > 1 else set(measured) for measured in sets]
    choices = sorted(set.intersection(*every), key=str)
    tables = [np.array([measured[one] for one in choices]) for measured in sets]
    for fold in range(FOLDS):
        others = [np.concatenate([part for n, part in enumerate(own) if n != fold]) for own in parts]
        means = [table[:, rest].mean(axis=1) for table, rest in zip(tables, others, strict=True)]
        best = int(np.average(means, axis=0, weights=weights).argmax())
        chosen.append(choices[best])
        for own, part, table in zip(found, parts, tables, strict=True):
            own[part[fold]] = table[best, part[fold]]
    return found, chosen


def best_of(measured: Measured) -> Choice:
    """Return the choice that is best on all readers of a set, and that means something on another one."""
    return max(sorted(_transferable(measured), key=str), key=lambda one: measured[one].mean())


def _transferable(measured: Measured) -> set[Choice]:
    # What order the texts of a set have is seen from them, not chosen on those of another.
    return {one for one in measured if one.fitted.order == "seen"}
