"""Deliver: claim, send, mark. The outbox decides; nothing is lost, and nothing goes out twice unawares."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol

import structlog

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    DigestbotError,
    FullDiskError,
    FullMailboxError,
    GreylistedError,
    RefusedError,
    RejectedError,
    RenderError,
    SenderRefusedError,
    ServerUnavailableError,
    StoreError,
    UncertainError,
)
from digestbot.models import (
    EVERYTHING,
    Bounce,
    BounceKind,
    Claim,
    Delivery,
    DeliveryId,
    DeliveryState,
    Mark,
    Settled,
    Share,
    SubscriberId,
    domain_of,
)
from digestbot.pipeline import retries
from digestbot.pipeline.ledger import Ledger
from digestbot.pipeline.letters import Letters

log = structlog.get_logger()

# Dead processes are looked for so often.
_RECOVER_SECONDS = 3.0
# So often a connection is tried to be had, with growing pauses.
_TRIES = 3
# Whether there is something to write is looked at so often while there is nothing.
_LOOK_SECONDS = 0.02
# In a pause, whether the run has to end is looked at so often.
_SHORTEST_PAUSE = 0.2
# A server that asks a connection for patience so often without taking a mail in between is left alone until the next
# run.
_MOST_TURNED_AWAY = 6
# The disk may be full for so long before a run gives up.
_PATIENCE_SECONDS = 120.0
# How fast mails went out of late is said by as many of them.
_OF_LATE = 50
# The reply of a server that has had enough: RFC 5321 section 3.8.
_BUSY = 421


class Outbox(Protocol):
    """The ledger."""

    def recover(self, now: datetime, policy: Literal["resend", "hold"]) -> list[Delivery]: ...
    def drop_unwanted(self, now: datetime) -> int: ...
    def waiting(
        self,
        limit: int,
        now: datetime,
        *,
        only: SubscriberId | None = ...,
        without: Collection[DeliveryId] = ...,
        spared: Collection[str] = ...,
        share: Share = ...,
    ) -> list[Delivery]: ...
    def settle(
        self, now: datetime, moment: datetime, marks: Sequence[Mark] = ..., claims: Sequence[Claim] = ...
    ) -> Settled: ...
    def slow_down(self, current: float, moment: datetime) -> None: ...


class Bounces(Protocol):
    """Learns which addresses take no mail."""

    def record(self, bounce: Bounce, now: datetime) -> object: ...


class Connection(Protocol):
    """One way out, for one mail at a time."""

    async def open(self) -> None: ...
    async def send(self, sender: str, recipient: str, message: bytes) -> str: ...
    async def close(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What one run of delivering came to; ``stopped`` says why it ended early, if it did.

    ``refused`` when it is us that the server does not take mail from: somebody has to look.
    """

    counts: Counter[DeliveryState] = field(default_factory=Counter)
    stopped: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Drains the outbox over some connections, each with one mail at a time; ``share`` is what to begin with.

    After ``pause`` seconds a server that did not want us is asked again, then after twice as many, and so on.
    ``chance`` is in [0, 1), so that what failed together is not tried again together.
    """

    outbox: Outbox
    bounces: Bounces
    letters: Letters
    connect: Callable[[], Connection]
    connections: int
    on_uncertain: Literal["resend", "hold"]
    chance: Callable[[], float]
    share: Share = EVERYTHING
    pause: float = 1.0

    async def deliver(
        self,
        clock: Callable[[], datetime],
        *,
        moment: Callable[[], datetime],
        only: SubscriberId | None = None,
        ending: Callable[[], bool] = lambda: False,
        count: Callable[[DeliveryState, int], None] = lambda _state, _many: None,
    ) -> Outcome:
        """Send what waits, or what waits for one subscriber, until nothing does or the run has to stop.

        Loses nothing either way. Once ``ending`` is true, the mails in hand go out and no other is begun. ``clock`` is
        the time that deliveries go by, ``moment`` the true one, which rates go by; ``count`` hears how each mail ended.
        """
        async with Ledger(self.outbox, clock=clock, moment=moment, patience=_PATIENCE_SECONDS) as ledger:
            run = _Run(self, clock, moment, ledger, only, ending, count)
            await run.begin()
            ahead = asyncio.create_task(run.write_ahead())
            # When one fails, the others finish the mail they have in hand.
            ends = await asyncio.gather(*(run.lane() for _ in range(self.connections)), return_exceptions=True)
            ahead.cancel()
            ends += await asyncio.gather(ahead, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end
        return run.outcome


@dataclass(frozen=True, slots=True)
class _Letter:
    """A delivery with its bytes, or with the reason why there are none."""

    claim: Claim
    message: bytes = b""
    problem: DigestbotError | None = None

    @property
    def delivery(self) -> Delivery:
        return self.claim.delivery


class _Run:
    """One run of a deliverer."""

    def __init__(
        self,
        deliverer: Deliverer,
        clock: Callable[[], datetime],
        moment: Callable[[], datetime],
        ledger: Ledger,
        only: SubscriberId | None,
        ending: Callable[[], bool],
        count: Callable[[DeliveryState, int], None],
    ) -> None:
        self._to = deliverer
        self._clock = clock
        self._moment = moment
        self._ledger = ledger
        self._only = only
        self._ending = ending
        self._count = count
        self.outcome = Outcome()
        self._next: deque[Delivery] = deque()
        # Written ahead, or held back by the rates.
        self._written: list[_Letter] = []
        # Looked at and not settled yet, so that no two connections take the same.
        self._taken: set[DeliveryId] = set()
        # Until when no mail may go to a domain; the empty name stands for all of them.
        self._spared: dict[str, datetime] = {}
        self._share = deliverer.share
        self._lanes = deliverer.connections
        self._sent_at: deque[datetime] = deque(maxlen=_OF_LATE)
        self._recovered_at = moment()

    # Begin

    async def begin(self) -> None:
        await self._recover()
        self._counted(
            DeliveryState.EXPIRED, await self._ledger.call(partial(self._to.outbox.drop_unwanted, self._clock()))
        )

    async def _recover(self) -> None:
        """Take up what processes left that are no more."""
        self._recovered_at = self._moment()
        outbox, policy = self._to.outbox, self._to.on_uncertain
        for delivery in await self._ledger.call(partial(outbox.recover, self._clock(), policy)):
            log.warning("uncertain delivery recovered", message_id=delivery.message_id, policy=policy)
            if delivery.state == DeliveryState.HELD:
                self._counted(DeliveryState.HELD, 1)

    async def _recover_at_times(self) -> None:
        if (self._moment() - self._recovered_at).total_seconds() < _RECOVER_SECONDS:
            return
        try:
            await self._recover()
        except FullDiskError as error:
            log.warning("what dead processes left is taken up later", problem=str(error))

    def _counted(self, state: DeliveryState, many: int) -> None:
        if many:
            self.outcome.counts[state] += many
            self._count(state, many)

    # One connection

    async def lane(self) -> None:
        """Send one mail after the other over one connection."""
        connection = self._to.connect()
        mark: Mark | None = None
        turned_away = 0
        try:
            while not self._is_over():
                await self._recover_at_times()
                if not self._is_there_more():
                    # Nobody waits with a mark in hand.
                    await self._settle(mark, None)
                    mark = None
                    if not await self._wait_for_rates():
                        break
                    continue
                if not await self._opened(connection):
                    break
                letter = self._letter()
                holds = await self._settle(mark, letter)
                mark = await self._sent(connection, letter) if letter and holds else None
                turned_away = turned_away + 1 if mark and mark.code == _BUSY else 0
                if turned_away:
                    await self._settle(mark, None)
                    mark = None
                    await self._slow_down(turned_away)
        except BaseException as error:
            self.outcome.stopped = str(error) or type(error).__name__
            raise
        finally:
            self._lanes -= 1
            try:
                await self._settle(mark, None)
            finally:
                await connection.close()

    async def write_ahead(self) -> None:
        """Write mails while the server thinks, one for each connection, so that none of them waits for its next one."""
        while not self._is_over():
            if len(self._written) < self._to.connections and self._next:
                self._written.append(self._write(self._next.popleft()))
                if not self._next:
                    self._look()
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    def _is_over(self) -> bool:
        return bool(self.outcome.stopped) or self._ending()

    def _is_there_more(self) -> bool:
        moment = self._moment()
        self._spared = {domain: until for domain, until in self._spared.items() if until > moment}
        if "" in self._spared:
            return False
        if not (self._next or self._at_hand()):
            self._look()
        return bool(self._next or self._at_hand())

    def _at_hand(self) -> _Letter | None:
        """Return the first of those written that the rates do not hold back."""
        return next((one for one in self._written if domain_of(one.delivery.address) not in self._spared), None)

    def _letter(self) -> _Letter | None:
        """Return the next mail, written; ``None`` when another connection was faster."""
        if written := self._at_hand():
            self._written.remove(written)
            return written
        return self._write(self._next.popleft()) if self._next else None

    def _write(self, delivery: Delivery) -> _Letter:
        """Write a mail. What is read for that takes this thread, too: the loop has nothing else to do."""
        try:
            message = self._to.letters.write(delivery)
        except StoreError:
            # Nothing is known of this mail: it is not claimed.
            raise
        except DigestbotError as error:
            return _Letter(Claim(delivery=delivery), problem=error)
        return _Letter(Claim(delivery=delivery, bytes_hash=hashlib.sha256(message).hexdigest()), message)

    def _look(self) -> None:
        """Look for what waits, as many as there are connections."""
        found = self._waiting(self._share)
        if not found and self._share != EVERYTHING:
            # Its own share is done: what is left is that of others, who may be slower, or no more.
            self._share = EVERYTHING
            found = self._waiting(self._share)
        self._next.extend(found)
        self._taken.update(one.id for one in found)

    def _waiting(self, share: Share) -> list[Delivery]:
        return self._to.outbox.waiting(
            self._to.connections,
            self._clock(),
            only=self._only,
            without=self._taken,
            spared=self._spared,
            share=share,
        )

    async def _wait_for_rates(self) -> bool:
        """Wait for what the rates hold back; return whether there may be anything to wait for."""
        if not self._spared:
            return False
        await self._pause(max(0.01, (min(self._spared.values()) - self._moment()).total_seconds()))
        return True

    async def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0 and not self._is_over():  # noqa: ASYNC110 - it is asked, and not told
            await asyncio.sleep(min(left, _SHORTEST_PAUSE))

    async def _opened(self, connection: Connection) -> bool:
        """Open a connection, if need be after a pause; return whether there is one."""
        for number in range(_TRIES):
            try:
                await connection.open()
            except ServerUnavailableError as error:
                if number + 1 < _TRIES and not self._is_over():
                    await self._pause(self._to.pause * 2**number * (1 + self._to.chance() / 4))
                    continue
                # A server that takes fewer connections than we like still takes the mail; one that takes none stops us.
                if self._lanes == 1:
                    self.outcome.stopped = str(error)
            except SenderRefusedError as error:
                self.outcome.stopped, self.outcome.refused = str(error), True
            else:
                return True
            break
        return False

    async def _settle(self, mark: Mark | None, letter: _Letter | None) -> bool:
        """Write how the last mail ended and claim the next one; return whether it may go out."""
        if mark is None and letter is None:
            return False
        settled = await self._ledger.turn(mark, letter.claim if letter else None)
        if mark is not None:
            self._taken.discard(mark.delivery.id)
            if mark.tried:
                self._counted(mark.state, 1)
        self._spare(settled.waits)
        if letter is None:
            return False
        if letter.delivery.id in settled.claimed:
            return True
        if settled.waits.keys() & {"", domain_of(letter.delivery.address)}:
            self._written.append(letter)
        else:
            # Another process has it, or nobody wants it any more.
            self._taken.discard(letter.delivery.id)
        return False

    def _spare(self, waits: Mapping[str, float]) -> None:
        moment = self._moment()
        for domain, seconds in waits.items():
            self._spared[domain] = moment + timedelta(seconds=seconds)

    # One mail

    async def _sent(self, connection: Connection, letter: _Letter) -> Mark:
        """Send one claimed mail and return how it ended."""
        delivery = letter.delivery
        if letter.problem is None and delivery.bytes_hash not in (None, letter.claim.bytes_hash):
            log.warning("mail differs from its first attempt", message_id=delivery.message_id)
        try:
            if letter.problem is not None:
                raise letter.problem
            said = await connection.send(self._to.letters.return_path(delivery), delivery.address, letter.message)
        except ServerUnavailableError as error:
            if self._lanes == 1:
                self.outcome.stopped = str(error)
            return Mark(delivery=delivery, state=DeliveryState.PENDING, tried=False)
        except (RenderError, SenderRefusedError) as error:
            # It is about us and not about this mail: it waits, as does everything behind it. Should it be
            # about this mail after all, the next run begins with the others.
            self.outcome.stopped = str(error)
            self.outcome.refused |= isinstance(error, SenderRefusedError)
            return Mark(delivery=delivery, state=DeliveryState.DEFERRED, next_at=self._clock(), tried=False)
        except DeliveryError as error:
            log.warning("mail not sent", message_id=delivery.message_id, problem=str(error))
            return await self._not_sent(delivery, error)
        self._sent_at.append(self._moment())
        return Mark(delivery=delivery, state=DeliveryState.SENT, code=250, text=said)

    async def _not_sent(self, delivery: Delivery, error: DeliveryError) -> Mark:
        text = error.text or str(error)
        match error:
            case UncertainError() if self._to.on_uncertain == "hold":
                return Mark(delivery=delivery, state=DeliveryState.HELD, code=error.code, text=text, uncertain=True)
            case FullMailboxError():
                await self._bounced(delivery, BounceKind.SOFT, error)
                if (error.code or 0) < 500:
                    return self._again(delivery, error)
            case UncertainError() | DeferredError():
                return self._again(delivery, error)
            case RefusedError():
                await self._bounced(delivery, BounceKind.HARD, error)
            case RejectedError() | DeliveryError():
                pass
        return Mark(delivery=delivery, state=DeliveryState.FAILED, code=error.code, text=text)

    def _again(self, delivery: Delivery, error: DeliveryError) -> Mark:
        now, text, uncertain = self._clock(), error.text or str(error), isinstance(error, UncertainError)
        wait = retries.wait(delivery.attempts + 1, self._to.chance(), greylisted=isinstance(error, GreylistedError))
        if now + wait >= self._to.letters.deadline(delivery):
            # It may have arrived, so that it is not as if it had never been.
            state = DeliveryState.HELD if uncertain else DeliveryState.EXPIRED
            return Mark(delivery=delivery, state=state, code=error.code, text=text, uncertain=uncertain)
        return Mark(
            delivery=delivery,
            state=DeliveryState.DEFERRED,
            code=error.code,
            text=text,
            next_at=now + wait,
            uncertain=uncertain,
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
            await self._ledger.call(partial(self._to.bounces.record, bounce, self._clock()))
        except DigestbotError as problem:
            log.warning("bounce not recorded", message_id=delivery.message_id, problem=str(problem))

    async def _slow_down(self, turned_away: int) -> None:
        """Give a server some patience that asked this connection so often for it."""
        if turned_away >= _MOST_TURNED_AWAY:
            self.outcome.stopped = "the server takes no mail now: it asks for patience each time (421)"
            return
        rate = self._rate()
        if rate is not None:
            await self._ledger.call(partial(self._to.outbox.slow_down, rate, self._moment()))
        await self._pause(self._to.pause * 2 ** (turned_away - 1) * (1 + self._to.chance() / 4))

    def _rate(self) -> float | None:
        """Return how many mails a second all processes sent of late, by what this one did; ``None``: not known."""
        if len(self._sent_at) < 2:
            return None
        seconds = (self._moment() - self._sent_at[0]).total_seconds()
        return self._to.share.of * len(self._sent_at) / max(seconds, 0.01)
