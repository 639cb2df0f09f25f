"""The mornings of the demo: each sends the digests, and says what the likes since the last one changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime

from digestbot.demo.sample import MORNINGS, READERS, DemoReader
from digestbot.digest.reasons import distinct
from digestbot.digest.spelling import as_written
from digestbot.models import Paper, PaperId, Rating, RatingValue, Subscriber, SubscriberId
from digestbot.pipeline.compose import Composer
from digestbot.pipeline.deliver import Deliverer
from digestbot.ranking.profile import profiles_of, risen_terms
from digestbot.store import Store

_TERMS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one reader's ratings since the morning before did to this morning's list.

    ``without`` is the list as it would have been had nothing been rated.
    """

    reader: DemoReader
    liked: Sequence[Paper]
    disliked: Sequence[Paper]
    papers: Sequence[Paper]
    without: Sequence[Paper]
    terms: Sequence[str]

    @property
    def entered(self) -> list[Paper]:
        """The papers that are in the list because of the ratings."""
        return [paper for paper in self.papers if paper.id not in {one.id for one in self.without}]

    @property
    def left(self) -> list[Paper]:
        """The papers that would have been in the list."""
        return [paper for paper in self.without if paper.id not in {one.id for one in self.papers}]

    @property
    def differs(self) -> bool:
        """Whether the list, or its order, is another because of the ratings."""
        return [paper.id for paper in self.papers] != [paper.id for paper in self.without]


class _RatingsThen:
    """The ratings as they were at some time."""

    def __init__(self, ratings: dict[SubscriberId, list[Rating]]) -> None:
        self._ratings = ratings

    def given(self, subscribers: Sequence[SubscriberId]) -> dict[SubscriberId, list[tuple[PaperId, RatingValue, date]]]:
        return {one: [_given(rating) for rating in self._ratings.get(one, [])] for one in subscribers}

    def counts(self, _papers: Sequence[PaperId]) -> dict[PaperId, int]:
        return dict(Counter(rating.paper_id for own in self._ratings.values() for rating in own))

    def totals(self, _papers: Sequence[PaperId]) -> list[tuple[PaperId, date, int]]:
        return []


def _given(rating: Rating) -> tuple[PaperId, RatingValue, date]:
    return rating.paper_id, rating.value, rating.rated_at.date()


class Story:
    """The demo's days. The clock stands still between one morning and the next."""

    def __init__(
        self, store: Store, composer: Composer, delivery: Callable[[], AbstractContextManager[Deliverer]]
    ) -> None:
        self._store = store
        self._composer = composer
        self._delivery = delivery
        self._mornings = list(MORNINGS)
        self._then: dict[SubscriberId, list[Rating]] = {}
        self.now = MORNINGS[0]
        self.changes: list[Change] = []

    @property
    def over(self) -> bool:
        """Whether there is no next morning in the sample."""
        return not self._mornings

    async def next_morning(self) -> None:
        """Let a night pass: compose, send, and find out what the ratings of the day before changed."""
        self.now = self._mornings.pop(0)
        readers = [(reader, self._store.subscribers.by_email(reader.email)) for reader in READERS]
        ratings = self._store.ratings.of([subscriber.id for _, subscriber in readers])
        rated = [(reader, one) for reader, one in readers if self._then.get(one.id, ratings[one.id]) != ratings[one.id]]
        # Composed before sending: afterwards these papers count as sent.
        without = {one.id: self._composed_without(one) for _, one in rated}
        sent = {digest.subscriber_id: digest for digest in self._composer.compose_due(self.now)}
        with self._delivery() as deliverer:
            await deliverer.deliver(lambda: self.now, moment=lambda: self.now)
        self.changes = [
            self._change(
                reader,
                ratings[one.id],
                self._then[one.id],
                papers=[item.paper for item in sent[one.id].items] if one.id in sent else [],
                without=without[one.id],
            )
            for reader, one in rated
        ]
        self._then = ratings

    def _composed_without(self, subscriber: Subscriber) -> list[Paper]:
        composer = self._composer.with_ratings(_RatingsThen(self._then))
        day = self.now.date()
        return [item.paper for digest in composer.compose([(subscriber, day)], self.now) for item in digest.items]

    def _change(
        self,
        reader: DemoReader,
        ratings: Sequence[Rating],
        then: Sequence[Rating],
        *,
        papers: Sequence[Paper],
        without: Sequence[Paper],
    ) -> Change:
        new = [rating for rating in ratings if rating not in then]
        texts = self._store.papers.get(sorted({rating.paper_id for rating in (*ratings, *then)}))
        return Change(
            reader=reader,
            liked=[texts[rating.paper_id] for rating in new if rating.value > 0],
            disliked=[texts[rating.paper_id] for rating in new if rating.value < 0],
            papers=papers,
            without=without,
            terms=self._risen(then, ratings, texts, self.now),
        )

    def _risen(
        self, then: Sequence[Rating], ratings: Sequence[Rating], texts: dict[str, Paper], now: datetime
    ) -> list[str]:
        features = self._composer.features(now)
        if features is None:
            return []
        values = [[(rating.paper_id, float(rating.value)) for rating in own] for own in (then, ratings)]
        profiles = profiles_of(features, texts, values)
        # Some are part of others.
        risen = distinct(risen_terms(profiles, list(features.terms), 2 * _TERMS))[:_TERMS]
        for paper in texts.values():
            risen = [as_written(term, paper) for term in risen]
        return risen
