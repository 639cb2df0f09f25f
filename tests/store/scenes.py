"""What the tests of a store begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from digestbot.digest.compose import digest_delivery
from digestbot.models import (
    Claim,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    Mark,
    Paper,
    Subscriber,
    SubscriberState,
)
from digestbot.store import Preferences, Store
from digestbot.store.digests import History
from tests.factories import DAY, NOW, digest

LATER = NOW + timedelta(hours=1)
EVER = NOW + timedelta(days=4000)
_NUMBER = count(1)


def join(store: Store, **changes: Any) -> Subscriber:
    """Return a new active subscriber."""
    email = changes.pop("email", f"reader{next(_NUMBER)}@example.org")
    return store.subscribers.add(email, SubscriberState.ACTIVE, Preferences(**changes), NOW)


def sent_papers(store: Store, reader_id: int) -> set[str]:
    return store.digests.sent_papers([reader_id], since=date.min)[reader_id]


def history(store: Store, reader_id: int, *, before: date) -> History:
    return store.digests.histories([reader_id], before=before)[reader_id]


def post(store: Store, reader: Subscriber, papers: Iterable[Paper], day: date = DAY) -> tuple[Digest, Delivery]:
    """Store papers and a digest of them with its delivery, and return what the outbox holds."""
    shown = list(papers)
    store.papers.add(shown, NOW)
    made = digest(*shown, reader=reader, local_day=day)
    store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
    return made, held(store, made)


def held(store: Store, one: Digest) -> Delivery:
    found = store.outbox.find(DeliveryKind.DIGEST, str(one.id))
    assert found is not None
    return found


def claim(store: Store, limit: int, now: datetime, *, only: int | None = None) -> list[Delivery]:
    """Claim what goes out next, as a connection does it; none is claimed that another process has claimed meanwhile."""
    waiting = store.outbox.waiting(limit, now, only=only)
    settled = store.outbox.settle(now, now, claims=[Claim(delivery=one) for one in waiting])
    return [
        replace(one, state=DeliveryState.SENDING, attempts=one.attempts + 1)
        for one in waiting
        if one.id in settled.claimed
    ]


def mark(store: Store, delivery: Delivery, state: DeliveryState, now: datetime, **how: Any) -> None:
    """Say how a delivery ended; one that nobody has claimed is claimed before."""
    known = store.outbox.find(delivery.kind, delivery.key)
    claims = [Claim(delivery=known)] if known and known.state != DeliveryState.SENDING else []
    store.outbox.settle(now, now, claims=claims)
    store.outbox.settle(now, now, marks=[Mark(delivery=delivery, state=state, **how)])


def drained(store: Store) -> list[int]:
    """Send all that waits, two at a time, and return what this one sent."""
    sent: list[int] = []
    while store.outbox.waiting(2, NOW):
        for one in claim(store, 2, NOW):
            mark(store, one, DeliveryState.SENT, NOW)
            sent.append(one.id)
    return sent
