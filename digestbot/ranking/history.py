"""What was, gone through again: the papers of a day, in the order of a profile that knew only what was rated before.

Days are judged by what the reader liked from then on. Beside the profile two orders that need no training, so that one
sees what it is worth: what is trending, and the cosine to the mean of what was liked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import Paper, PaperId, SubscriberId
from digestbot.ranking.evaluation import ndcg
from digestbot.ranking.profile import rounded, telling, train
from digestbot.ranking.rows import Background, Rows, inverse, scaled
from digestbot.ranking.trending import in_categories, tie_order, trending

ORDERS = ("profile", "trending", "mean of likes")
DEPTH, TOP = 10, 5


class Event(NamedTuple):
    """A rating that was given, 1 or -1, or taken back, 0."""

    reader: SubscriberId
    paper: PaperId
    value: int
    at: datetime


class Sent(NamedTuple):
    """A digest that went out."""

    reader: SubscriberId
    day: date
    papers: tuple[PaperId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A day on which a reader got a digest, or could have.

    Candidates are the papers announced from ``first`` to ``day`` that were neither ``sent`` before nor ``rated``, with
    the value that a rating had by then; ``liked`` is what the reader liked from that day on.
    """

    reader: SubscriberId
    day: date
    first: date
    rated: Mapping[PaperId, float]
    liked: AbstractSet[PaperId]
    sent: Collection[PaperId] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """What all readers thought before a day: recent ``likes`` less dislikes, for trending, and how many rated what."""

    likes: Mapping[PaperId, float] = field(default_factory=dict)
    counts: Mapping[PaperId, int] = field(default_factory=dict)


class Verdict(NamedTuple):
    """How good each of the ``ORDERS`` was on one day: nDCG@10, and how many of the best five were liked."""

    reader: SubscriberId
    day: date
    ndcg: tuple[float, ...]
    hits: tuple[int, ...]


def standing(events: Sequence[Event]) -> dict[PaperId, Event]:
    """Return the last event of each paper, of events in order; what was taken back last is not there."""
    last = {event.paper: event for event in events}
    return {paper: event for paper, event in last.items() if event.value}


class Known:
    """The rows of everything that was ever rated, made once."""

    def __init__(self, papers: Sequence[PaperId], rows: Rows, background: Background) -> None:
        """Take the papers that have a text, and their rows."""
        self.background = background
        self._numbers = {paper: number for number, paper in enumerate(papers)}
        self._rows = rows

    def knows(self, paper: PaperId) -> bool:
        """Return whether a paper has a text."""
        return paper in self._numbers

    def of(self, occasions: Sequence[Occasion]) -> tuple[list[PaperId], Rows, csr_matrix]:
        """Return what these readers had rated, its rows, and ``(n_occasions, n_rows)`` values."""
        wanted = {paper for one in occasions for paper in one.rated if paper in self._numbers}
        papers = sorted(wanted)
        place = {paper: number for number, paper in enumerate(papers)}
        counts, columns, values = [0], [], []
        for one in occasions:
            # In order of id: sums must not depend on what came first.
            for paper in sorted(one.rated):
                if paper in place:
                    columns.append(place[paper])
                    values.append(one.rated[paper])
            counts.append(len(columns))
        matrix = csr_matrix(
            (np.array(values, dtype=np.float32), np.array(columns, dtype=np.int32), np.array(counts, dtype=np.int32)),
            shape=(len(occasions), len(papers)),
        )
        return papers, self._rows.take(np.array([self._numbers[paper] for paper in papers], dtype=np.intp)), matrix


def counts(occasion: Occasion, announced: Mapping[PaperId, date], known: Known) -> bool:
    """Return whether a day can be judged: there was a profile, and the reader went on to like a candidate."""
    return any(map(known.knows, occasion.rated)) and any(
        paper in announced and _is_candidate(occasion, paper, announced[paper]) for paper in occasion.liked
    )


def judge(
    occasions: Sequence[Occasion],
    papers: Sequence[Paper],
    rows: Rows,
    known: Known,
    opinions: Opinions,
) -> list[Verdict]:
    """Judge occasions of one day that count, by the papers of all their candidates, with their rows."""
    order = tie_order(papers)
    papers, rows = [papers[number] for number in order], rows.take(order)
    days = np.array([paper.announced.toordinal() for paper in papers])
    numbers = {paper.id: number for number, paper in enumerate(papers)}
    rated, their_rows, values = known.of(occasions)
    says = telling(np.array([opinions.counts.get(paper, 0) for paper in rated], dtype=np.intp))
    profiles = train(their_rows, csr_matrix(values.multiply(says)), known.background).score(rows)
    means = _mean_of_likes(their_rows, values, rows)
    popular: dict[tuple[str, ...], NDArray[np.float64]] = {}
    found = []
    for number, one in enumerate(occasions):
        if one.categories not in popular:
            popular[one.categories] = _trending(papers, one, opinions.likes)
        allowed = (days >= one.first.toordinal()) & (days <= one.day.toordinal())
        allowed[[numbers[paper] for paper in (*one.rated, *one.sent) if paper in numbers]] = False
        choices = np.flatnonzero(allowed)
        relevant = {paper for paper in one.liked if paper in numbers and allowed[numbers[paper]]}
        ranked = [
            [papers[n].id for n in choices[np.argsort(-scores[choices], kind="stable")[:DEPTH]]]
            for scores in (profiles[number], popular[one.categories], means[number])
        ]
        found.append(
            Verdict(
                reader=one.reader,
                day=one.day,
                ndcg=tuple(ndcg(best, relevant, DEPTH) for best in ranked),
                hits=tuple(len(relevant.intersection(best[:TOP])) for best in ranked),
            )
        )
    return found


def _is_candidate(occasion: Occasion, paper: PaperId, announced: date) -> bool:
    in_window = occasion.first <= announced <= occasion.day
    return in_window and paper not in occasion.rated and paper not in occasion.sent


def _mean_of_likes(rated: Rows, values: csr_matrix, rows: Rows) -> NDArray[np.float64]:
    """Return ``(n_occasions, n_papers)``: each paper's cosine to the likes, on average; no like counts more or less."""
    liked = csr_matrix((values > 0).astype(np.float32))
    shares = scaled(liked, inverse(np.asarray(liked.sum(axis=1), dtype=np.float64).ravel()))
    profile = shares @ scaled(rated.terms, inverse(rated.evidence))
    cosine = profile @ scaled(rows.terms, inverse(rows.evidence)).T
    return rounded(np.asarray(cosine.toarray(), dtype=np.float32))


def _trending(papers: Sequence[Paper], occasion: Occasion, likes: Mapping[PaperId, float]) -> NDArray[np.float64]:
    wanted = np.array([in_categories(paper, occasion.categories) for paper in papers], dtype=np.float64)
    return np.asarray(trending(papers, occasion.day, likes) * wanted)
