"""The order for readers who have not liked anything yet: the newest and the most upvoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from digestbot.models import Paper
from digestbot.ranking.features import FloatArray


def trending(papers: Sequence[Paper], today: date) -> FloatArray:
    """Return ``(n_papers,)`` scores in (0, 1], the best of them 1.

    A day of age halves what the upvotes (logarithmic: the hundredth says less than the first) give.
    """
    if not papers:
        return np.zeros(0)
    age = np.array([max(0, (today - paper.announced).days) for paper in papers], dtype=np.float64)
    upvotes = np.array([max(0, paper.upvotes) for paper in papers], dtype=np.float64)
    score = (1 + np.log2(1 + upvotes)) * 0.5**age
    return np.asarray(score / score.max())


def in_categories(paper: Paper, categories: Sequence[str]) -> bool:
    """Return whether a paper is in one of the categories; none chosen means all. ``cs`` means all of cs."""
    return not categories or any(
        own.lower() == wanted.lower() or own.lower().startswith(f"{wanted.lower()}.")
        for own in paper.categories
        for wanted in categories
    )
