"""Which of the candidates a digest takes: good ones, not all alike, none twice, and a few that could surprise.

Diversity is maximal marginal relevance: Carbonell and Goldstein, The use of MMR (SIGIR 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digestbot.models import Paper
from digestbot.ranking.profile import DECIMALS
from digestbot.ranking.retelling import ALIKE, is_retold, words_of_title
from digestbot.ranking.rows import FloatArray, IntArray, Rows, cosines

NOWHERE = -1
# How far down the list diversity and exploration look, in lengths of the digest; so many times as far when
# near-duplicates leave too little.
_POOL, _LEAST_POOL, _FURTHER = 4, 20, 4
_MOST_AT_ONCE = 3000
# What exploration gives for the paper that is known least, against the reader's best score.
_CURIOSITY = 0.5
# In a shorter digest every place is for what is sure.
_LEAST_TO_EXPLORE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a digest is put together.

    ``diversity`` is between 0, the best papers whatever they resemble, and 1, only what resembles nothing chosen.
    ``explore`` is how many of the papers may be ones that the profile is unsure about, at most half of a digest.
    """

    diversity: float = 0.0
    explore: int = 0


class Likeness:
    """How much the candidates resemble one another, and which are the same but for a few words."""

    def __init__(self, papers: Sequence[Paper], rows: Rows) -> None:
        known: dict[frozenset[str], int] = {}
        titles = (words_of_title(paper.title) for paper in papers)
        self._title = np.array([known.setdefault(title, len(known)) for title in titles], dtype=np.int64)
        self._titles = list(known)
        self._rows = rows
        self._whole: tuple[FloatArray, NDArray[np.bool_]] | None = None

    def among(self, numbers: IntArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return the cosines of these candidates, and which of them are near-duplicates; both square."""
        if len(self._title) > _MOST_AT_ONCE:
            return self._compare(numbers)
        if self._whole is None:
            self._whole = self._compare(np.arange(len(self._title), dtype=np.intp))
        square = np.ix_(numbers, numbers)
        return self._whole[0][square], self._whole[1][square]

    def _compare(self, numbers: IntArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        found = cosines(self._rows.take(numbers))
        same = np.zeros(found.shape, dtype=np.bool_)
        ones, others = np.nonzero(np.triu(found >= ALIKE, k=1))
        # Copies are many pairs of few titles.
        pairs = self._title[numbers[ones]] * len(self._titles) + self._title[numbers[others]]
        distinct, place = np.unique(pairs, return_inverse=True)
        retold = [is_retold(*(self._titles[one] for one in divmod(pair, len(self._titles)))) for pair in distinct]
        same[ones, others] = same[others, ones] = np.array(retold, dtype=np.bool_)[place]
        return found, same


@dataclass(frozen=True, slots=True)
class Selected:
    """What was chosen: candidates' numbers, best first, ``NOWHERE`` behind the last; and which are exploration."""

    numbers: IntArray
    explored: NDArray[np.bool_]


def select(
    scores: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    limits: IntArray,
    best: NDArray[np.float64],
    unsure: NDArray[np.float64] | None,
    likeness: Likeness,
    rules: Rules,
) -> Selected:
    """Choose for each reader at most ``limits`` of the allowed candidates.

    ``scores`` and ``allowed`` are ``(n_readers, n_candidates)``, candidates in the order that ties are broken in.
    ``best`` ``(n_readers,)``, above 0, is what scores are seen in relation to. ``unsure``, of the candidates' shape
    and between 0 and 1, says how little is known of each; readers whose row is 0 explore nothing. The result is
    ``(n_readers, longest limit)``, by score, with exploration behind.
    """
    readers, candidates = scores.shape
    most = int(min(limits.max(initial=0), candidates))
    if not readers or not most:
        return Selected(np.full((readers, 0), NOWHERE, dtype=np.intp), np.zeros((readers, 0), dtype=np.bool_))
    doubt = np.zeros_like(scores) if unsure is None else unsure
    numbers = np.full((readers, most), NOWHERE, dtype=np.intp)
    explored = np.zeros((readers, most), dtype=np.bool_)
    # Each reader's own: what somebody gets must not depend on how much others want.
    depths = np.maximum(_POOL * limits, limits + _LEAST_POOL)
    considered = allowed.sum(axis=1)
    todo = np.arange(readers)
    while len(todo):
        found = _greedy(
            scores[todo], allowed[todo], limits[todo], depths[todo], best[todo], doubt[todo], likeness, rules
        )
        numbers[todo, : found.numbers.shape[1]] = found.numbers
        explored[todo, : found.numbers.shape[1]] = found.explored
        short = (found.numbers != NOWHERE).sum(axis=1) < limits[todo]
        todo = todo[short & (depths[todo] < considered[todo])]
        depths[todo] *= _FURTHER
    return _by_score(numbers, explored, scores)


def _greedy(
    scores: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    limits: IntArray,
    depths: IntArray,
    best: NDArray[np.float64],
    unsure: NDArray[np.float64],
    likeness: Likeness,
    rules: Rules,
) -> Selected:
    """Choose one paper after the other from as many of the best as ``depths`` says, in the order they were chosen."""
    readers, candidates = scores.shape
    most = int(min(limits.max(), candidates))
    pool = _pool(scores, allowed, int(min(depths.max(), candidates)))
    union, places = np.unique(pool, return_inverse=True)
    places = places.reshape(pool.shape)
    cosine, same = likeness.among(union)
    every = np.arange(readers)
    relevance = np.take_along_axis(scores, pool, axis=1)
    open_ = np.take_along_axis(allowed, pool, axis=1) & (np.arange(pool.shape[1]) < depths[:, None])
    doubt = np.take_along_axis(unsure, pool, axis=1)
    explores = (unsure.max(axis=1) > 0) & (limits >= _LEAST_TO_EXPLORE)
    exploring = np.where(explores, np.minimum(rules.explore, limits // 2), 0)
    # Relative to the reader's best, so that the setting means the same for everyone.
    relative = relevance / best[:, None]
    nearest = np.zeros_like(relevance)
    numbers = np.full((readers, most), NOWHERE, dtype=np.intp)
    explored = np.zeros((readers, most), dtype=np.bool_)
    for step in range(most):
        curious = (step >= limits - exploring) & (exploring > 0)
        worth = (1 - rules.diversity) * relative - rules.diversity * nearest
        if curious.any():
            worth = np.where(curious[:, None], relative + _CURIOSITY * _spread(doubt, open_), worth)
        worth = np.where(open_ & (step < limits)[:, None], worth, -np.inf)
        # The first of equals: the pool is in the order of score, then of ties.
        chosen = worth.argmax(axis=1)
        taken = np.isfinite(worth[every, chosen])
        numbers[:, step] = np.where(taken, pool[every, chosen], NOWHERE)
        explored[:, step] = curious & taken
        own = places[every, chosen]
        nearest = np.maximum(nearest, cosine[own[:, None], places])
        open_ &= ~(same[own[:, None], places] & taken[:, None])
        open_[every[taken], chosen[taken]] = False
    return Selected(numbers, explored)


def _spread(doubt: NDArray[np.float64], open_: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return doubts between 0 for the surest and 1 for the least sure of the papers that are left."""
    least = np.where(open_, doubt, np.inf).min(axis=1, keepdims=True)
    most = np.where(open_, doubt, -np.inf).max(axis=1, keepdims=True)
    width = np.where(most > least, most - least, 1.0)
    return np.asarray(np.where(open_, (doubt - np.where(open_.any(axis=1, keepdims=True), least, 0.0)) / width, 0.0))


def _keys(scores: NDArray[np.float64], numbers: IntArray) -> NDArray[np.int64]:
    """Return integers in the order of score, then of number: the smaller the better, no two alike."""
    return np.asarray(-np.rint(scores * 10**DECIMALS).astype(np.int64) * 2**24 + numbers)


def _pool(scores: NDArray[np.float64], allowed: NDArray[np.bool_], size: int) -> IntArray:
    """Return the numbers of each reader's best candidates, best first."""
    keys = _keys(scores, np.arange(scores.shape[1]))
    keys[~allowed] = np.iinfo(np.int64).max
    if size < scores.shape[1]:
        found = np.argpartition(keys, size - 1, axis=1)[:, :size]
    else:
        found = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    order = np.argsort(np.take_along_axis(keys, found, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(found, order, axis=1), dtype=np.intp)


def _by_score(numbers: IntArray, explored: NDArray[np.bool_], scores: NDArray[np.float64]) -> Selected:
    """Put what was chosen in the order of score; exploration stands behind, and gaps behind everything."""
    keys = _keys(np.take_along_axis(scores, np.maximum(numbers, 0), axis=1), numbers).astype(np.float64)
    keys[explored] = np.finfo(np.float64).max / 2
    keys[numbers == NOWHERE] = np.finfo(np.float64).max
    order = np.argsort(keys, axis=1, kind="stable")
    return Selected(np.take_along_axis(numbers, order, axis=1), np.take_along_axis(explored, order, axis=1))
