"""Which papers may be in a digest, and the digest made of those that were chosen. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from digestbot.digest.notes import to_details
from digestbot.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestItem,
    Paper,
    PaperId,
    Scored,
    Subscriber,
    digest_id,
    is_weekly,
)

MOST_DAYS = 14


def window(local_day: date, last_delivered: date | None, window_days: int) -> tuple[date, date]:
    """Return the first and the last day of announcement a candidate may have.

    As many days as have passed since the last delivered digest, at least ``window_days`` (and
    that for a first digest), at most 14; never after the reader's local day.
    """
    passed = window_days if last_delivered is None else max(window_days, (local_day - last_delivered).days)
    return local_day - timedelta(days=min(passed, MOST_DAYS) - 1), local_day


def is_candidate(paper: Paper, days: tuple[date, date], sent: Collection[PaperId], rated: Collection[PaperId]) -> bool:
    """Return whether a paper may go into this reader's digest: new, not sent, not rated."""
    first, last = days
    return first <= paper.announced <= last and paper.id not in sent and paper.id not in rated


def compose(
    chosen: Sequence[Scored],
    subscriber: Subscriber,
    *,
    local_day: date,
    now: datetime,
    number: int,
    considered: int,
    last_delivered: date | None = None,
) -> Digest:
    """Return the digest of the chosen papers, best first, as they are given; in a weekly one day after day."""
    if is_weekly(subscriber.days):
        chosen = sorted(chosen, key=lambda one: one.paper.announced)
    return Digest(
        id=digest_id(subscriber.id, local_day),
        subscriber_id=subscriber.id,
        local_day=local_day,
        composed_at=now.replace(microsecond=0),
        number=number,
        considered=considered,
        days=subscriber.days,
        language=subscriber.language,
        last_delivered=last_delivered,
        items=tuple(
            DigestItem(position=position, paper=one.paper, shown_id=one.paper.id, score=one.score, reason=one.reason)
            for position, one in enumerate(chosen, 1)
        ),
    )


def best(digest: Digest, most: int | None) -> Digest:
    """Return a digest with its ``most`` best papers by score, all when it is ``None``, in their order and places."""
    if most is None:
        return digest
    kept = sorted(digest.items, key=lambda item: (-item.score, item.position))[:most]
    return replace(digest, items=tuple(sorted(kept, key=lambda item: item.position)))


def digest_delivery(digest: Digest, subscriber: Subscriber, *, domain: str) -> Delivery:
    """Return the mail that carries a digest; its Message-ID follows from subscriber and day."""
    return Delivery(
        id=0,
        kind=DeliveryKind.DIGEST,
        key=str(digest.id),
        subscriber_id=subscriber.id,
        digest_id=digest.id,
        address=subscriber.email,
        message_id=f"<{digest.local_day.isoformat()}.{digest.id:016x}@{domain}>",
        state=DeliveryState.PENDING,
        attempts=0,
        bytes_hash=None,
        created_at=digest.composed_at,
    )


def confirm_delivery(subscriber: Subscriber, *, domain: str, now: datetime) -> Delivery:
    """Return the mail that asks a new subscriber to confirm; one for each time of signing up."""
    return _note(DeliveryKind.CONFIRM, subscriber, domain, now)


def welcome_delivery(subscriber: Subscriber, *, domain: str, now: datetime) -> Delivery:
    """Return the mail that greets who has confirmed."""
    return _note(DeliveryKind.WELCOME, subscriber, domain, now)


def goodbye_delivery(subscriber: Subscriber, *, domain: str, now: datetime) -> Delivery:
    """Return the mail that tells who has left that it is the last one."""
    return _note(DeliveryKind.GOODBYE, subscriber, domain, now)


def quiet_delivery(subscriber: Subscriber, *, local_day: date, domain: str, now: datetime) -> Delivery:
    """Return the mail of a day without a paper worth sending; one for each subscriber and day."""
    made = _note(DeliveryKind.QUIET, subscriber, domain, now)
    named = f"{local_day.isoformat()}.quiet.{subscriber.id:016x}"
    return replace(made, key=f"{subscriber.id}:{local_day.isoformat()}", message_id=f"<{named}@{domain}>")


def _note(kind: DeliveryKind, subscriber: Subscriber, domain: str, now: datetime) -> Delivery:
    moment = now.replace(microsecond=0)
    seconds = int(moment.timestamp())
    return Delivery(
        id=0,
        kind=kind,
        key=f"{subscriber.id}:{seconds}",
        subscriber_id=subscriber.id,
        digest_id=None,
        address=subscriber.email,
        message_id=f"<{kind}.{subscriber.id:016x}.{seconds}@{domain}>",
        state=DeliveryState.PENDING,
        attempts=0,
        bytes_hash=None,
        created_at=moment,
        details=to_details(subscriber),
    )
