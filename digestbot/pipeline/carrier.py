"""A carrier: takes one mail after the other over one connection."""

from __future__ import annotations

import structlog

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    DigestbotError,
    ServerBusyError,
    ServerUnavailableError,
    UncertainError,
    UnwelcomeError,
)
from digestbot.models import DeliveryState, Mark, domain_of
from digestbot.pipeline.run import Connection, Run
from digestbot.pipeline.upcoming import Letter

log = structlog.get_logger()

# A connection that could not be had, or broke, so often in a row, or was asked for patience so often (421), does not
# work. When none does, a run ends.
_MOST_BROKEN, _MOST_TURNED_AWAY = 3, 6


class Carrier:
    """Takes one mail after the other over one connection."""

    def __init__(self, run: Run, connection: Connection) -> None:
        self._run = run
        self._connection = connection
        # How the last mail ended, until it is written.
        self._mark: Mark | None = None
        # How often in a row the server would not, or the line broke.
        self._failures = 0

    async def drive(self) -> None:
        run = self._run
        try:
            while not run.is_over():
                if not run.upcoming.are_there():
                    # Nobody waits with a mark in hand.
                    await self._settle()
                    if not await run.wait_for_more():
                        break
                elif await self._is_open():
                    await self._next()
        except BaseException as error:
            run.stop(str(error) or type(error).__name__)
            raise
        finally:
            run.carriers -= 1
            run.shut_out.discard(self)
            try:
                await self._settle()
            finally:
                await self._connection.close()

    async def _is_open(self) -> bool:
        """Return whether there is a connection, after a pause when there is none."""
        if self._connection.is_open:
            return True
        # To open one may take a minute.
        await self._settle()
        try:
            await self._connection.open()
        except ServerUnavailableError as error:
            await self._failed(error, _MOST_BROKEN)
        except UnwelcomeError as error:
            self._run.not_sent(error)
        else:
            return True
        return False

    async def _failed(self, error: DeliveryError, most: int) -> None:
        """Leave a server alone for a while, but for a line that broke once.

        One that takes fewer connections than we like still takes the mail over the others, and each comes back in time;
        one on which none works stops the run.
        """
        run = self._run
        await self._settle()
        self._failures += 1
        if self._failures >= most:
            run.shut_out.add(self)
        if len(run.shut_out) == run.carriers and run.upcoming.are_there():
            run.stop(str(error))
        if self._failures > 1 or isinstance(error, (ServerUnavailableError, ServerBusyError)):
            await run.pause(run.back_off(self._failures), until=lambda: not run.upcoming.are_there())

    async def _next(self) -> None:
        """Send the next mail, if it may go out."""
        letter = self._run.upcoming.take()
        if await self._settle(letter) and letter is not None:
            error = await self._send(letter)
            if isinstance(error, ServerBusyError):
                await self._settle()
                await self._run.slow_down()
                await self._failed(error, _MOST_TURNED_AWAY)
            elif isinstance(error, DeliveryError) and _is_of_the_line(error):
                await self._failed(error, _MOST_BROKEN)
            elif letter.problem is None:
                self._failures = 0
                self._run.shut_out.discard(self)

    async def _settle(self, letter: Letter | None = None) -> bool:
        """Write how the last mail ended and claim the next one; return whether it may go out."""
        run, mark = self._run, self._mark
        if mark is None and letter is None:
            return False
        settled = await run.ledger.turn(mark, letter.claim if letter else None)
        self._mark = None
        if mark is not None:
            if mark.tried or mark.state != mark.delivery.state or mark.unwritten:
                run.counted(mark.state, 1)
            if mark.unwritten:
                run.upcoming.leave(mark.delivery)
            else:
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

    async def _send(self, letter: Letter) -> DigestbotError | None:
        """Send one claimed mail; return why it did not go out, if it did not."""
        run, delivery = self._run, letter.delivery
        if letter.problem is None and delivery.bytes_hash not in (None, letter.claim.bytes_hash):
            log.warning("mail differs from its first attempt", message_id=delivery.message_id)
        try:
            if letter.problem is not None:
                raise letter.problem
            sender = run.means.letters.return_path(delivery)
            said = await self._connection.send(sender, delivery.address, letter.message)
        except ServerUnavailableError as error:
            self._mark = Mark(delivery=delivery, state=delivery.state, tried=False)
            return error
        except DigestbotError as error:
            run.not_sent(error)
            self._mark = await run.answers.mark(delivery, error)
            return error
        run.sent()
        self._mark = Mark(delivery=delivery, state=DeliveryState.SENT, code=250, text=said)
        return None


def _is_of_the_line(error: DeliveryError) -> bool:
    """Return whether there was no connection, or it broke: no word of the server's that is about the mail."""
    if isinstance(error, ServerUnavailableError):
        return True
    return isinstance(error, (DeferredError, UncertainError)) and error.code is None
