"""Who ended the subscription at the mail provider: it ends here too, and no last mail says so.

The provider would not pass it on, and says itself that nothing more comes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from digestbot.errors import BounceError, NotFoundError
from digestbot.models import Subscriber, SubscriberId, SubscriberState
from digestbot.pipeline.subscriptions import NOT_ENDED
from digestbot.store.bounces import Posted

log = structlog.get_logger()


class Ledger(Protocol):
    """Knows the mails that went out."""

    def posted(self, message_id: str) -> Posted | None: ...


class SubscriberStore(Protocol):
    """Knows the subscribers, and changes their states."""

    def get(self, identifier: SubscriberId) -> Subscriber: ...
    def by_email(self, email: str) -> Subscriber: ...
    def set_state(
        self,
        identifier: SubscriberId,
        state: SubscriberState,
        now: datetime,
        *,
        among: Collection[SubscriberState] = ...,
    ) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Ends subscriptions on the word of a provider that has proved who it is."""

    ledger: Ledger
    subscribers: SubscriberStore

    def end(self, address: str, now: datetime, *, message_id: str = "") -> bool:
        """End the subscription of an address; say whether that changed anything.

        With the ``message_id`` of a mail of ours it is that of whoever was sent the mail, also when they have moved to
        another address since. Raises ``NotFoundError`` when nobody has, or had, the address, and ``BounceError`` for a
        mail that went to another one.
        """
        subscriber = self._whose(address, self.ledger.posted(message_id) if message_id else None)
        ended = self.subscribers.set_state(subscriber.id, SubscriberState.UNSUBSCRIBED, now, among=NOT_ENDED)
        log.info("left at the mail provider", changed=ended)
        return ended

    def _whose(self, address: str, posted: Posted | None) -> Subscriber:
        if posted is None:
            return self.subscribers.by_email(address)
        if posted.address.lower() != address.lower():
            raise BounceError("whoever leaves was not sent this mail; nothing was changed")
        if posted.subscriber_id is None:
            raise NotFoundError("this mail went to the admin, who has no subscription by it; nothing was changed")
        return self.subscribers.get(posted.subscriber_id)
