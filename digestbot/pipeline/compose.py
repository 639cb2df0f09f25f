"""Compose: which papers each of those gets who are due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Protocol

from digestbot.digest.compose import compose, digest_delivery, quiet_delivery, window
from digestbot.models import (
    EVERYONE,
    Delivery,
    Digest,
    DigestId,
    Paper,
    PaperId,
    RatingValue,
    Subscriber,
    SubscriberId,
)
from digestbot.pipeline.due import Awaited, SubscriberStore, due
from digestbot.ranking.features import Features
from digestbot.ranking.fit import Fit
from digestbot.ranking.rank import Choice, Ranked, Ranker, Reader
from digestbot.ranking.rows import Rows
from digestbot.ranking.trending import HALF_LIFE_OF_LIKES, faded
from digestbot.schedule import Due

# A write waits for as many digests as are stored at once.
_READERS_AT_ONCE, _STORED_AT_ONCE = 3000, 1500


class Outbox(Protocol):
    """Takes mails."""

    def add(self, *deliveries: Delivery) -> None: ...


class History(Protocol):
    """What a subscriber has had."""

    @property
    def digests(self) -> int: ...
    @property
    def last_delivered(self) -> date | None: ...


class FitSource(Protocol):
    """Gives the fit to rank with, with rows for the recent papers."""

    def current(self, now: datetime, recent: Sequence[Paper] = ()) -> Fit | None: ...


class PaperStore(Protocol):
    """Reads papers."""

    def announced(self, first: date, last: date) -> list[Paper]: ...
    def get(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]: ...


class RatingStore(Protocol):
    """Reads ratings."""

    def given(
        self, subscribers: Sequence[SubscriberId]
    ) -> dict[SubscriberId, list[tuple[PaperId, RatingValue, date]]]: ...
    def totals(self, papers: Sequence[PaperId]) -> list[tuple[PaperId, date, int]]: ...
    def counts(self, papers: Sequence[PaperId]) -> Mapping[PaperId, int]: ...


class DigestStore(Protocol):
    """Reads what was sent before, and takes new digests."""

    def histories(self, subscribers: Sequence[SubscriberId], *, before: date) -> Mapping[SubscriberId, History]: ...
    def sent_papers(
        self, subscribers: Sequence[SubscriberId], *, since: date
    ) -> Mapping[SubscriberId, set[PaperId]]: ...
    def add(self, composed: Iterable[tuple[Digest, Delivery]]) -> list[DigestId]: ...


class Composer:
    """Composes digests."""

    def __init__(
        self,
        papers: PaperStore,
        subscribers: SubscriberStore,
        ratings: RatingStore,
        digests: DigestStore,
        fits: FitSource,
        *,
        choice: Choice,
        window_days: int,
        domain: str,
        quiet: Outbox | None = None,
    ) -> None:
        """Take what is read and written; with an outbox for ``quiet`` days, who gets no digest is told so by mail."""
        self._papers = papers
        self._subscribers = subscribers
        self._ratings = ratings
        self._digests = digests
        self._fits = fits
        self._choice = choice
        self._window_days = window_days
        self._domain = domain
        self._quiet = quiet

    def due(
        self, now: datetime, *, only: str | None = None, awaited: Awaited | None = None, among: range = EVERYONE
    ) -> Iterator[tuple[Subscriber, Due]]:
        """Yield who is due at ``now`` and not served yet, by subscriber id, of those with ids in ``among``.

        Those whose digest can wait for papers that are ``awaited`` are left out.
        """
        return due(self._subscribers, now, only=only, awaited=awaited, among=among)

    def compose_due(
        self,
        now: datetime,
        *,
        only: str | None = None,
        store: bool = True,
        awaited: Awaited | None = None,
    ) -> Iterator[Digest]:
        """Compose all that is due and put it into the outbox; yield each digest that is new.

        Who has no candidate worth sending gets nothing, and stays due until the local day ends.
        """
        return self.compose_these(self.due(now, only=only, awaited=awaited), now, store=store)

    def compose_these(
        self, waiting: Iterable[tuple[Subscriber, Due]], now: datetime, *, store: bool = True
    ) -> Iterator[Digest]:
        """Compose what is due of these subscribers, as ``compose_due`` does."""
        left = iter(waiting)
        stages = (_Stage(), _Stage())
        while some := list(islice(left, _READERS_AT_ONCE)):
            people = {subscriber.id: subscriber for subscriber, _ in some}
            composed = self._compose([(subscriber, one.local_day) for subscriber, one in some], now, stages)
            if store and self._quiet is not None:
                self._quiet.add(*self._quiet_days(some, {digest.subscriber_id for digest in composed}, now))
            for start in range(0, len(composed), _STORED_AT_ONCE):
                part = composed[start : start + _STORED_AT_ONCE]
                yield from self._stored(part, people) if store else part

    def _stored(self, composed: Sequence[Digest], people: Mapping[SubscriberId, Subscriber]) -> list[Digest]:
        """Put digests into the outbox and return those that are new."""
        added = set(
            self._digests.add(
                (digest, digest_delivery(digest, people[digest.subscriber_id], domain=self._domain))
                for digest in composed
            )
        )
        return [digest for digest in composed if digest.id in added]

    def _quiet_days(
        self, waiting: Iterable[tuple[Subscriber, Due]], served: Collection[SubscriberId], now: datetime
    ) -> Iterator[Delivery]:
        for subscriber, due_now in waiting:
            if subscriber.id not in served:
                yield quiet_delivery(subscriber, local_day=due_now.local_day, domain=self._domain, now=now)

    def compose(self, readers: Sequence[tuple[Subscriber, date]], now: datetime) -> list[Digest]:
        """Compose, without storing, each reader's digest for a day; a reader without papers has none."""
        return self._compose(readers, now, (_Stage(), _Stage()))

    def with_ratings(self, ratings: RatingStore) -> Composer:
        """Return a composer that is the same but for the ratings it reads."""
        return Composer(
            self._papers,
            self._subscribers,
            ratings,
            self._digests,
            self._fits,
            choice=self._choice,
            window_days=self._window_days,
            domain=self._domain,
            quiet=self._quiet,
        )

    def prepare(self, now: datetime) -> None:
        """See to it that a fit for ``now``, with rows of the newest papers, is saved."""
        last = (now + timedelta(days=1)).date()
        self._fits.current(now, self._papers.announced(last - timedelta(days=self._window_days), last))

    def features(self, now: datetime) -> Features | None:
        """Return the features that papers are ranked by at ``now``; ``None`` while there is no paper with words."""
        fit = self._fits.current(now)
        return None if fit is None else fit.features

    def _compose(
        self, readers: Sequence[tuple[Subscriber, date]], now: datetime, stages: tuple[_Stage, _Stage]
    ) -> list[Digest]:
        if not readers:
            return []
        histories: dict[SubscriberId, History] = {}
        for day in {day for _, day in readers}:
            histories |= self._digests.histories([one.id for one, own in readers if own == day], before=day)
        days = [window(day, histories[one.id].last_delivered, self._window_days) for one, day in readers]
        ids = [subscriber.id for subscriber, _ in readers]
        ratings = self._ratings.given(ids)
        sent = self._digests.sent_papers(ids, since=min(first for first, _ in days))
        asked = [
            Reader(
                ratings=ratings[subscriber.id],
                first=first,
                today=last,
                limit=subscriber.papers,
                sent=sent[subscriber.id],
                categories=subscriber.categories,
                follows=subscriber.follows,
                mutes=subscriber.mutes,
            )
            for (subscriber, _), (first, last) in zip(readers, days, strict=True)
        ]
        # Who comes back after a pause looks at many more papers than everybody else.
        longer = [(last - first).days >= self._window_days for first, last in days]
        ranked: dict[int, Ranked] = {}
        for group in (False, True):
            numbers = [number for number, one in enumerate(longer) if one is group]
            some = [asked[number] for number in numbers]
            ranker = self._ranker(some, now, stages[group]) if some else None
            if ranker is not None:
                ranked |= zip(numbers, ranker.rank(some), strict=True)
        return [
            compose(
                ranked[number].chosen,
                subscriber,
                local_day=day,
                now=now,
                number=histories[subscriber.id].digests + 1,
                considered=ranked[number].considered,
                last_delivered=histories[subscriber.id].last_delivered,
            )
            for number, (subscriber, day) in enumerate(readers)
            if number in ranked and ranked[number].chosen
        ]

    def _ranker(self, readers: Sequence[Reader], now: datetime, stage: _Stage) -> Ranker | None:
        """Return the ranker of the papers these readers may get; that of the readers before if it has them all."""
        first, last = min(one.first for one in readers), max(one.today for one in readers)
        if stage.ranker is None or not (stage.first <= first and last <= stage.last):
            stage.first, stage.last = min(first, stage.first), max(last, stage.last)
            papers = self._papers.announced(stage.first, stage.last)
            fit = self._fits.current(now, papers) if papers else None
            if fit is None:
                return None
            stage.ranker = Ranker(
                fit.features,
                papers,
                fit.rows_of(papers),
                _RatedPapers(fit, self._papers, self._ratings),
                choice=self._choice,
                likes=self._recent_likes(papers, now),
            )
        return stage.ranker

    def _recent_likes(self, papers: Sequence[Paper], now: datetime) -> dict[PaperId, float]:
        likes: dict[PaperId, float] = {}
        for paper, day, total in self._ratings.totals([paper.id for paper in papers]):
            age = (now.date() - day).days
            likes[paper] = likes.get(paper, 0.0) + faded(total, age, HALF_LIFE_OF_LIKES)
        return likes


@dataclass(frozen=True, slots=True)
class _RatedPapers:
    """What the store and the fit know of papers that were rated."""

    fit: Fit
    papers: PaperStore
    ratings: RatingStore

    def rows(self, ids: Sequence[PaperId]) -> tuple[Sequence[PaperId], Rows]:
        return self.fit.find(ids, self.papers.get)

    def counts(self, ids: Sequence[PaperId]) -> Mapping[PaperId, int]:
        return self.ratings.counts(ids)

    def titles(self, ids: Sequence[PaperId]) -> Mapping[PaperId, str]:
        return {one: paper.title for one, paper in self.papers.get(ids).items()}


@dataclass
class _Stage:
    """The ranker of one run, and the days whose papers it ranks."""

    ranker: Ranker | None = None
    first: date = date.max
    last: date = date.min
