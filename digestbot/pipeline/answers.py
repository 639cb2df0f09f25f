"""What a server's answer to a mail comes to: how it is marked, when it is tried again, what it says of the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

import structlog

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    DigestbotError,
    ExpiredError,
    FullMailboxError,
    GreylistedError,
    NotFoundError,
    RefusedError,
    RenderError,
    SenderRefusedError,
    StoreError,
    UncertainError,
    UnwelcomeError,
)
from digestbot.models import Bounce, BounceKind, Delivery, DeliveryState, Mark
from digestbot.pipeline import retries
from digestbot.pipeline.ledger import Ledger

log = structlog.get_logger()


class Bounces(Protocol):
    """Learns which addresses take no mail."""

    def record(self, bounce: Bounce, now: datetime) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Turns what became of a mail that did not go out into its mark; ``deadline`` is until when a mail is wanted."""

    bounces: Bounces
    ledger: Ledger
    deadline: Callable[[Delivery], datetime]
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    on_uncertain: Literal["resend", "hold"]

    async def mark(self, delivery: Delivery, error: DigestbotError) -> Mark:
        """Return the mark of a mail, and record what the answer says of its address."""
        if isinstance(error, ExpiredError):
            return Mark(delivery=delivery, state=DeliveryState.EXPIRED, text=str(error), tried=False)
        log.warning("mail not sent", message_id=delivery.message_id, problem=str(error))
        if isinstance(error, UnwelcomeError):
            return Mark(delivery=delivery, state=delivery.state, text=str(error), tried=False)
        if isinstance(error, RenderError):
            # It costs nobody anything, and is mended at any moment.
            return Mark(delivery=delivery, state=DeliveryState.DEFERRED, text=str(error), tried=False, unwritten=True)
        match error:
            case RefusedError():
                await self._bounced(delivery, BounceKind.HARD, error)
            case FullMailboxError():
                await self._bounced(delivery, BounceKind.SOFT, error)
        if self._is_for_later(error):
            return self._again(delivery, error)
        state = DeliveryState.HELD if isinstance(error, UncertainError) else DeliveryState.FAILED
        return self._ended(delivery, state, error)

    def _is_for_later(self, error: DigestbotError) -> bool:
        match error:
            case UncertainError():
                return self.on_uncertain == "resend"
            case FullMailboxError():
                return (error.code or 0) < 500
        # What is about us is not about this mail.
        return isinstance(error, (DeferredError, SenderRefusedError))

    def _again(self, delivery: Delivery, error: DigestbotError) -> Mark:
        now = self.clock()
        wait = retries.wait(delivery.attempts + 1, self.chance(), greylisted=isinstance(error, GreylistedError))
        if now + wait >= self._deadline(delivery):
            # What may have arrived is not as if it had never been.
            state = DeliveryState.HELD if isinstance(error, UncertainError) else DeliveryState.EXPIRED
            return self._ended(delivery, state, error)
        return self._ended(delivery, DeliveryState.DEFERRED, error, next_at=now + wait)

    def _deadline(self, delivery: Delivery) -> datetime:
        try:
            return self.deadline(delivery)
        except NotFoundError:
            # Its reader was erased meanwhile.
            return self.clock()
        except StoreError as error:
            # How it ended is to be written all the same.
            log.warning("deadline not known", message_id=delivery.message_id, problem=str(error))
            return delivery.created_at + retries.LONGEST

    @staticmethod
    def _ended(
        delivery: Delivery, state: DeliveryState, error: DigestbotError, next_at: datetime | None = None
    ) -> Mark:
        code, text = (error.code, error.text) if isinstance(error, DeliveryError) else (None, "")
        return Mark(
            delivery=delivery,
            state=state,
            code=code,
            text=text or str(error),
            next_at=next_at,
            uncertain=isinstance(error, UncertainError),
        )

    async def _bounced(self, delivery: Delivery, kind: BounceKind, error: DeliveryError) -> None:
        bounce = Bounce(
            kind=kind,
            subscriber_id=delivery.subscriber_id,
            address=delivery.address,
            status=str(error.code or ""),
            text=error.text,
            message_id=delivery.message_id,
        )
        try:
            await self.ledger.write(partial(self.bounces.record, bounce, self.clock()))
        except DigestbotError as problem:
            log.warning("bounce not recorded", message_id=delivery.message_id, problem=str(problem))
