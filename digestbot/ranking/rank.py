"""From ratings and candidates to each reader's order, with what carried every score."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper, PaperId, Scored
from digestbot.ranking.explaining import Explainer, Ratings
from digestbot.ranking.features import Features
from digestbot.ranking.follows import Followed, Following
from digestbot.ranking.matching import Matcher
from digestbot.ranking.profile import DECIMALS, Profiles, scores_of, settled, shares_of
from digestbot.ranking.rated import Given, Rated, RatedPapers
from digestbot.ranking.rows import IntArray, Rows
from digestbot.ranking.selection import NOWHERE, Likeness, Rules, select
from digestbot.ranking.trending import in_categories, tie_order, trending

# What trending counts beside a profile of n likes: this over 1 + n.
_TRENDING = 0.1
# For more at once what is the same for all of them costs each less, and scores of many candidates more memory.
_READERS_AT_ONCE, _SCORES_AT_ONCE = 3000, 3_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What ranking knows of a subscriber.

    Candidates are the papers announced from ``first`` to ``today`` that are neither ``sent`` nor rated nor muted;
    before the first like also those alone that are in the categories or followed, where any are named.
    """

    ratings: Sequence[Given]
    first: date
    today: date
    limit: int
    sent: Collection[PaperId] = ()
    categories: tuple[str, ...] = ()
    follows: Sequence[str] = ()
    mutes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One reader's best candidates, best first, and how many they were chosen from."""

    chosen: Sequence[Scored]
    considered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How papers are chosen: above which score, by which rules, and in how many days a rating loses half its weight.

    The floor is one of profiles: before the first like there is none. With ``half_life_days`` 0 ratings do not age.
    """

    floor: float = 0.0
    half_life_days: float = 0.0
    rules: Rules = field(default_factory=Rules)


class Ranker:
    """Ranks a set of papers for many readers. What depends on the papers alone is worked out once: keep it."""

    def __init__(
        self,
        features: Features,
        papers: Sequence[Paper],
        rows: Rows,
        known: RatedPapers,
        *,
        choice: Choice,
        likes: Mapping[PaperId, float] | None = None,
    ) -> None:
        """Take the papers at hand with their rows, and what is known of rated ones.

        ``likes`` are all readers' recent likes less dislikes of the papers, for trending.
        """
        # A paper that came twice is there once.
        once = list({paper.id: number for number, paper in enumerate(papers)}.values())
        order = [once[number] for number in tie_order([papers[number] for number in once])]
        self._papers = [papers[number] for number in order]
        self._rows = rows.take(order)
        self._choice = choice
        self._likes = likes or {}
        self._number = {paper.id: number for number, paper in enumerate(self._papers)}
        self._days = np.array([paper.announced.toordinal() for paper in self._papers], dtype=np.int64)
        self._explainer = Explainer(features, self._papers, self._rows, known)
        self._rated = Rated(self._rows, self._number, features.background, known, self._explainer.columns)
        self._at_once = max(1, min(_READERS_AT_ONCE, _SCORES_AT_ONCE // max(1, len(papers))))
        self._likeness = Likeness(self._papers, self._rows)
        self._matcher = Matcher(self._papers)
        self._following = Following(self._matcher, self._rows, features)
        self._trending = lru_cache(maxsize=64)(self._trending_in)
        self._in = lru_cache(maxsize=4096)(self._in_categories)

    def rank(self, readers: Sequence[Reader]) -> Iterator[Ranked]:
        """Yield each reader's best candidates, in the readers' order."""
        for start in range(0, len(readers), self._at_once):
            yield from self._rank(readers[start : start + self._at_once])

    def _rank(self, readers: Sequence[Reader]) -> list[Ranked]:
        self._rated.meet(paper for reader in readers for paper, _, _ in reader.ratings)
        values = self._rated.values(
            [reader.ratings for reader in readers],
            [reader.today for reader in readers],
            self._choice.half_life_days,
        )
        weighted = _with(values, values.data * self._rated.telling[values.indices])
        # Who likes only papers without words has, for a profile, liked nothing yet.
        telling = (self._rated.evidence > 0).astype(np.float64)
        likes = np.asarray(_with(values, np.maximum(values.data, 0)) @ telling, dtype=np.float64)
        ratings = Ratings(
            shares=shares_of(weighted, self._rated.evidence),
            settled=settled(weighted, self._rated.evidence),
            likes=likes,
            counts=np.asarray(_with(values, values.data > 0) @ telling, dtype=np.intp),
        )
        followed = Followed(self._following, [reader.follows for reader in readers], likes, len(self._papers))
        fitting = scores_of(ratings.shares, ratings.settled, self._rated.kernel)
        newest = np.zeros_like(fitting)
        allowed = self._not_rated(values)
        for number, reader in enumerate(readers):
            allowed[number] &= self._allowed(reader, followed.of(number), narrow=not likes[number])
            newest[number] = self._trending(reader.first, reader.today) * self._in(reader.categories)
        newest *= (_TRENDING / (1 + likes))[:, None]
        best = np.where(allowed, fitting + newest, 0.0).max(axis=1, initial=0.0)
        best = np.where(best > 0, best, _TRENDING / (1 + likes)).astype(np.float64).round(DECIMALS)
        fitting += followed.boosts(best)
        scores = np.round(fitting + newest, DECIMALS)
        considered = allowed.sum(axis=1)
        allowed &= np.round(fitting, DECIMALS) > np.where(likes > 0, self._choice.floor, -np.inf)[:, None]
        limits = np.array([max(reader.limit, 0) for reader in readers], dtype=np.intp)
        selected = select(
            scores, allowed, limits, best, self._unsure(values, likes), self._likeness, self._choice.rules
        )
        reasons = self._explainer.reasons(ratings, self._rated, followed, best, scores, selected)
        return [
            Ranked(
                chosen=[
                    Scored(paper=self._papers[one], score=float(scores[number, one]), reason=reason)
                    for one, reason in zip(row[row != NOWHERE].tolist(), why, strict=True)
                ],
                considered=int(considered[number]),
            )
            for number, (row, why) in enumerate(zip(selected.numbers, reasons, strict=True))
        ]

    def _not_rated(self, values: csr_matrix) -> NDArray[np.bool_]:
        among = self._rated.among[values.indices]
        rated = np.flatnonzero(among >= 0)
        allowed = np.ones((values.shape[0], len(self._papers)), dtype=np.bool_)
        allowed[np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))[rated], among[rated]] = False
        return allowed

    def _allowed(self, reader: Reader, followed: IntArray, *, narrow: bool) -> NDArray[np.bool_]:
        allowed = self._announced(reader.first, reader.today)
        if narrow and (reader.categories or reader.follows):
            wanted = self._in(reader.categories).copy() if reader.categories else np.zeros_like(allowed)
            wanted[followed] = True
            allowed &= wanted
        out = [self._number[paper] for paper in reader.sent if paper in self._number]
        if out:
            allowed[out] = False
        for muted in reader.mutes:
            allowed[self._matcher.matches(muted)] = False
        return allowed

    def _announced(self, first: date, last: date) -> NDArray[np.bool_]:
        return (self._days >= first.toordinal()) & (self._days <= last.toordinal())

    def _in_categories(self, categories: tuple[str, ...]) -> NDArray[np.bool_]:
        return np.array([in_categories(paper, categories) for paper in self._papers], dtype=np.bool_)

    def _trending_in(self, first: date, today: date) -> NDArray[np.float64]:
        # Of the reader's own days: other readers' papers must not change the scale.
        numbers = np.flatnonzero(self._announced(first, today))
        scores = np.zeros(len(self._papers))
        scores[numbers] = trending([self._papers[number] for number in numbers], today, self._likes)
        return scores

    def _unsure(self, values: csr_matrix, likes: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return how little of each candidate lies in what a reader rated, 0 to 1; of who likes nothing yet, 0.

        The standard deviation that is left when the rated papers are taken for independent: of 1, less the squares
        of what the candidate has in common with each (Rasmussen and Williams, Gaussian Processes, 2006, 2.2).
        """
        if not self._choice.rules.explore:
            return None
        known = _with(values, np.ones_like(values.data)) @ self._rated.kernel.direct**2
        return np.asarray(np.sqrt(np.clip(1.0 - known, 0.0, 1.0)) * (likes > 0)[:, None], dtype=np.float64)


def _with(matrix: csr_matrix, data: NDArray[Any]) -> csr_matrix:
    # What scipy offers for this sorts the ratings by number.
    return csr_matrix((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


class Orders:
    """The order of all candidates by profile alone: no window, floor, diversity or exploration."""

    def __init__(self, features: Features, candidates: Sequence[Paper]) -> None:
        self._ties = tie_order(candidates).tolist()
        self._rows = features.rows([candidates[number] for number in self._ties])

    def of(self, profiles: Profiles) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
        """Yield for each reader the candidates' numbers, best first, and their scores in that order."""
        for own in profiles.score(self._rows):
            order = np.argsort(-own, kind="stable")
            yield [self._ties[place] for place in order], own[order]
