"""What follows when a mail did not arrive, or was not wanted. Each report counts once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digestbot.errors import BounceError, NotFoundError
from digestbot.models import Bounce, BounceKind, DeliveryState, Subscriber, SubscriberId, SubscriberState
from digestbot.store.bounces import Posted
from digestbot.store.suppressions import Cause

log = structlog.get_logger()

# Mailman's values: a mailbox that was full for a few days is not a dead one.
MOST_POINTS = 5
STALE_AFTER = timedelta(days=7)


class Ledger(Protocol):
    """Knows the mails that went out, and counts those that came back."""

    def posted(self, message_id: str) -> Posted | None: ...
    def went_to(self, subscriber_id: SubscriberId, address: str) -> bool: ...
    def mark(self, message_id: str, text: str, now: datetime) -> None: ...
    def add_point(
        self, subscriber_id: SubscriberId, address: str, message_id: str, now: datetime, *, stale_after: timedelta
    ) -> tuple[int, bool]: ...


class Suppressions(Protocol):
    """Keeps the addresses that must not be mailed."""

    def suppress(self, email: str, reason: str, now: datetime, *, cause: Cause) -> bool: ...
    def suppressed(self, emails: Sequence[str]) -> set[str]: ...


class SubscriberStore(Protocol):
    """Knows the subscribers."""

    def find(self, identifier: SubscriberId) -> Subscriber | None: ...
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
class Recorded:
    """What was done, in a sentence without an address; ``changed`` is false when it was known before."""

    changed: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addressee:
    """Whose mail it was, ``None`` for the admin, and at which address."""

    subscriber: Subscriber | None
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounces:
    """Records bounces and complaints."""

    ledger: Ledger
    suppressions: Suppressions
    subscribers: SubscriberStore

    def record(self, bounce: Bounce, now: datetime) -> Recorded:
        """Suppress, count or unsubscribe, as the bounce demands; say what was done.

        What was stored of it before the disk was full, or the program was killed, counts once when it comes again.
        The bounce must come from somebody who can know: with a ``subscriber_id`` that was signed by us, or from a
        service that has proved who it is. Raises ``BounceError``, having changed nothing, when it is of a subscriber
        whom nobody knows or of a mail that went to somebody else.
        """
        posted = self.ledger.posted(bounce.message_id) if bounce.message_id else None
        addressee = self._addressee(bounce, posted)
        match bounce.kind:
            case BounceKind.HARD:
                recorded = self._hard(bounce, posted, addressee, now)
            case BounceKind.SOFT:
                recorded = self._soft(bounce, addressee, now)
            case _:
                recorded = self._complaint(bounce, addressee, now)
        log.info("bounce", kind=str(bounce.kind), status=bounce.status, done=recorded.text)
        return recorded

    def _addressee(self, bounce: Bounce, posted: Posted | None) -> _Addressee:
        if bounce.subscriber_id is not None:
            subscriber = self.subscribers.find(bounce.subscriber_id)
            if subscriber is None:
                raise BounceError("this bounce is of a subscriber who is not kept any more; nothing was changed")
            if posted is None:
                # A relay may have given the mail another Message-ID.
                older = bounce.address and self.ledger.went_to(subscriber.id, bounce.address)
                return _Addressee(subscriber=subscriber, address=bounce.address if older else subscriber.email)
            if posted.subscriber_id != subscriber.id:
                raise BounceError("this bounce is of a mail to somebody else; nothing was changed")
            return _Addressee(subscriber=subscriber, address=posted.address)
        if posted is None:
            try:
                subscriber = self.subscribers.by_email(bounce.address)
            except NotFoundError as error:
                raise BounceError("this bounce is of an address that nobody has; nothing was changed") from error
            return _Addressee(subscriber=subscriber, address=subscriber.email)
        if bounce.address and bounce.address.lower() != posted.address.lower():
            raise BounceError("this bounce is of a mail to another address; nothing was changed")
        subscriber = None if posted.subscriber_id is None else self.subscribers.find(posted.subscriber_id)
        return _Addressee(subscriber=subscriber, address=posted.address)

    def _hard(self, bounce: Bounce, posted: Posted | None, to: _Addressee, now: datetime) -> Recorded:
        if posted is not None and posted.state == DeliveryState.BOUNCED:
            # Who was taken off the list of suppressions since then is not put on it again by what is known.
            return Recorded(changed=False, text="nothing to do: this bounce was recorded before")
        new = self.suppressions.suppress(to.address, _reason(bounce), now, cause=Cause.HARD)
        if posted is not None:
            self.ledger.mark(bounce.message_id, bounce.text, now)
        done = "a lasting failure: the address is suppressed" + ("" if new else ", as it was before")
        return Recorded(changed=new or posted is not None, text=done)

    def _soft(self, bounce: Bounce, to: _Addressee, now: datetime) -> Recorded:
        if to.subscriber is None:
            return Recorded(changed=False, text="a failure that may pass, of a mail to the admin: nothing is counted")
        if self.suppressions.suppressed([to.address]):
            return Recorded(changed=False, text="nothing to do: this address is suppressed")
        points, new = self.ledger.add_point(
            to.subscriber.id, to.address, bounce.message_id, now, stale_after=STALE_AFTER
        )
        if points >= MOST_POINTS:
            self.suppressions.suppress(to.address, _reason(bounce), now, cause=Cause.SOFT)
            return Recorded(changed=True, text=f"a failure that may pass, on {points} days: the address is suppressed")
        counted = "counted" if new else "counted already for this mail or day"
        return Recorded(changed=new, text=f"a failure that may pass: {counted}, {points} of {MOST_POINTS} points")

    def _complaint(self, bounce: Bounce, to: _Addressee, now: datetime) -> Recorded:
        new = self.suppressions.suppress(to.address, _reason(bounce), now, cause=Cause.COMPLAINT)
        # Who has moved to another address since that mail has complained all the same.
        left = to.subscriber is not None and self.subscribers.set_state(
            to.subscriber.id, SubscriberState.UNSUBSCRIBED, now
        )
        if not (new or left):
            return Recorded(changed=False, text="nothing to do: this address is suppressed")
        return Recorded(changed=True, text="a complaint: unsubscribed, and the address is suppressed")


def _reason(bounce: Bounce) -> str:
    said = bounce.text if bounce.status in bounce.text else f"{bounce.status} {bounce.text}"
    return said.strip()
