"""Subscriptions begin and end, whoever hears of it: a page, or a mail that came in. Each time a mail says so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from digestbot.digest.compose import goodbye_delivery, welcome_delivery
from digestbot.models import Delivery, Subscriber, SubscriberId, SubscriberState

NOT_ENDED = (SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED)


class SubscriberStore(Protocol):
    """Changes the state of subscribers, and with it puts the mail that says so into the outbox, or neither."""

    def set_state(
        self,
        identifier: SubscriberId,
        state: SubscriberState,
        now: datetime,
        *,
        among: Collection[SubscriberState] = ...,
        mail: Delivery | None = ...,
    ) -> bool: ...


def begin(subscribers: SubscriberStore, subscriber: Subscriber, *, domain: str, now: datetime) -> bool:
    """Make who was asked to confirm active; say whether that changed anything. ``domain`` is that of the mails."""
    welcome = welcome_delivery(subscriber, domain=domain, now=now)
    return subscribers.set_state(
        subscriber.id, SubscriberState.ACTIVE, now, among=(SubscriberState.PENDING,), mail=welcome
    )


def end(subscribers: SubscriberStore, subscriber: Subscriber, *, domain: str, now: datetime) -> bool:
    """End a subscription that has not ended; say whether that changed anything."""
    goodbye = goodbye_delivery(subscriber, domain=domain, now=now)
    return subscribers.set_state(subscriber.id, SubscriberState.UNSUBSCRIBED, now, among=NOT_ENDED, mail=goodbye)
