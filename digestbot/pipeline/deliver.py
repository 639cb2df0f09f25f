"""Deliver: claim, send, mark. The outbox decides; nothing is lost, and nothing goes out twice unawares."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol, TypeVar

import structlog

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    RefusedError,
    RejectedError,
    RenderError,
    SenderRefusedError,
    ServerUnavailableError,
    UncertainError,
)
from digestbot.models import Delivery, DeliveryState, SubscriberId
from digestbot.pipeline.letters import Letters

log = structlog.get_logger()

T = TypeVar("T")

# After the first, second, ... time that the server asked to come back.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240))


class Outbox(Protocol):
    """The ledger."""

    def recover(self, now: datetime, policy: Literal["resend", "hold"]) -> list[Delivery]: ...
    def drop_unwanted(self, now: datetime) -> int: ...
    def claim(self, limit: int, now: datetime, *, only: SubscriberId | None = None) -> list[Delivery]: ...
    def note_bytes(self, delivery: Delivery, bytes_hash: str) -> None: ...
    def release(self, delivery: Delivery, now: datetime, *, until: datetime | None = None) -> None: ...
    def mark(
        self,
        delivery: Delivery,
        state: DeliveryState,
        now: datetime,
        *,
        code: int | None = None,
        text: str = "",
        next_at: datetime | None = None,
        uncertain: bool = False,
    ) -> None: ...


class SubscriberStore(Protocol):
    """Learns of addresses that no server takes."""

    def suppress(self, email: str, reason: str, now: datetime) -> None: ...


class Connection(Protocol):
    """One way out, for one mail at a time."""

    async def send(self, sender: str, recipient: str, message: bytes) -> str: ...
    async def close(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What one run of delivering came to; ``stopped`` says why it ended early, if it did."""

    counts: Counter[DeliveryState] = field(default_factory=Counter)
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Drains the outbox over some connections, each with one mail at a time."""

    outbox: Outbox
    subscribers: SubscriberStore
    letters: Letters
    connect: Callable[[], Connection]
    connections: int
    on_uncertain: Literal["resend", "hold"]

    async def deliver(
        self,
        clock: Callable[[], datetime],
        *,
        only: SubscriberId | None = None,
        ending: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Send what waits, or what waits for one subscriber, until nothing does or the run has to stop.

        Loses nothing either way. Once ``ending`` is true, the mails in hand go out and no other is begun.
        """
        outcome = Outcome()
        # One thread for the ledger: SQLite has one writer anyway, and waiting in line beats polling a lock.
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox") as ledger:
            run = _Run(self, clock, outcome, ledger, only, ending)
            await run.start()
            # When one fails, the others finish the mail they have in hand.
            ends = await asyncio.gather(*(run.work() for _ in range(self.connections)), return_exceptions=True)
            if run.short_of_connections:
                # A server that takes fewer connections than we like still takes the mail; one that takes none stops us.
                run.alone = True
                ends += await asyncio.gather(run.work(), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return outcome


class _Run:
    """One run of a deliverer."""

    def __init__(
        self,
        deliverer: Deliverer,
        clock: Callable[[], datetime],
        outcome: Outcome,
        ledger: ThreadPoolExecutor,
        only: SubscriberId | None,
        ending: Callable[[], bool],
    ) -> None:
        self._to = deliverer
        self._clock = clock
        self._outcome = outcome
        self._ledger = ledger
        self._only = only
        self._ending = ending
        self.short_of_connections = False
        self.alone = False

    async def start(self) -> None:
        recovered = await self._call(partial(self._to.outbox.recover, self._clock(), self._to.on_uncertain))
        for delivery in recovered:
            log.warning("uncertain delivery recovered", message_id=delivery.message_id, policy=self._to.on_uncertain)
            if delivery.state == DeliveryState.HELD:
                self._outcome.counts[DeliveryState.HELD] += 1
        dropped = await self._call(partial(self._to.outbox.drop_unwanted, self._clock()))
        if dropped:
            self._outcome.counts[DeliveryState.EXPIRED] += dropped

    async def work(self) -> None:
        """Send one mail after the other over one connection."""
        connection = self._to.connect()
        try:
            while not (self._outcome.stopped or self._ending()):
                claimed = await self._call(partial(self._to.outbox.claim, 1, self._clock(), only=self._only))
                if not claimed or not await self._send(connection, claimed[0]):
                    break
        except BaseException as error:
            self._outcome.stopped = str(error) or type(error).__name__
            raise
        finally:
            await connection.close()

    async def _send(self, connection: Connection, delivery: Delivery) -> bool:
        """Send one mail; return whether this connection can go on."""
        try:
            message = await self._call(partial(self._prepare, delivery))
            said = await connection.send(self._to.letters.return_path(delivery), delivery.address, message)
        except ServerUnavailableError as error:
            await self._release(delivery)
            if self.alone:
                self._outcome.stopped = str(error)
            self.short_of_connections = True
            return False
        except (RenderError, SenderRefusedError) as error:
            # It is about us and not about this mail: it waits, as does everything behind it. Should it be
            # about this mail after all, the next run begins with the others.
            await self._release(delivery, behind=True)
            self._outcome.stopped = str(error)
        except DeliveryError as error:
            await self._not_sent(delivery, error)
        else:
            await self._mark(delivery, DeliveryState.SENT, code=250, text=said)
        return True

    async def _release(self, delivery: Delivery, *, behind: bool = False) -> None:
        release, now = self._to.outbox.release, self._clock()
        await self._call(partial(release, delivery, now, until=now if behind else None))

    async def _not_sent(self, delivery: Delivery, error: DeliveryError) -> None:
        wait = _WAITS[min(delivery.attempts, len(_WAITS)) - 1]
        text = error.text or str(error)
        log.warning("mail not sent", message_id=delivery.message_id, problem=str(error))
        match error:
            case UncertainError() if self._to.on_uncertain == "hold":
                await self._mark(delivery, DeliveryState.HELD, code=error.code, text=text, uncertain=True)
            case UncertainError():
                await self._mark(
                    delivery, DeliveryState.DEFERRED, code=error.code, text=text, wait=wait, uncertain=True
                )
            case DeferredError():
                await self._mark(delivery, DeliveryState.DEFERRED, code=error.code, text=text, wait=wait)
            case RefusedError():
                await self._mark(delivery, DeliveryState.FAILED, code=error.code, text=text)
                await self._call(
                    partial(self._to.subscribers.suppress, delivery.address, f"{error.code} {text}", self._clock())
                )
            case RejectedError() | DeliveryError():
                await self._mark(delivery, DeliveryState.FAILED, code=error.code, text=text)

    def _prepare(self, delivery: Delivery) -> bytes:
        message = self._to.letters.write(delivery)
        bytes_hash = hashlib.sha256(message).hexdigest()
        if delivery.bytes_hash not in (None, bytes_hash):
            log.warning("mail differs from its first attempt", message_id=delivery.message_id)
        if delivery.bytes_hash != bytes_hash:
            self._to.outbox.note_bytes(delivery, bytes_hash)
        return message

    async def _mark(
        self,
        delivery: Delivery,
        state: DeliveryState,
        *,
        code: int | None,
        text: str,
        wait: timedelta = timedelta(0),
        uncertain: bool = False,
    ) -> None:
        now, mark = self._clock(), self._to.outbox.mark
        await self._call(
            partial(mark, delivery, state, now, code=code, text=text, next_at=now + wait, uncertain=uncertain)
        )
        self._outcome.counts[state] += 1

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._ledger, function)
