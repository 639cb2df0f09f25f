"""Subscriptions begin and end, whoever hears of it: a page, or a mail that came in. Each time a mail says so."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from digestbot.digest.compose import goodbye_delivery, welcome_delivery
from digestbot.models import Delivery, Subscriber, SubscriberId, SubscriberState

_NOT_ENDED = (SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.PAUSED)


class SubscriberStore(Protocol):
    """Changes the state of subscribers."""

    def set_state(
        self,
        identifier: SubscriberId,
        state: SubscriberState,
        now: datetime,
        *,
        among: Collection[SubscriberState] = ...,
    ) -> bool: ...


class Outbox(Protocol):
    """Takes mails."""

    def add(self, *deliveries: Delivery) -> None: ...


def begin(subscribers: SubscriberStore, outbox: Outbox, subscriber: Subscriber, *, domain: str, now: datetime) -> bool:
    """Make who was asked to confirm active; say whether that changed anything. ``domain`` is that of the mails."""
    begun = subscribers.set_state(subscriber.id, SubscriberState.ACTIVE, now, among=(SubscriberState.PENDING,))
    if begun:
        outbox.add(welcome_delivery(subscriber, domain=domain, now=now))
    return begun


def end(subscribers: SubscriberStore, outbox: Outbox, subscriber: Subscriber, *, domain: str, now: datetime) -> bool:
    """End a subscription that has not ended; say whether that changed anything."""
    ended = subscribers.set_state(subscriber.id, SubscriberState.UNSUBSCRIBED, now, among=_NOT_ENDED)
    if ended:
        outbox.add(goodbye_delivery(subscriber, domain=domain, now=now))
    return ended
