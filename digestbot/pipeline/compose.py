"""Compose: who is due, and which papers each of them gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from digestbot import schedule
from digestbot.digest.compose import compose, digest_delivery, is_candidate, window
from digestbot.models import Delivery, Digest, DigestId, Paper, PaperId, Rating, Subscriber, SubscriberId
from digestbot.ranking.features import Features
from digestbot.ranking.rank import Ranker, Reader
from digestbot.schedule import Due

_READERS_AT_ONCE = 500
# The day begins first at UTC+14: nobody's local day is later than this.
_EARLIEST_ZONE = timedelta(hours=14)


class PaperStore(Protocol):
    """Reads papers."""

    def newest(self, limit: int, *, until: date) -> list[Paper]: ...
    def newest_revisions(self, limit: int, *, until: date) -> list[tuple[PaperId, int]]: ...
    def announced(self, first: date, last: date) -> list[Paper]: ...
    def get(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]: ...


class SubscriberStore(Protocol):
    """Reads who may be due."""

    def active_with_last_day(self) -> list[tuple[Subscriber, date | None]]: ...


class RatingStore(Protocol):
    """Reads ratings."""

    def of(self, subscribers: Sequence[SubscriberId]) -> dict[SubscriberId, list[Rating]]: ...


class DigestStore(Protocol):
    """Reads what was sent before, and takes new digests."""

    def count(self, subscriber_id: SubscriberId, *, before: date) -> int: ...
    def last_delivered(self, subscriber_id: SubscriberId, *, before: date) -> date | None: ...
    def sent_papers(self, subscriber_id: SubscriberId) -> set[PaperId]: ...
    def add(self, composed: Iterable[tuple[Digest, Delivery]]) -> list[DigestId]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How papers are chosen, as the settings say."""

    window_days: int
    min_score: float
    corpus_papers: int
    dimensions: int
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Papers of a day that are still to come, and how long a digest that is due waits for them."""

    day: date
    wait: timedelta


class Composer:
    """Composes digests. Fitting is kept between calls for as long as the corpus stays the same."""

    def __init__(
        self,
        papers: PaperStore,
        subscribers: SubscriberStore,
        ratings: RatingStore,
        digests: DigestStore,
        choice: Choice,
    ) -> None:
        self._papers = papers
        self._subscribers = subscribers
        self._ratings = ratings
        self._digests = digests
        self.choice = choice
        self._fitted: tuple[list[tuple[PaperId, int]], Features | None] | None = None

    def due(
        self, now: datetime, *, only: str | None = None, awaited: Awaited | None = None
    ) -> list[tuple[Subscriber, Due]]:
        """Return who is due at ``now`` and not served yet, by subscriber id.

        Those whose digest can wait for papers that are ``awaited`` are left out.
        """
        found = []
        for subscriber, last_day in self._subscribers.active_with_last_day():
            if only is not None and subscriber.email.lower() != only.lower():
                continue
            due = schedule.due(now, subscriber, last_day)
            if due is not None and not (awaited and _waits(subscriber, due, awaited, now)):
                found.append((subscriber, due))
        return found

    def compose_due(
        self, now: datetime, *, only: str | None = None, store: bool = True, awaited: Awaited | None = None
    ) -> Iterator[Digest]:
        """Compose all that is due and put it into the outbox; yield each digest that is new.

        Who has no candidate worth sending gets nothing, and stays due until the local day ends.
        """
        due = self.due(now, only=only, awaited=awaited)
        for start in range(0, len(due), _READERS_AT_ONCE):
            some = due[start : start + _READERS_AT_ONCE]
            people = {subscriber.id: subscriber for subscriber, _ in some}
            composed = self.compose([(subscriber, one.local_day) for subscriber, one in some], now)
            if store:
                added = set(
                    self._digests.add(
                        (digest, digest_delivery(digest, people[digest.subscriber_id], domain=self.choice.domain))
                        for digest in composed
                    )
                )
                composed = [digest for digest in composed if digest.id in added]
            yield from composed

    def compose(self, readers: Sequence[tuple[Subscriber, date]], now: datetime) -> list[Digest]:
        """Compose, without storing, each reader's digest for a day; a reader without papers has none."""
        if not readers:
            return []
        choice = self.choice
        ratings = self._ratings.of([subscriber.id for subscriber, _ in readers])
        days = [
            window(day, self._digests.last_delivered(subscriber.id, before=day), choice.window_days)
            for subscriber, day in readers
        ]
        papers = self._papers.announced(min(first for first, _ in days), max(last for _, last in days))
        features = self.features(now) if papers else None
        if features is None:
            return []
        rated = self._papers.get(sorted({rating.paper_id for own in ratings.values() for rating in own}))
        ranked = Ranker(features, papers, rated).rank(
            [
                self._reader(subscriber, ratings[subscriber.id], span)
                for (subscriber, _), span in zip(readers, days, strict=True)
            ],
            today=[day for _, day in readers],
            limits=[subscriber.papers for subscriber, _ in readers],
            floor=choice.min_score,
        )
        return [
            compose(
                result.chosen,
                subscriber,
                local_day=day,
                now=now,
                number=self._digests.count(subscriber.id, before=day) + 1,
                considered=result.considered,
            )
            for (subscriber, day), result in zip(readers, ranked, strict=True)
            if result.chosen
        ]

    def _reader(self, subscriber: Subscriber, ratings: Sequence[Rating], days: tuple[date, date]) -> Reader:
        sent = self._digests.sent_papers(subscriber.id)
        rated = {rating.paper_id for rating in ratings}
        return Reader(
            ratings=ratings,
            categories=subscriber.categories,
            candidates=lambda paper: is_candidate(paper, days, sent, rated),
        )

    def features(self, now: datetime) -> Features | None:
        """Return the features of the newest papers; ``None`` while there is no paper with words.

        They depend on ``now`` and the store alone, not on who is due: a preview ranks as ``send`` does.
        """
        limit, until = self.choice.corpus_papers, (now + _EARLIEST_ZONE).date()
        revisions = self._papers.newest_revisions(limit, until=until)
        if self._fitted is None or self._fitted[0] != revisions:
            corpus = self._papers.newest(limit, until=until)
            try:
                features = Features.fit(corpus, dimensions=self.choice.dimensions) if corpus else None
            except ValueError:
                # No paper has a word in it that says anything.
                features = None
            self._fitted = revisions, features
        return self._fitted[1]


def _waits(subscriber: Subscriber, due: Due, awaited: Awaited, now: datetime) -> bool:
    # In a digest of an earlier day the papers could not be anyway.
    return due.local_day >= awaited.day and now < schedule.deadline(due, subscriber, awaited.wait)
