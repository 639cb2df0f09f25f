"""A run of delivering: what its connections share, how it recovers what others left, and when it has to stop."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

import structlog

from digestbot.errors import DigestbotError, RenderError, SenderRefusedError, StoreNotNowError, UnwelcomeError
from digestbot.models import (
    EVERYTHING,
    Claim,
    Delivery,
    DeliveryState,
    Mark,
    Settled,
    Share,
    SubscriberId,
)
from digestbot.pipeline import upcoming
from digestbot.pipeline.answers import Answers, Bounces
from digestbot.pipeline.ledger import Ledger
from digestbot.pipeline.letters import Letters
from digestbot.pipeline.upcoming import Upcoming

log = structlog.get_logger()

# Dead processes are looked for so often.
_RECOVER_SECONDS = 3.0
# A pause doubles so often; it is a minute at most.
_MOST_DOUBLED, _LONGEST_PAUSE = 10, 60.0
# In a pause, whether the run has to end is looked at so often.
_SHORTEST_PAUSE = 0.2
# One mail that is refused as ours may be about its reader's server. So many in a row are about us.
_MOST_REFUSED = 3
# How fast mails went out of late is said by as many of them.
_OF_LATE = 50


class Outbox(upcoming.Outbox, Protocol):
    """The ledger."""

    def recover(self, now: datetime, policy: Literal["resend", "hold"]) -> list[Delivery]: ...
    def drop_unwanted(self, now: datetime) -> Mapping[DeliveryState, int]: ...
    def settle(
        self, now: datetime, moment: datetime, marks: Sequence[Mark] = ..., claims: Sequence[Claim] = ...
    ) -> Settled: ...
    def slow_down(self, current: float, moment: datetime) -> None: ...


class Connection(Protocol):
    """One way out, for one mail at a time."""

    @property
    def is_open(self) -> bool: ...
    async def open(self) -> None: ...
    async def send(self, sender: str, recipient: str, message: bytes) -> str: ...
    async def close(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What one run of delivering came to.

    ``stopped`` says what somebody has to see to, ``refused`` when it is us that the server does not take mail from.
    ``early`` when the run ended for that, and left what others could have had. ``problem`` is why a mail did not go
    out, one of them, whether somebody has to look or not.
    """

    counts: Counter[DeliveryState] = field(default_factory=Counter)
    stopped: str = ""
    refused: bool = False
    early: bool = False
    problem: str = ""

    def add(self, other: Outcome) -> None:
        """Take in what another run came to; the first reason is the one that is told."""
        self.counts.update(other.counts)
        self.stopped = self.stopped or other.stopped
        self.refused |= other.refused
        self.early |= other.early
        self.problem = self.problem or other.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a run of delivering works with: some connections, each for one mail at a time; ``share`` is its beginning.

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


class Run:
    """What the connections of one run share."""

    def __init__(
        self,
        means: Means,
        clock: Callable[[], datetime],
        moment: Callable[[], datetime],
        ledger: Ledger,
        only: SubscriberId | None,
        ending: Callable[[], bool],
        count: Callable[[DeliveryState, int], None],
    ) -> None:
        self.means = means
        self.ledger = ledger
        self.upcoming = Upcoming(
            means.outbox,
            means.letters,
            many=means.connections,
            clock=clock,
            moment=moment,
            only=only,
            share=means.share,
        )
        self.answers = Answers(
            bounces=means.bounces,
            ledger=ledger,
            deadline=means.letters.deadline,
            clock=clock,
            chance=means.chance,
            on_uncertain=means.on_uncertain,
        )
        self.outcome = Outcome()
        # Connections that work or wait for their server, and those among them that tried in vain for long enough.
        self.carriers = means.connections
        self.shut_out: set[object] = set()
        self._clock = clock
        self._moment = moment
        self._ending = ending
        self._count = count
        self._refused_in_a_row = 0
        self._sent_at: deque[datetime] = deque(maxlen=_OF_LATE)

    async def begin(self) -> None:
        """Take up what dead processes left, and drop what nobody wants."""
        self._recovered(await self.ledger.write(self._recover))
        for state, many in (await self.ledger.write(partial(self.means.outbox.drop_unwanted, self._clock()))).items():
            self.counted(state, many)

    async def beside(self, job: Coroutine[None, None, None]) -> None:
        """Do something beside the connections; what goes wrong with it stops the run."""
        try:
            await job
        except Exception as error:
            self.stop(str(error) or type(error).__name__)
            raise

    async def recover(self) -> None:
        """Take up, every few seconds, what processes left that are no more."""
        while True:
            await asyncio.sleep(_RECOVER_SECONDS)
            try:
                self._recovered(await self.ledger.call(self._recover))
            except StoreNotNowError as error:
                log.warning("what dead processes left is taken up later", problem=str(error))

    def _recover(self) -> list[Delivery]:
        return self.means.outbox.recover(self._clock(), self.means.on_uncertain)

    def _recovered(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            log.warning("uncertain delivery recovered", message_id=delivery.message_id, policy=self.means.on_uncertain)
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
        self.outcome.problem = self.outcome.problem or str(error)
        if not isinstance(error, (SenderRefusedError, RenderError)):
            return
        self.outcome.refused |= isinstance(error, SenderRefusedError)
        self.outcome.stopped = self.outcome.stopped or str(error)
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _MOST_REFUSED or isinstance(error, UnwelcomeError):
            self.stop(str(error))

    async def wait_for_more(self) -> bool:
        """Wait for what the rates hold back, and for what others may not get out; return whether there may be any."""
        seconds = self.upcoming.held_back_for
        if seconds is None and not self.upcoming.are_in_hand:
            return False
        await self.pause(_SHORTEST_PAUSE if seconds is None else seconds)
        return True

    async def pause(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Do nothing for so long, or until the run is over, or something else holds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0 and not (self.is_over() or until()):  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(min(left, _SHORTEST_PAUSE))

    def back_off(self, times: int) -> float:
        """Return how many seconds to leave a server alone that did not want us so many times."""
        pause = self.means.pause * 2.0 ** min(times - 1, _MOST_DOUBLED)
        return min(_LONGEST_PAUSE, pause) * (1 + self.means.chance() / 4)

    async def slow_down(self) -> None:
        """Halve what goes to a server that asked for patience."""
        rate = self._rate()
        if rate is not None:
            await self.ledger.write(partial(self.means.outbox.slow_down, rate, self._moment()))

    def _rate(self) -> float | None:
        """Return how many mails a second all processes sent of late, by what this one did; ``None``: not known."""
        if len(self._sent_at) < 2:
            return None
        seconds = (self._moment() - self._sent_at[0]).total_seconds()
        return self.means.share.of * len(self._sent_at) / max(seconds, 0.01)
