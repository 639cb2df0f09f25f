"""The jobs of the scheduler: what runs each minute while ``run`` or ``schedule`` is up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from digestbot.announcements import eastern_day
from digestbot.cli.bouncing import incoming, mailbox
from digestbot.cli.composing import compose_due
from digestbot.cli.delivering import Delivering, deliver
from digestbot.cli.installation import Installation
from digestbot.cli.mailing import tell_of_stop
from digestbot.cli.times import Clock
from digestbot.errors import DigestbotError, MailboxError

if TYPE_CHECKING:
    from digestbot.scheduler import Ticker

log = structlog.get_logger()

# Seconds that a digest which is due waits for the sources.
_PATIENCE_WITH_SOURCES = 120.0
# Then what is due meanwhile is composed; the next run goes on where this one was.
_LONGEST_RUN = 300.0


class Jobs:
    """The jobs of the ticker.

    Load asks the sources whose time it is, send composes what is due and delivers, poll fetches bounces.

    Sending waits a little for a load that is under way, so that a digest is of today.
    """

    def __init__(self, installation: Installation, clock: Clock) -> None:
        self._installation = installation
        self._clock = clock
        self._loading: asyncio.Task[None] | None = None
        self._polled: datetime | None = None
        self._running: set[asyncio.Event] = set()
        self._ending = False

    def ticker(self) -> Ticker:
        from digestbot.scheduler import Ticker

        jobs = {"load": self.load, "send": self.send}
        if self._installation.settings.bounces.kind != "none":
            jobs["poll"] = self.poll
        return Ticker(jobs)

    async def finished(self) -> None:
        """Let the mails in hand go out, ask no source any longer, and begin nothing more."""
        self._ending = True
        if self._loading is not None:
            self._loading.cancel()
        for job in list(self._running):
            await job.wait()
        # The ticker's own task of the job ends one step after the job.
        await asyncio.sleep(0)

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        done = asyncio.Event()
        self._running.add(done)
        try:
            yield
        finally:
            self._running.discard(done)
            done.set()

    async def load(self) -> None:
        """Ask the sources whose time it is, and tell the admin when one should have brought something."""
        if self._ending:
            return
        with self._under_way():
            self._loading = asyncio.create_task(self._ask_sources())
            await asyncio.wait({self._loading})
            if not self._loading.cancelled():
                await self._loading

    async def _ask_sources(self) -> None:
        # It takes as long to load as all else, and `serve` asks no source.
        from digestbot.cli.asking import client, raise_alarm, source_reports, sources
        from digestbot.pipeline.load import load

        installation = self._installation
        now = self._clock()
        reports = await asyncio.to_thread(source_reports, installation, now)
        due = tuple(one.name for one in reports if one.next_try is not None and one.next_try <= now)
        if not due:
            return
        store = installation.store
        try:
            settings = installation.settings
            asked = sources(settings, client(settings), due)
            for loaded in await load(store.papers, store.loads, asked, clock=self._clock, since=None):
                if loaded.error:
                    log.warning("source failed", source=loaded.source, problem=loaded.error)
        finally:
            await asyncio.to_thread(raise_alarm, installation, self._clock())

    async def send(self) -> None:
        """Compose what is due, save what waits for today's papers, and deliver the outbox."""
        if self._ending:
            return
        with self._under_way():
            if self._loading is not None:
                await asyncio.wait({self._loading}, timeout=_PATIENCE_WITH_SOURCES)
            await asyncio.to_thread(self._compose)
            # In a loop of its own: the pages have this one.
            outcome = await asyncio.to_thread(
                deliver, self._installation, Delivering(clock=self._clock, ending=self._ends_by(time.monotonic()))
            )
            await asyncio.to_thread(tell_of_stop, self._installation, outcome, self._clock())
            if outcome.stopped:
                what = "delivery stopped" if outcome.early else "not everything went out"
                raise DigestbotError(f"{what}: {outcome.stopped}")

    def _ends_by(self, began: float) -> Callable[[], bool]:
        """Return what says when a run that began then is to end: what rates hold back keeps nobody waiting."""
        return lambda: self._ending or time.monotonic() - began > _LONGEST_RUN

    async def poll(self) -> None:
        """Fetch bounces when it is time; a mailbox that cannot be reached is tried again the next time."""
        now = self._clock()
        every = timedelta(minutes=self._installation.settings.bounces.every_minutes)
        if self._ending or (self._polled is not None and now - self._polled < every):
            return
        with self._under_way():
            self._polled = now
            await asyncio.to_thread(self._poll)

    def _poll(self) -> None:
        from digestbot.pipeline.poll import poll

        waiting = mailbox(self._installation)
        if waiting is None:
            return
        try:
            poll(waiting, incoming(self._installation), self._clock, ending=lambda: self._ending)
        except MailboxError as error:
            log.warning("bounces not fetched", problem=str(error))

    def _compose(self) -> None:
        from digestbot.cli.asking import awaits_papers, pace
        from digestbot.pipeline.due import Awaited

        installation, now = self._installation, self._clock()
        # Digests of a day wait for its papers, each until its own deadline.
        day = eastern_day(now)
        wait = pace(installation.settings).wait
        awaited = Awaited(day=day, wait=wait) if awaits_papers(installation, now) else None
        compose_due(installation, now, awaited=awaited)
