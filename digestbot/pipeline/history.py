"""History: this installation's own days gone through again, to see how good the ranking would have been on them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Protocol

from digestbot import schedule
from digestbot.digest.compose import MOST_DAYS, window
from digestbot.models import Paper, PaperId, Subscriber, SubscriberId
from digestbot.ranking import history, judgement
from digestbot.ranking.fit import Fit
from digestbot.ranking.history import Event, Known, Occasion, Opinions, Sent, Verdict
from digestbot.ranking.judgement import Overall, Reader, Week
from digestbot.ranking.rows import Rows, stacked
from digestbot.ranking.trending import HALF_LIFE_OF_LIKES, faded

# What a reader liked within so many days from a digest on was worth being in it.
AHEAD_DAYS = 7
# The last digests, of which one sees what became of them.
LAST_DIGESTS = 20
# After so many days one of our readers' likes counts nothing for trending.
_LIFE_OF_LIKES = 60


class PastStore(Protocol):
    """Reads what happened."""

    def ratings(self) -> list[Event]: ...
    def digests(self) -> list[Sent]: ...


class SubscriberStore(Protocol):
    """Reads subscribers."""

    def all(self) -> list[Subscriber]: ...


class PaperStore(Protocol):
    """Reads papers."""

    def announced(self, first: date, last: date) -> list[Paper]: ...
    def get(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]: ...
    def known(self, ids: Sequence[PaperId]) -> dict[PaperId, date]: ...


class FitSource(Protocol):
    """Gives the fit to rank with."""

    def current(self, now: datetime) -> Fit | None: ...


Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which days are gone through, and how many days of papers each of them had, unless a gap made that more."""

    window_days: int
    since: date = date.min
    until: date = date.max

    def has(self, day: date) -> bool:
        """Return whether a day is in it."""
        return self.since <= day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of it: of every reader who rated something, by address, of all, and by week.

    ``first`` and ``last`` are the days between which there was something to go through, ``None`` when there was none.
    """

    first: date | None
    last: date | None
    readers: Sequence[tuple[str, Reader]]
    overall: Overall
    weeks: Sequence[Week]


class History:
    """Replays an installation's ratings by time. It reads, and changes nothing."""

    def __init__(
        self,
        past: PastStore,
        subscribers: SubscriberStore,
        papers: PaperStore,
        fits: FitSource,
        *,
        half_life_days: float,
    ) -> None:
        self._past = past
        self._subscribers = subscribers
        self._papers = papers
        self._fits = fits
        self._half_life_days = half_life_days

    def replay(self, span: Span, now: datetime, progress: Progress = silent) -> Replayed | None:
        """Go through the days of ``span``; return ``None`` when nobody has ever rated anything.

        A reader's days are those of the digests that went out, and before the first of these the days on which they
        rated something, so that imported likes are judged too.
        """
        events = self._past.ratings()
        if not events:
            return None
        people = _people(self._subscribers.all(), events, self._past.digests())
        planned = [one for person in people for one in person.planned(span)]
        verdicts: defaultdict[SubscriberId, list[Verdict]] = defaultdict(list)
        for verdict in self._verdicts(planned, events, now, progress):
            verdicts[verdict.reader].append(verdict)
        replayed: defaultdict[SubscriberId, int] = defaultdict(int)
        for one in planned:
            replayed[one.person.subscriber.id] += 1
        readers = [(person.subscriber.email, person.figures(span, verdicts, replayed)) for person in people]
        days = [one.day for one in planned]
        return Replayed(
            first=min(days, default=None),
            last=max(days, default=None),
            readers=readers,
            overall=judgement.overall([one for _, one in readers]),
            weeks=judgement.weeks(
                (one for own in verdicts.values() for one in own),
                (event for event in events if span.has(event.at.date())),
            ),
        )

    def _verdicts(
        self, planned: list[_Planned], events: Sequence[Event], now: datetime, progress: Progress
    ) -> Iterator[Verdict]:
        fit = self._fits.current(now)
        if fit is None:
            return
        papers, rows = fit.find(sorted({event.paper for event in events}), self._papers.get)
        known = Known(papers, rows, fit.features.background)
        announced = self._papers.known(papers)
        shelf, everybody = _Shelf(self._papers, fit), _Everybody(events)
        planned.sort(key=lambda one: one.day)
        done = 0
        progress(done, len(planned))
        for day, group in groupby(planned, key=lambda one: one.day):
            some = list(group)
            occasions = [one.person.occasion(one, self._half_life_days) for one in some]
            judged = [one for one in occasions if history.counts(one, announced, known)]
            if judged:
                candidates, of_them = shelf.papers(min(one.first for one in judged), day)
                opinions = everybody.before(min(one.begins for one in some))
                yield from history.judge(judged, candidates, of_them, known, opinions)
            done += len(some)
            progress(done, len(planned))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A day to go through for one reader: what was rated before ``begins`` is known."""

    person: _Person
    day: date
    first: date
    begins: datetime


@dataclass(slots=True, kw_only=True)
class _Person:
    """A subscriber with what they rated, and what they were sent, in order."""

    subscriber: Subscriber
    events: list[Event] = field(default_factory=list)
    digests: list[Sent] = field(default_factory=list)

    def planned(self, span: Span) -> Iterator[_Planned]:
        days = {one.day for one in self.digests}
        first = min(days, default=date.max)
        for day in sorted({event.at.date() for event in self.events}):
            if day < first and span.has(day):
                yield self._planned(day, datetime.combine(day, time(0), UTC), None, span)
        last = None
        for day in sorted(days):
            if span.has(day):
                yield self._planned(day, schedule.instant(day, time(0), self.subscriber.timezone), last, span)
            last = day

    def _planned(self, day: date, begins: datetime, last: date | None, span: Span) -> _Planned:
        return _Planned(person=self, day=day, first=window(day, last, span.window_days)[0], begins=begins)

    def occasion(self, planned: _Planned, half_life_days: float) -> Occasion:
        begins = planned.begins
        ends = begins + timedelta(days=AHEAD_DAYS)
        here, there = (bisect_left(self.events, moment, key=lambda event: event.at) for moment in (begins, ends))
        return Occasion(
            reader=self.subscriber.id,
            day=planned.day,
            first=planned.first,
            rated={
                paper: faded(event.value, (begins - event.at).days, half_life_days)
                for paper, event in history.standing(self.events[:here]).items()
            },
            liked={paper for paper, event in history.standing(self.events[here:there]).items() if event.value > 0},
            # What is in the window cannot have been in a digest of before.
            sent={paper for one in self.digests if planned.first <= one.day < planned.day for paper in one.papers},
            categories=self.subscriber.categories,
        )

    def figures(
        self,
        span: Span,
        verdicts: Mapping[SubscriberId, Sequence[Verdict]],
        replayed: Mapping[SubscriberId, int],
    ) -> Reader:
        reader = self.subscriber.id
        last = [one for one in self.digests if span.has(one.day)][-LAST_DIGESTS:]
        return judgement.reader_of(
            reader,
            verdicts.get(reader, ()),
            replayed=replayed.get(reader, 0),
            sent=judgement.sent_papers(last, self.events),
        )


def _people(subscribers: Sequence[Subscriber], events: Sequence[Event], digests: Sequence[Sent]) -> list[_Person]:
    """Return everybody who ever rated something, by address."""
    people = {one.id: _Person(subscriber=one) for one in subscribers}
    for event in events:
        if event.reader in people:
            people[event.reader].events.append(event)
    for sent in digests:
        if sent.reader in people:
            people[sent.reader].digests.append(sent)
    return [person for person in people.values() if person.events]


class _Shelf:
    """The papers of some days with their rows; each day's are made once, as long as days only grow."""

    def __init__(self, papers: PaperStore, fit: Fit) -> None:
        self._papers = papers
        self._fit = fit
        self._days: dict[date, tuple[list[Paper], Rows]] = {}

    def papers(self, first: date, last: date) -> tuple[list[Paper], Rows]:
        """Return the papers announced from ``first`` to ``last``, both included."""
        oldest = last - timedelta(days=MOST_DAYS)
        self._days = {day: held for day, held in self._days.items() if day >= oldest}
        parts = [self._of(first + timedelta(days=number)) for number in range((last - first).days + 1)]
        return [paper for papers, _ in parts for paper in papers], stacked([rows for _, rows in parts])

    def _of(self, day: date) -> tuple[list[Paper], Rows]:
        if day not in self._days:
            texts = {paper.id: paper for paper in self._papers.announced(day, day)}
            # Not through the fitter: rows of papers that are this old are of no use to anybody else.
            ids, rows = self._fit.find(list(texts), lambda missing: {one: texts[one] for one in missing})
            self._days[day] = [texts[one] for one in ids], rows
        return self._days[day]


class _Everybody:
    """All readers' ratings, as they were at a time; the times only grow."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._next = 0
        self._last: dict[tuple[SubscriberId, PaperId], Event] = {}
        self._counts: Counter[PaperId] = Counter()

    def before(self, moment: datetime) -> Opinions:
        """Return what was thought before ``moment``; likes count the less the longer ago they were given."""
        while self._next < len(self._events) and self._events[self._next].at < moment:
            self._take(self._events[self._next])
            self._next += 1
        likes: dict[PaperId, float] = {}
        for event in reversed(self._last.values()):
            age = (moment - event.at).days
            if age > _LIFE_OF_LIKES:
                break
            likes[event.paper] = likes.get(event.paper, 0.0) + faded(event.value, age, HALF_LIFE_OF_LIKES)
        return Opinions(likes=likes, counts=self._counts)

    def _take(self, event: Event) -> None:
        # Put in anew, so that they stand in the order of time.
        before = self._last.pop((event.reader, event.paper), None)
        self._last[event.reader, event.paper] = event
        self._counts[event.paper] += bool(event.value) - bool(before and before.value)
