"""From the verdicts on single days to figures: of each reader, of all with their standard errors, and by week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import fmean, stdev

from digestbot.models import SubscriberId
from digestbot.ranking.history import ORDERS, Event, Sent, Verdict, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Means over days: nDCG@10, liked papers among the best five, and on which share of the days there was one."""

    ndcg: float
    hits: float
    hit_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPapers:
    """What became of the papers of some digests: so many were liked, disliked, neither."""

    digests: int = 0
    liked: int = 0
    disliked: int = 0
    unrated: int = 0

    @property
    def papers(self) -> int:
        """How many papers there were."""
        return self.liked + self.disliked + self.unrated


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader: of ``replayed`` days ``days`` count; ``measures`` are by ``ORDERS``, empty when no day counts."""

    reader: SubscriberId
    replayed: int
    days: int
    measures: tuple[Measures, ...]
    sent: SentPapers


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean with its standard error, ``None`` where there is a single value."""

    mean: float
    error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Measures as means over readers, each counting alike."""

    ndcg: Estimate
    hits: Estimate
    hit_days: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """All readers of whom a day counts; ``measures`` are by ``ORDERS``, ``gains`` the profile's over each rival.

    Both are empty when no day of any reader counts. ``sent`` are the digests of all readers.
    """

    readers: int
    days: int
    measures: tuple[Estimates, ...]
    gains: tuple[Estimates, ...]
    sent: SentPapers


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week from its Monday: means over the days that count, by ``ORDERS``, empty without one; and what was given."""

    monday: date
    days: int
    ndcg: tuple[float, ...]
    hits: tuple[float, ...]
    likes: int
    dislikes: int


def reader_of(reader: SubscriberId, verdicts: Sequence[Verdict], *, replayed: int, sent: SentPapers) -> Reader:
    """Return the figures of one reader from the verdicts on the days that count."""
    return Reader(
        reader=reader,
        replayed=replayed,
        days=len(verdicts),
        measures=tuple(_measures(verdicts, number) for number in range(len(ORDERS))) if verdicts else (),
        sent=sent,
    )


def overall(readers: Sequence[Reader]) -> Overall:
    """Return the means over readers, and how much better the profile does than each rival, reader by reader."""
    judged = [one for one in readers if one.days]
    own = [[one.measures[number] for one in judged] for number in range(len(ORDERS))]
    return Overall(
        readers=len(judged),
        days=sum(one.days for one in judged),
        measures=tuple(_estimates(values) for values in own) if judged else (),
        gains=tuple(
            _estimates([_less(mine, other) for mine, other in zip(own[0], rival, strict=True)]) for rival in own[1:]
        )
        if judged
        else (),
        sent=SentPapers(
            digests=sum(one.sent.digests for one in readers),
            liked=sum(one.sent.liked for one in readers),
            disliked=sum(one.sent.disliked for one in readers),
            unrated=sum(one.sent.unrated for one in readers),
        ),
    )


def sent_papers(digests: Sequence[Sent], events: Sequence[Event]) -> SentPapers:
    """Return what became of the papers of one reader's digests, by what was rated since, whenever that was."""
    ratings = standing(events)
    values = [ratings[paper].value if paper in ratings else 0 for digest in digests for paper in digest.papers]
    return SentPapers(digests=len(digests), liked=values.count(1), disliked=values.count(-1), unrated=values.count(0))


def weeks(verdicts: Iterable[Verdict], events: Iterable[Event]) -> list[Week]:
    """Return every week from the first to the last in which a day counts or something was rated."""
    judged: defaultdict[date, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        judged[_monday(verdict.day)].append(verdict)
    given: defaultdict[date, list[int]] = defaultdict(list)
    for event in events:
        if event.value:
            given[_monday(event.at.date())].append(event.value)
    mondays = judged.keys() | given.keys()
    if not mondays:
        return []
    first, count = min(mondays), (max(mondays) - min(mondays)).days // 7 + 1
    return [
        _week(monday, judged.get(monday, []), given.get(monday, []))
        for monday in (first + timedelta(weeks=number) for number in range(count))
    ]


def _week(monday: date, verdicts: Sequence[Verdict], values: Sequence[int]) -> Week:
    means = [_measures(verdicts, number) for number in range(len(ORDERS))] if verdicts else []
    return Week(
        monday=monday,
        days=len(verdicts),
        ndcg=tuple(one.ndcg for one in means),
        hits=tuple(one.hits for one in means),
        likes=values.count(1),
        dislikes=values.count(-1),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _measures(verdicts: Sequence[Verdict], order: int) -> Measures:
    return Measures(
        ndcg=fmean(one.ndcg[order] for one in verdicts),
        hits=fmean(one.hits[order] for one in verdicts),
        hit_days=fmean(one.hits[order] > 0 for one in verdicts),
    )


def _less(some: Measures, others: Measures) -> Measures:
    return Measures(
        ndcg=some.ndcg - others.ndcg, hits=some.hits - others.hits, hit_days=some.hit_days - others.hit_days
    )


def _estimates(values: Sequence[Measures]) -> Estimates:
    return Estimates(
        ndcg=_estimate([one.ndcg for one in values]),
        hits=_estimate([one.hits for one in values]),
        hit_days=_estimate([one.hit_days for one in values]),
    )


def _estimate(values: Sequence[float]) -> Estimate:
    return Estimate(mean=fmean(values), error=stdev(values) / sqrt(len(values)) if len(values) > 1 else None)
