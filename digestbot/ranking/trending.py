"""The order for readers who have not liked anything yet: the newest and the most upvoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from digestbot.models import Paper, PaperId
from digestbot.ranking.rows import IntArray

# In so many days one of our readers' likes counts half.
HALF_LIFE_OF_LIKES = 3.0
# One of our own readers' likes says more about what our readers like than an upvote elsewhere.
_VOTES_A_LIKE = 3.0


def trending(papers: Sequence[Paper], today: date, likes: Mapping[PaperId, float] | None = None) -> NDArray[np.float64]:
    """Return ``(n_papers,)`` scores in (0, 1], the best of them 1.

    A day of age halves what the votes (logarithmic: the hundredth says less than the first) give. ``likes`` are our
    own readers' likes less their dislikes, each worth less the longer ago it was.
    """
    if not papers:
        return np.zeros(0)
    own = likes or {}
    age = np.array([max(0, (today - paper.announced).days) for paper in papers], dtype=np.float64)
    votes = np.array(
        [max(0.0, paper.upvotes + _VOTES_A_LIKE * own.get(paper.id, 0.0)) for paper in papers], dtype=np.float64
    )
    score = (1 + np.log2(1 + votes)) * 0.5**age
    return np.asarray(score / score.max())


def faded(value: float, days: float, half_life: float) -> float:
    """Return what a rating counts so many days after it was given; with a half-life of 0 ratings do not age."""
    return value * 0.5 ** (max(0.0, days) / half_life) if half_life else value


def tie_order(papers: Sequence[Paper]) -> IntArray:
    """Return the numbers of papers in the order of equal scores: the newer first, then the smaller id.

    In this order a stable sort by score is the total order of every list.
    """
    order = sorted(range(len(papers)), key=lambda n: (-papers[n].announced.toordinal(), papers[n].id))
    return np.array(order, dtype=np.intp)


def in_categories(paper: Paper, categories: Sequence[str]) -> bool:
    """Return whether a paper is in one of the categories; none chosen means all. ``cs`` means all of cs."""
    return not categories or any(
        own.lower() == wanted.lower() or own.lower().startswith(f"{wanted.lower()}.")
        for own in paper.categories
        for wanted in categories
    )
