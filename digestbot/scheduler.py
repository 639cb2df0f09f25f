"""The ticker. It only asks, each minute, what is due; the ledger decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from digestbot.errors import DigestbotError

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]


class Ticker:
    """Runs jobs every minute, all at once when started.

    A run that takes longer than its interval is not started a second time beside itself.
    """

    def __init__(self, jobs: Mapping[str, Job], *, every_seconds: int = 60) -> None:
        self._jobs = dict(jobs)
        self._seconds = every_seconds
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    @property
    def names(self) -> list[str]:
        """What the jobs are called."""
        return list(self._jobs)

    def start(self, now: datetime) -> None:
        """Start ticking on the running event loop, with a first tick of every job at ``now``."""
        for name, job in self._jobs.items():
            self._scheduler.add_job(
                _unbreakable(name, job),
                "interval",
                seconds=self._seconds,
                id=name,
                next_run_time=now,
                coalesce=True,
                max_instances=1,
                # The default of one second would drop a tick after a short sleep of the machine.
                misfire_grace_time=None,
            )
        self._scheduler.start()

    def stop(self) -> None:
        """Start no more runs."""
        self._scheduler.shutdown(wait=False)


def _unbreakable(name: str, job: Job) -> Job:
    async def run() -> None:
        try:
            await job()
        except DigestbotError as error:
            log.error("job failed", job=name, problem=str(error))  # noqa: TRY400 - said in full, and it recurs
        except Exception:
            # The one broad except of the program: a bad minute must not end the service.
            log.exception("job failed", job=name)

    return run
