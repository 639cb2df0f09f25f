"""Load: ask every source, store what is new, say what was skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import structlog

from digestbot.errors import SourceError
from digestbot.models import Paper
from digestbot.sources import Skipped, Source

log = structlog.get_logger()


class _Added(Protocol):
    @property
    def new(self) -> int: ...
    @property
    def updated(self) -> int: ...


class PaperStore(Protocol):
    """Where papers are kept."""

    def add(self, papers: Iterable[Paper], now: datetime, *, replacements: Iterable[Paper] = ()) -> _Added: ...

    def record_load(
        self,
        source: str,
        *,
        started_at: datetime,
        finished_at: datetime,
        received: int,
        new: int,
        updated: int,
        skipped: int,
        error: str,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one load of one source came to; ``error`` is empty when it answered."""

    source: str
    received: int = 0
    new: int = 0
    updated: int = 0
    skipped: Sequence[Skipped] = ()
    error: str = ""


async def load(
    store: PaperStore, sources: Sequence[Source], *, clock: Callable[[], datetime], since: date | None
) -> list[Loaded]:
    """Store new papers from every source; one that fails does not stop the others."""
    results = []
    for source in sources:
        started = clock()
        try:
            # Read to the end first: no transaction stays open over the network.
            batch = await source.fetch(started.date(), since)
        except SourceError as error:
            loaded = Loaded(source=source.name, error=str(error))
        else:
            added = await asyncio.to_thread(store.add, batch.papers, started, replacements=batch.replacements)
            for skipped in batch.skipped:
                log.warning("entry skipped", source=source.name, place=skipped.place, problem=skipped.problem)
            loaded = Loaded(
                source=source.name,
                received=len(batch.papers) + len(batch.replacements),
                new=added.new,
                updated=added.updated,
                skipped=batch.skipped,
            )
        store.record_load(
            loaded.source,
            started_at=started,
            finished_at=clock(),
            received=loaded.received,
            new=loaded.new,
            updated=loaded.updated,
            skipped=len(loaded.skipped),
            error=loaded.error,
        )
        results.append(loaded)
    return results
