"""Deliver: claim, send, mark. The outbox decides; nothing is lost, and nothing goes out twice unawares."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

import structlog

from digestbot.errors import (
    DigestbotError,
    RenderError,
    SenderRefusedError,
    ServerUnavailableError,
    StoreNotNowError,
)
from digestbot.models import (
    EVERYTHING,
    Claim,
    Delivery,
    DeliveryState,
    Mark,
    Settled,
    Share,
    SubscriberId,
    domain_of,
)
from digestbot.pipeline import upcoming
from digestbot.pipeline.answers import Answers, Bounces
from digestbot.pipeline.ledger import Ledger
from digestbot.pipeline.letters import Letters
from digestbot.pipeline.upcoming import Letter, Upcoming

log = structlog.get_logger()

# Dead processes are looked for so often.
_RECOVER_SECONDS = 3.0
# When no connection could be had after so many tries, and no other one works, a run ends.
_TRIES = 3
_LONGEST_PAUSE = 60.0
# In a pause, whether the run has to end is looked at so often.
_SHORTEST_PAUSE = 0.2
# One mail that is refused as ours may be about its reader's server. So many in a row are about us.
_MOST_REFUSED = 3
# A server that asks a connection for patience so often without taking a mail in between is left alone until the next
# run.
_MOST_TURNED_AWAY = 6
# The disk may be full for so long before a run gives up.
_PATIENCE_SECONDS = 120.0
# How fast mails went out of late is said by as many of them.
_OF_LATE = 50
# The reply of a server that has had enough: RFC 5321 section 3.8.
_BUSY = 421


class Outbox(upcoming.Outbox, Protocol):
    """The ledger."""

    def recover(self, now: datetime, policy: Literal["resend", "hold"]) -> list[Delivery]: ...
    def drop_unwanted(self, now: datetime) -> int: ...
    def settle(
        self, now: datetime, moment: datetime, marks: Sequence[Mark] = ..., claims: Sequence[Claim] = ...
    ) -> Settled: ...
    def slow_down(self, current: float, moment: datetime) -> None: ...


class Connection(Protocol):
    """One way out, for one mail at a time."""

    async def open(self) -> None: ...
    async def send(self, sender: str, recipient: str, message: bytes) -> str: ...
    async def close(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What one run of delivering came to.

    ``stopped`` says what somebody has to see to, ``refused`` when it is us that the server does not take mail from.
    ``early`` when the run ended for that, and left what others could have had.
    """

    counts: Counter[DeliveryState] = field(default_factory=Counter)
    stopped: str = ""
    refused: bool = False
    early: bool = False

    def add(self, other: Outcome) -> None:
        """Take in what another run came to; the first reason is the one that is told."""
        self.counts.update(other.counts)
        self.stopped = self.stopped or other.stopped
        self.refused |= other.refused
        self.early |= other.early


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
            beside = [asyncio.create_task(run.upcoming.write_ahead(run.is_over)), asyncio.create_task(run.recover())]
            # When one fails, the others finish the mail they have in hand.
            lanes = (_Lane(run, self.connect()).drive() for _ in range(self.connections))
            ends = await asyncio.gather(*lanes, return_exceptions=True)
            for task in beside:
                task.cancel()
            ends += await asyncio.gather(*beside, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end
        return run.outcome


class _Run:
    """One run of a deliverer: what its connections share."""

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
        self.to = deliverer
        self.ledger = ledger
        self.upcoming = Upcoming(
            deliverer.outbox,
            deliverer.letters,
            many=deliverer.connections,
            clock=clock,
            moment=moment,
            only=only,
            share=deliverer.share,
        )
        self.answers = Answers(
            bounces=deliverer.bounces,
            ledger=ledger,
            deadline=deliverer.letters.deadline,
            clock=clock,
            chance=deliverer.chance,
            on_uncertain=deliverer.on_uncertain,
        )
        self.outcome = Outcome()
        # Connections that work or wait for their server, and those among them that tried in vain for long enough.
        self.lanes = deliverer.connections
        self.shut_out: set[_Lane] = set()
        self._clock = clock
        self._moment = moment
        self._ending = ending
        self._count = count
        self._refused_in_a_row = 0
        self._sent_at: deque[datetime] = deque(maxlen=_OF_LATE)

    async def begin(self) -> None:
        """Take up what dead processes left, and drop what nobody wants."""
        self._recovered(await self.ledger.write(self._recover))
        dropped = await self.ledger.write(partial(self.to.outbox.drop_unwanted, self._clock()))
        self.counted(DeliveryState.EXPIRED, dropped)

    async def recover(self) -> None:
        """Take up, every few seconds, what processes left that are no more."""
        while True:
            await asyncio.sleep(_RECOVER_SECONDS)
            try:
                self._recovered(await self.ledger.call(self._recover))
            except StoreNotNowError as error:
                log.warning("what dead processes left is taken up later", problem=str(error))

    def _recover(self) -> list[Delivery]:
        return self.to.outbox.recover(self._clock(), self.to.on_uncertain)

    def _recovered(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            log.warning("uncertain delivery recovered", message_id=delivery.message_id, policy=self.to.on_uncertain)
        self.counted(DeliveryState.HELD, sum(one.state == DeliveryState.HELD for one in deliveries))

    def counted(self, state: DeliveryState, many: int) -> None:
        if many:
            self.outcome.counts[state] += many
            self._count(state, many)

    def is_over(self) -> bool:
        return self.outcome.early or self._ending()

    def stop(self, why: str) -> None:
        """End the run when the mails in hand are done; the first reason is the one that is told."""
        if not self.outcome.early:
            self.outcome.stopped, self.outcome.early = why, True

    def sent(self) -> None:
        self._refused_in_a_row = 0
        self._sent_at.append(self._moment())

    def not_sent(self, error: DigestbotError) -> None:
        """Hear of a mail that did not go out. When it is about us somebody is told; several in a row end the run."""
        if not isinstance(error, (SenderRefusedError, RenderError)):
            return
        self.outcome.refused |= isinstance(error, SenderRefusedError)
        self.outcome.stopped = self.outcome.stopped or str(error)
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _MOST_REFUSED:
            self.stop(str(error))

    async def wait_for_rates(self) -> bool:
        """Wait for what the rates hold back; return whether there may be anything to wait for."""
        seconds = self.upcoming.held_back_for
        if seconds is None:
            return False
        await self.pause(seconds)
        return True

    async def pause(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Do nothing for so long, or until the run is over, or something else holds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0 and not (self.is_over() or until()):  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(min(left, _SHORTEST_PAUSE))

    def back_off(self, times: int) -> float:
        """Return how many seconds to leave a server alone that did not want us so many times."""
        return min(_LONGEST_PAUSE, self.to.pause * 2.0 ** (times - 1)) * (1 + self.to.chance() / 4)

    async def slow_down(self, turned_away: int) -> None:
        """Give a server some patience that asked a connection so often for it."""
        if turned_away >= _MOST_TURNED_AWAY:
            self.stop("the server takes no mail now: it asks for patience each time (421)")
            return
        rate = self._rate()
        if rate is not None:
            await self.ledger.write(partial(self.to.outbox.slow_down, rate, self._moment()))
        await self.pause(self.back_off(turned_away))

    def _rate(self) -> float | None:
        """Return how many mails a second all processes sent of late, by what this one did; ``None``: not known."""
        if len(self._sent_at) < 2:
            return None
        seconds = (self._moment() - self._sent_at[0]).total_seconds()
        return self.to.share.of * len(self._sent_at) / max(seconds, 0.01)


class _Lane:
    """One connection, over which one mail goes after the other."""

    def __init__(self, run: _Run, connection: Connection) -> None:
        self._run = run
        self._connection = connection
        # How the last mail ended, until it is written.
        self._mark: Mark | None = None
        self._tries = 0
        self._turned_away = 0

    async def drive(self) -> None:
        run = self._run
        try:
            while not run.is_over():
                if not run.upcoming.are_there():
                    # Nobody waits with a mark in hand.
                    await self._settle()
                    if not await run.wait_for_rates():
                        break
                elif await self._is_open():
                    await self._next()
        except BaseException as error:
            run.stop(str(error) or type(error).__name__)
            raise
        finally:
            run.lanes -= 1
            run.shut_out.discard(self)
            try:
                await self._settle()
            finally:
                await self._connection.close()

    async def _is_open(self) -> bool:
        """Return whether there is a connection, after a pause when there is none."""
        run = self._run
        try:
            await self._connection.open()
        except ServerUnavailableError as error:
            await self._wait_outside(error)
            return False
        except SenderRefusedError as error:
            run.stop(str(error))
            run.outcome.refused = True
            return False
        run.shut_out.discard(self)
        return True

    async def _wait_outside(self, error: ServerUnavailableError) -> None:
        """Leave a server alone for a while.

        One that takes fewer connections than we like, and says so by 421 or not at all, still takes the mail over the
        others, and each comes back in time; one that takes none stops the run.
        """
        run = self._run
        await self._settle()
        self._tries += 1
        if self._tries >= _TRIES:
            run.shut_out.add(self)
        if len(run.shut_out) == run.lanes and run.upcoming.are_there():
            run.stop(str(error))
        await run.pause(run.back_off(self._tries), until=lambda: not run.upcoming.are_there())

    async def _next(self) -> None:
        """Send the next mail, if it may go out."""
        letter = self._run.upcoming.take()
        if not await self._settle(letter) or letter is None:
            return
        try:
            self._mark = await self._sent(letter)
        except ServerUnavailableError as error:
            self._mark = Mark(delivery=letter.delivery, state=DeliveryState.PENDING, tried=False)
            await self._wait_outside(error)
            return
        self._tries = 0
        self._turned_away = self._turned_away + 1 if self._mark.code == _BUSY else 0
        if self._turned_away:
            await self._settle()
            await self._run.slow_down(self._turned_away)

    async def _settle(self, letter: Letter | None = None) -> bool:
        """Write how the last mail ended and claim the next one; return whether it may go out."""
        run, mark = self._run, self._mark
        if mark is None and letter is None:
            return False
        settled = await run.ledger.turn(mark, letter.claim if letter else None)
        self._mark = None
        if mark is not None:
            if mark.state != DeliveryState.PENDING:
                run.counted(mark.state, 1)
            # What our templates cannot write is for the next run, however soon that is.
            if mark.tried or mark.state != DeliveryState.DEFERRED:
                run.upcoming.forget(mark.delivery)
        run.upcoming.hold_back(settled.waits)
        if letter is None:
            return False
        if letter.delivery.id in settled.claimed:
            return True
        if settled.waits.keys() & {"", domain_of(letter.delivery.address)}:
            run.upcoming.put_back(letter)
        else:
            # Another process has it, or nobody wants it any more.
            run.upcoming.forget(letter.delivery)
        return False

    async def _sent(self, letter: Letter) -> Mark:
        """Send one claimed mail and return how it ended. Raises ``ServerUnavailableError`` when it did not begin to."""
        run, delivery = self._run, letter.delivery
        if letter.problem is None and delivery.bytes_hash not in (None, letter.claim.bytes_hash):
            log.warning("mail differs from its first attempt", message_id=delivery.message_id)
        try:
            if letter.problem is not None:
                raise letter.problem
            sender = run.to.letters.return_path(delivery)
            said = await self._connection.send(sender, delivery.address, letter.message)
        except ServerUnavailableError:
            raise
        except DigestbotError as error:
            run.not_sent(error)
            return await run.answers.mark(delivery, error)
        run.sent()
        return Mark(delivery=delivery, state=DeliveryState.SENT, code=250, text=said)
