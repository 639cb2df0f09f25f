"""From profiles and candidates to each reader's order, with the terms that carried every score."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.sparse import csr_matrix

from digestbot.models import Paper, PaperId, Rating, Reason, Scored
from digestbot.ranking.features import Features, FloatArray
from digestbot.ranking.profile import Profiles, train
from digestbot.ranking.trending import in_categories, trending

_REASON_TERMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What ranking knows of a subscriber: ratings, categories, and the papers that are out of question.

    ``candidates`` says which of the papers at hand may be chosen at all.
    """

    ratings: Sequence[Rating]
    categories: Sequence[str]
    candidates: Callable[[Paper], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One reader's best candidates, best first, and how many they were chosen from."""

    chosen: Sequence[Scored]
    considered: int


class Ranker:
    """Ranks a set of papers for many readers. Fitting is the costly part: keep it, and reuse it."""

    def __init__(self, features: Features, papers: Sequence[Paper], rated: Mapping[PaperId, Paper]) -> None:
        """Take the papers at hand, and the texts of all papers that any reader has rated."""
        self._features = features
        # In the order of ties, so that a stable sort by score is the total order.
        self._papers = sorted(papers, key=lambda paper: (-paper.announced.toordinal(), paper.id))
        self._matrix = features.transform(self._papers)
        self._rated_papers = list(rated.values())
        self._rated_number = {paper.id: number for number, paper in enumerate(self._rated_papers)}
        self._rated_matrix = features.transform(self._rated_papers)

    def rank(
        self, readers: Sequence[Reader], today: Sequence[date], limits: Sequence[int], floor: float
    ) -> list[Ranked]:
        """Return each reader's best candidates; ``today`` is each reader's day, for trending alone."""
        profiles = self.profiles([reader.ratings for reader in readers])
        scores = profiles.score(self._matrix)
        return [
            self._best(number, reader, scores[:, number], profiles, today[number], limits[number], floor)
            for number, reader in enumerate(readers)
        ]

    def profiles(self, ratings: Sequence[Sequence[Rating]]) -> Profiles:
        """Train the profile of each list of ratings; ratings of papers without a text count for nothing."""
        rows, columns, values = [], [], []
        for number, own in enumerate(ratings):
            for rating in own:
                if rating.paper_id in self._rated_number:
                    rows.append(number)
                    columns.append(self._rated_number[rating.paper_id])
                    values.append(float(rating.value))
        matrix = csr_matrix((values, (rows, columns)), shape=(len(ratings), len(self._rated_papers)))
        return train(self._rated_matrix, matrix, self._features.background)

    def _best(
        self,
        number: int,
        reader: Reader,
        scores: FloatArray,
        profiles: Profiles,
        today: date,
        limit: int,
        floor: float,
    ) -> Ranked:
        liked = any(rating.value > 0 for rating in reader.ratings)
        allowed = [
            row
            for row, paper in enumerate(self._papers)
            if reader.candidates(paper) and (liked or in_categories(paper, reader.categories))
        ]
        if not liked:
            # Without a like there is nothing to look for; dislikes still push down what resembles them.
            scores = scores[allowed] + trending([self._papers[row] for row in allowed], today)
        else:
            scores = scores[allowed]
        order = np.argsort(-scores, kind="stable")[: max(limit, 0)]
        chosen = [
            Scored(
                paper=self._papers[allowed[place]],
                score=float(scores[place]),
                reason=self._reason(number, allowed[place], profiles) if liked else Reason(kind="trending"),
            )
            for place in order
            if scores[place] > floor
        ]
        return Ranked(chosen=chosen, considered=len(allowed))

    def _reason(self, reader: int, row: int, profiles: Profiles) -> Reason:
        numbers, added = profiles.contributions(reader, self._matrix[[row]])
        carried = {
            str(self._features.terms[number]): float(value)
            for number, value in zip(numbers, added, strict=True)
            if value > 0
        }
        return Reason(kind="terms", terms=tuple(distinct(strongest(carried), _REASON_TERMS)))


def order_all(
    features: Features, candidates: Sequence[Paper], profiles: Profiles
) -> Iterable[tuple[list[int], FloatArray]]:
    """Yield for each reader the candidates' numbers, best first, and their scores in that order."""
    ties = sorted(range(len(candidates)), key=lambda n: (-candidates[n].announced.toordinal(), candidates[n].id))
    scores = profiles.score(features.transform([candidates[number] for number in ties]))
    for reader in range(scores.shape[1]):
        order = np.argsort(-scores[:, reader], kind="stable")
        yield [ties[place] for place in order], scores[order, reader]


def strongest(carried: Mapping[str, float]) -> list[str]:
    """Return the terms by what they carried of a score, the most first.

    A pair that carried half as much as the weaker of its words speaks for them too: it says more
    ("question answering") than either word.
    """

    def weight(name: str) -> float:
        own = carried[name]
        words = [carried.get(word, 0.0) for word in name.split()]
        return own + sum(words) if len(words) > 1 and own >= 0.5 * min(words) > 0 else own

    return sorted(carried, key=lambda name: (-weight(name), name))


def distinct(names: Iterable[str], limit: int) -> list[str]:
    """Return the first names that do not repeat the words of a stronger one."""
    chosen: list[str] = []
    for name in names:
        words = set(_stems(name))
        if all(words.isdisjoint(_stems(other)) for other in chosen):
            chosen.append(name)
            if len(chosen) == limit:
                break
    return chosen


def _stems(name: str) -> Collection[str]:
    # Only to see that "robot" and "robots" are one: what is shown are whole words.
    return {word.rstrip("s") for word in name.split()}
