"""Load: ask every source, store what is new, keep what each load came to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import structlog

from digestbot.announcements import eastern_day
from digestbot.errors import DigestbotError, SourceError
from digestbot.models import Load, Paper, PaperId
from digestbot.sources import Ask, Batch, Skipped, Source

log = structlog.get_logger()


class _Added(Protocol):
    @property
    def new(self) -> int: ...
    @property
    def updated(self) -> int: ...


class PaperStore(Protocol):
    """Where papers are kept."""

    def add(
        self,
        papers: Iterable[Paper],
        now: datetime,
        *,
        replacements: Iterable[Paper] = (),
        mentions: Iterable[Paper] = (),
    ) -> _Added: ...
    def known(self, ids: Sequence[PaperId]) -> Mapping[PaperId, date]: ...


class LoadStore(Protocol):
    """Where it is kept what loads came to."""

    def cursor(self, source: str) -> str: ...
    def record(self, load: Load) -> None: ...


class Progress(Protocol):
    """Hears how far a load is; ``total`` is ``None`` while the source does not say."""

    def __call__(self, source: str, received: int, total: int | None) -> None: ...


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What one load of one source came to; ``error`` is empty when it answered.

    ``newest`` is the latest day of announcement among its papers, ``None`` when there were none; ``behind`` names
    the parts of the source that still showed an older day.
    """

    source: str
    started_at: datetime
    finished_at: datetime
    asked: list[str] = field(default_factory=list)
    received: int = 0
    new: int = 0
    updated: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    error: str = ""
    cursor: str = ""
    newest: date | None = None
    behind: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds()


def silent(source: str, received: int, total: int | None) -> None:
    """Show nothing."""


async def load(
    papers: PaperStore,
    loads: LoadStore,
    sources: Sequence[Source],
    *,
    clock: Callable[[], datetime],
    since: date | None,
    at: datetime | None = None,
    progress: Progress = silent,
) -> list[Loaded]:
    """Store new papers from every source; one that fails does not stop the others.

    ``at`` is the time that the sources are told, if it is not the clock's.
    """
    results = []
    crash: Exception | None = None
    for source in sources:
        started = clock()
        loaded = Loaded(source=source.name, started_at=at or started, finished_at=at or started)
        loaded.error = "was interrupted"
        try:
            await _load_one(papers, loads, source, loaded, since, progress)
            loaded.error = ""
        except SourceError as error:
            loaded.error = str(error)
        except DigestbotError:
            # The store is at fault: the other sources would fare no better.
            raise
        except Exception as error:  # noqa: BLE001 - raised once the others were asked: a fault of ours costs one source
            loaded.error = f"{type(error).__name__}: {error}"
            crash = crash or error
        finally:
            loaded.finished_at = loaded.started_at + (clock() - started)
            _record(loads, loaded)
        results.append(loaded)
    if crash is not None:
        raise crash
    return results


async def _load_one(
    papers: PaperStore, loads: LoadStore, source: Source, loaded: Loaded, since: date | None, progress: Progress
) -> None:
    async def known(ids: Sequence[PaperId]) -> Mapping[PaperId, date]:
        return await asyncio.to_thread(papers.known, ids)

    cursor = await asyncio.to_thread(loads.cursor, source.name)
    now = loaded.started_at
    # Each part is read to its end before it is stored: no transaction stays open over the network.
    async for batch in source.fetch(Ask(now=now, since=since, cursor=cursor, known=known)):
        added = await asyncio.to_thread(
            papers.add, batch.papers, now, replacements=batch.replacements, mentions=batch.mentions
        )
        for skipped in batch.skipped:
            log.warning("entry skipped", source=source.name, place=skipped.place, problem=skipped.problem)
        loaded.new += added.new
        loaded.updated += added.updated
        _count(loaded, batch)
        progress(source.name, loaded.received, batch.total)


def _count(loaded: Loaded, batch: Batch) -> None:
    loaded.received += len(batch.papers) + len(batch.replacements) + len(batch.mentions)
    loaded.skipped.extend(batch.skipped)
    loaded.cursor = batch.cursor or loaded.cursor
    if batch.asked and batch.asked not in loaded.asked:
        loaded.asked.append(batch.asked)
    # A paper dated on a day to come must not make the days until then look served.
    today = eastern_day(loaded.started_at)
    told = {paper.announced for paper in (*batch.papers, *batch.mentions)} - {batch.doubtful}
    days = [day for day in told if day <= today]
    loaded.behind.extend(batch.behind)
    loaded.newest = max([*days, *([loaded.newest] if loaded.newest else [])], default=None)


def _record(loads: LoadStore, loaded: Loaded) -> None:
    loads.record(
        Load(
            source=loaded.source,
            started_at=loaded.started_at,
            finished_at=loaded.finished_at,
            asked=", ".join(loaded.asked),
            received=loaded.received,
            new=loaded.new,
            updated=loaded.updated,
            skipped=len(loaded.skipped),
            error=loaded.error,
            cursor=loaded.cursor,
            newest=loaded.newest,
            behind=", ".join(loaded.behind),
        )
    )
