"""Letters: the final bytes of a delivery. The same delivery always gives the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from digestbot.digest import alerts, notes, stoppages
from digestbot.digest.render import SHORTER, Rendered, Renderer
from digestbot.errors import RejectedError
from digestbot.links import Links, SignedAddresses
from digestbot.mail.message import Draft, Sender, build, digest_headers
from digestbot.models import Delivery, DeliveryKind, Digest, DigestId, Subscriber, SubscriberId
from digestbot.pipeline import retries

# Gmail cuts what is longer than 102 kB, and with it the link to unsubscribe. Signatures take 1.5 kB more.
_MOST_BYTES = 88_000
_BY_A_PROGRAM = [("Auto-Submitted", "auto-generated")]


class DigestStore(Protocol):
    """Reads digests as they were composed."""

    def find(self, identifier: DigestId) -> Digest | None: ...


class SubscriberStore(Protocol):
    """Reads subscribers."""

    def get(self, identifier: SubscriberId) -> Subscriber: ...


class Letters:
    """Makes the final bytes of deliveries.

    ``sign`` puts signatures of a given time under a finished mail; ``None`` when nobody does, or a relay. ``addresses``
    are those that mails come back to, ``None`` when there is no domain for them.
    """

    def __init__(
        self,
        digests: DigestStore,
        subscribers: SubscriberStore,
        renderer: Renderer,
        links: Links,
        sender: Sender,
        sign: Callable[[bytes, datetime], bytes] | None = None,
        addresses: SignedAddresses | None = None,
    ) -> None:
        self._digests = digests
        self._subscribers = subscribers
        self._renderer = renderer
        self._links = links
        self.sender = sender
        self._sign = sign
        self._addresses = addresses

    def return_path(self, delivery: Delivery) -> str:
        """Return the envelope's sender: an address of its own for each subscriber, since a bounce may not name whom."""
        if self._addresses is None or delivery.subscriber_id is None:
            return self.sender.address
        return self._addresses.bounce(delivery.subscriber_id)

    def deadline(self, delivery: Delivery) -> datetime:
        """Return until when a delivery is worth trying."""
        digest = self._digests.find(delivery.digest_id) if delivery.digest_id is not None else None
        subscriber = self._subscribers.get(delivery.subscriber_id) if delivery.subscriber_id is not None else None
        return retries.deadline(delivery, digest, subscriber)

    def write(self, delivery: Delivery) -> bytes:
        """Return the bytes of a stored delivery."""
        if delivery.kind == DeliveryKind.ALERT:
            return self._signed(delivery, self._built(delivery, self._alert(delivery), _BY_A_PROGRAM))
        if delivery.subscriber_id is None:
            raise RejectedError(f"delivery {delivery.id} is for nobody")
        # The address is the one of the day of composing, in the envelope and in the text alike.
        subscriber = replace(self._subscribers.get(delivery.subscriber_id), email=delivery.address)
        if delivery.kind != DeliveryKind.DIGEST:
            return self._signed(delivery, self._note(delivery, _as_chosen(subscriber, delivery)))
        digest = self._digests.find(delivery.digest_id) if delivery.digest_id is not None else None
        if digest is None:
            raise RejectedError(f"delivery {delivery.id} has no digest")
        return self.write_digest(digest, subscriber, delivery)

    def write_digest(self, digest: Digest, subscriber: Subscriber, delivery: Delivery) -> bytes:
        """Return the bytes of a digest, stored or not; of a very long one that says less of each paper."""
        headers = self._list_headers(subscriber, digest.local_day.isoformat())
        message = self._built(delivery, self._renderer.digest(digest, subscriber), headers)
        for brevity in SHORTER:
            if len(message) <= _MOST_BYTES:
                break
            message = self._built(delivery, self._renderer.digest(digest, subscriber, brevity), headers)
        return self._signed(delivery, message)

    def _note(self, delivery: Delivery, subscriber: Subscriber) -> bytes:
        at = delivery.created_at
        match delivery.kind:
            case DeliveryKind.CONFIRM:
                rendered = self._renderer.confirm(subscriber, self._links.confirm(subscriber.id, at))
            case DeliveryKind.WELCOME:
                rendered = self._renderer.welcome(subscriber, at)
            case DeliveryKind.QUIET:
                rendered = self._renderer.quiet(subscriber, at)
            case _:
                rendered = self._renderer.goodbye(subscriber)
        of_the_list = delivery.kind in (DeliveryKind.WELCOME, DeliveryKind.QUIET)
        headers = self._list_headers(subscriber, at.date().isoformat()) if of_the_list else _BY_A_PROGRAM
        return self._built(delivery, rendered, headers)

    def _alert(self, delivery: Delivery) -> Rendered:
        try:
            if delivery.key.startswith(stoppages.KEY_PREFIX):
                return self._renderer.stopped(stoppages.from_details(delivery.details), delivery.address)
            concerns = alerts.from_details(delivery.details)
        except ValueError as error:
            # Alerts go first: what cannot be read must not stand before the digests.
            raise RejectedError(f"this mail cannot be written: {error}") from error
        return self._renderer.alert(concerns, delivery.address, delivery.created_at)

    def _list_headers(self, subscriber: Subscriber, day: str) -> list[tuple[str, str]]:
        return digest_headers(
            self.sender,
            unsubscribe=self._links.unsubscribe(subscriber.id),
            one_click=self._links.one_click,
            day=day,
            unsubscribe_by_mail=self._addresses.unsubscribe(subscriber.id) if self._addresses else "",
        )

    def _built(self, delivery: Delivery, rendered: Rendered, extra: list[tuple[str, str]]) -> bytes:
        draft = Draft(
            to=delivery.address,
            subject=rendered.subject,
            text=rendered.text_pieces,
            html=rendered.html_pieces,
            message_id=delivery.message_id,
            date=delivery.created_at,
            extra=extra,
        )
        try:
            return build(draft, self.sender)
        except ValueError as error:
            # One mail that cannot be written must not keep the others from going out.
            raise RejectedError(f"this mail cannot be written: {error}") from error

    def _signed(self, delivery: Delivery, message: bytes) -> bytes:
        return self._sign(message, delivery.created_at) if self._sign else message


def _as_chosen(subscriber: Subscriber, delivery: Delivery) -> Subscriber:
    """Return a subscriber with what they had chosen when a note was asked for."""
    try:
        return notes.as_chosen(subscriber, delivery.details)
    except ValueError as error:
        raise RejectedError(f"this mail cannot be written: {error}") from error
