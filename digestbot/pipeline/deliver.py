"""Deliver: claim, send, mark. The outbox decides; nothing is lost, and nothing goes out twice unawares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from digestbot.errors import DigestbotError
from digestbot.models import DeliveryState, SubscriberId
from digestbot.pipeline.carrier import Carrier
from digestbot.pipeline.ledger import Ledger
from digestbot.pipeline.run import Means, Outcome, Run

# The disk may be full for so long before a run gives up.
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer(Means):
    """Drains the outbox."""

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
            run = Run(self, clock, moment, ledger, only, ending, count)
            await run.begin()
            jobs = (run.upcoming.write_ahead(run.is_over), run.recover())
            beside = [asyncio.create_task(run.beside(job)) for job in jobs]
            # When one fails, the others finish the mail they have in hand.
            carriers = (Carrier(run, self.connect()).drive() for _ in range(self.connections))
            ends = await asyncio.gather(*carriers, return_exceptions=True)
            for task in beside:
                task.cancel()
            ends += await asyncio.gather(*beside, return_exceptions=True)
        for end in ends:
            # What a person can act on is in the outcome.
            if isinstance(end, BaseException) and not isinstance(end, (asyncio.CancelledError, DigestbotError)):
                raise end
        return run.outcome
