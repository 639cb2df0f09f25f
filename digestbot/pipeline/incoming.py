"""A mail that came to an address of ours, by a pipe or from a mailbox: a bounce, or somebody who leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from digestbot.errors import BounceError, LinkError, NoBounceError
from digestbot.links import AddressPurpose, SignedAddresses
from digestbot.mail import bounces
from digestbot.mail.received import read_head
from digestbot.mail.report import Report
from digestbot.models import Bounce, BounceKind, Subscriber, SubscriberId
from digestbot.pipeline import subscriptions
from digestbot.pipeline.bounces import Recorded


class SubscriberStore(subscriptions.SubscriberStore, Protocol):
    """Knows the subscribers, and changes their states."""

    def find(self, identifier: SubscriberId) -> Subscriber | None: ...


class Recorder(Protocol):
    """Does what a bounce demands."""

    def record(self, bounce: Bounce, now: datetime) -> Recorded: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Reads mails and acts on them; ``domain`` is that of the mails that are sent."""

    addresses: SignedAddresses
    subscribers: SubscriberStore
    bounces: Recorder
    domain: str

    def take(self, content: bytes, now: datetime) -> Recorded:
        """Act on a mail, of which the beginning is enough; say what was done.

        Raises ``NoBounceError`` for what is no report on a mail of ours, and nobody who leaves, and ``BounceError`` for
        a report that is refused. Both say that nothing was changed.
        """
        received = read_head(content)
        leaving = list(self._whose("u", received.recipients))
        if leaving:
            if received.automatic:
                raise NoBounceError(
                    f"a program wrote this mail ({received.automatic}), and nobody; nothing was changed"
                )
            ended = [self._unsubscribe(one, now) for one in leaving]
            said = "unsubscribed" if any(ended) else "nothing to do: this subscription had ended already"
            return Recorded(changed=any(ended), text=said)
        return self._report(content, list(self._whose("b", received.recipients)), now)

    def _report(self, content: bytes, bounced: list[SubscriberId], now: datetime) -> Recorded:
        try:
            report = bounces.parse(content)
        except NoBounceError as error:
            if bounced:
                raise NoBounceError(f"{error}; nothing was changed") from error
            raise NoBounceError("this mail is to no address that we have made; nothing was changed") from error
        # Complaints come to the address that was agreed on with a provider: only the mail they bring back says whose.
        carried = bounced or list(self._whose("b", report.carried))
        if report.kind == BounceKind.COMPLAINT:
            carried = carried or list(self._whose("u", report.carried))
        whose = list(dict.fromkeys(carried))
        if not whose:
            raise BounceError("this report is of no mail that we have signed; nothing was changed")
        if len(whose) > 1:
            raise BounceError("this report is of mails to several subscribers; nothing was changed")
        return self._record(report, whose[0], now)

    def _record(self, report: Report, whose: SubscriberId, now: datetime) -> Recorded:
        if report.kind is None:
            return Recorded(changed=False, text=f"nothing to do: {report.meaning}")
        bounce = Bounce(
            kind=report.kind,
            subscriber_id=whose,
            address=report.address,
            status=report.status,
            text=report.text,
            message_id=report.message_id,
        )
        return self.bounces.record(bounce, now)

    def _whose(self, purpose: AddressPurpose, addresses: Iterable[str]) -> Iterator[SubscriberId]:
        for address in addresses:
            with suppress(LinkError):
                yield self.addresses.read(purpose, address)

    def _unsubscribe(self, identifier: SubscriberId, now: datetime) -> bool:
        """End a subscription as the web page does; say whether that changed anything."""
        subscriber = self.subscribers.find(identifier)
        return subscriber is not None and subscriptions.end(self.subscribers, subscriber, domain=self.domain, now=now)
