"""The ledger of a run: what many connections have to write, written together.

While one transaction is on its way to the disk the next ones wait, and go in one. Nobody sends before the claim is in,
and nobody takes the next mail before the mark of the last one is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

import structlog

from digestbot.errors import StoreNotNowError
from digestbot.models import Claim, Mark, Settled

log = structlog.get_logger()

T = TypeVar("T")

# How often a database that cannot be written is tried again.
_RETRY_SECONDS = 1.0


class Outbox(Protocol):
    """Keeps the deliveries."""

    def settle(
        self, now: datetime, moment: datetime, marks: Sequence[Mark] = ..., claims: Sequence[Claim] = ...
    ) -> Settled: ...


@dataclass(frozen=True, slots=True)
class _Turn:
    mark: Mark | None
    claim: Claim | None
    done: asyncio.Future[Settled]


class Ledger:
    """Settles marks and claims in a thread of its own: SQLite has one writer, and waiting in line beats polling a lock.

    ``clock`` gives the time that the outbox goes by, ``moment`` the true one. While the disk is full, or another
    program holds the database, it tries again for ``patience`` seconds, since a mail that went out and is not marked
    would go out once more.
    """

    def __init__(
        self, outbox: Outbox, *, clock: Callable[[], datetime], moment: Callable[[], datetime], patience: float
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._moment = moment
        self._patience = patience
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._turns: list[_Turn] = []
        self._settling: asyncio.Task[None] | None = None
        # When to give up on the database; None while it can be written.
        self._until: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._settling is not None:
            await asyncio.wait({self._settling})
        self._thread.shutdown()

    async def turn(self, mark: Mark | None = None, claim: Claim | None = None) -> Settled:
        """Write a mark and a claim, with those of others; return what holds when it is on the disk."""
        done: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._turns.append(_Turn(mark, claim, done))
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())
        return await done

    async def call(self, function: Callable[[], T]) -> T:
        """Do something else with the database, in turn."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def write(self, function: Callable[[], T]) -> T:
        """Do something else with the database, in turn, as patiently as marks are written."""
        while True:
            try:
                done = await self.call(function)
            except StoreNotNowError as error:
                await self._wait(error)
            else:
                self._until = None
                return done

    async def _settle(self) -> None:
        while self._turns:
            turns, self._turns = self._turns, []
            marks = [turn.mark for turn in turns if turn.mark is not None]
            claims = [turn.claim for turn in turns if turn.claim is not None]
            try:
                settled = await self._written(marks, claims)
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                for turn in turns:
                    if not turn.done.cancelled():
                        turn.done.set_exception(error)
            else:
                for turn in turns:
                    if not turn.done.cancelled():
                        turn.done.set_result(settled)

    async def _written(self, marks: Sequence[Mark], claims: Sequence[Claim]) -> Settled:
        while True:
            now, moment = self._clock(), self._moment()
            try:
                settled = await self.call(partial(self._outbox.settle, now, moment, marks, claims))
            except StoreNotNowError as error:
                await self._wait(error)
                # What has not been begun can wait, and whoever asks again may have to end meanwhile.
                claims = ()
                if not marks:
                    return Settled(claimed=frozenset(), waits={})
            else:
                self._until = None
                return settled

    async def _wait(self, error: StoreNotNowError) -> None:
        """Wait a moment, or raise the error when it has been so for too long."""
        loop = asyncio.get_running_loop()
        if self._until is None:
            log.warning("the ledger waits until it can write", problem=str(error))
            self._until = loop.time() + self._patience
        if loop.time() >= self._until:
            raise error
        await asyncio.sleep(_RETRY_SECONDS)
