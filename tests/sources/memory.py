"""Loads of one source into a memory that knows what a store would know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from digestbot.errors import SourceError
from digestbot.models import Paper, PaperId
from digestbot.sources import Ask, Batch, Source
from digestbot.sources.client import Client
from tests.factories import NOW


@dataclass
class Memory:
    """What a store would know, and what the last load brought."""

    days: dict[PaperId, date] = field(default_factory=dict)
    titles: dict[PaperId, str] = field(default_factory=dict)
    cursor: str = ""
    batches: list[Batch] = field(default_factory=list)
    error: SourceError | None = None

    @property
    def papers(self) -> dict[PaperId, Paper]:
        return {one.id: one for batch in self.batches for one in (*batch.papers, *batch.mentions)}

    @property
    def pages(self) -> list[Batch]:
        return [one for one in self.batches if one.papers or one.replacements or one.mentions or one.skipped]

    @property
    def skipped(self) -> list[str]:
        return [f"{one.place}: {one.problem}" for batch in self.batches for one in batch.skipped]

    async def known(self, ids: Sequence[PaperId]) -> Mapping[PaperId, date]:
        return {one: self.days[one] for one in ids if one in self.days}

    async def take(self, source: Source, now: datetime, since: date | None) -> None:
        self.batches, self.error = [], None
        try:
            async for batch in source.fetch(Ask(now=now, since=since, cursor=self.cursor, known=self.known)):
                self.batches.append(batch)
                self.cursor = batch.cursor or self.cursor
                for one in (*batch.papers, *batch.mentions):
                    self.days.setdefault(one.id, one.announced)
                for one in (*batch.papers, *batch.replacements):
                    if one.id in self.days:
                        self.titles[one.id] = one.title
        except SourceError as error:
            self.error = error
        brought = [one.id for batch in self.batches for one in (*batch.papers, *batch.mentions)]
        assert len(brought) == len(set(brought)), "a paper came twice in one load"


def take(
    make: Callable[[Client], Source],
    memory: Memory | None,
    *,
    now: datetime = NOW,
    since: date | None = None,
    patience: float = 1.5,
) -> Memory:
    """Load once, with a client of its own; without a memory it is the first load."""
    memory = memory or Memory()

    async def run() -> None:
        client = Client(folder=None, clock=lambda: datetime.now(UTC), patience=patience)
        await memory.take(make(client), now, since)

    asyncio.run(run())
    return memory
