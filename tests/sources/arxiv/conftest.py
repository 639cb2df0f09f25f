"""An installation that follows some categories of a simulated arXiv, and is asked to load at moments of its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from digestbot.announcements import EASTERN
from digestbot.pipeline import load as job
from digestbot.pipeline.load import Loaded
from digestbot.sources import Ask, Batch
from digestbot.sources.arxiv import ArxivSource
from digestbot.sources.client import Client
from digestbot.store import Store
from tests.cli.conftest import Cli
from tests.fakes.arxiv import Arxiv, Rates, World
from tests.fakes.server import serving

FOLLOWED = ("cs.CL", "stat.ML", "hep-th")
WORLD = (*FOLLOWED, "cs.LG")
# A month with two holidays in reach: Friday 19 June and Friday 3 July.
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 8)
# An edit or a later cross-list leaves a record of one version with a new day: OAI-PMH does not tell the first one.
QUIET = Rates(edited=0, cross_listed=0, replaced=0.25)


def eastern(day: date, hour: int = 8, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=EASTERN).astimezone(UTC)


@dataclass(kw_only=True)
class Installation:
    """Loads from an arXiv into a store. Without patience a spoiled answer is a failed load."""

    arxiv: Arxiv
    store: Store
    folder: Path
    categories: tuple[str, ...] = FOLLOWED
    options: dict[str, Any] = field(default_factory=dict)
    patience: float = 0.0

    def client(self, **options: Any) -> Client:
        values: dict[str, Any] = {"folder": self.folder / "http", "clock": lambda: datetime.now(UTC), "timeout": 5.0}
        return Client(**values | {"patience": self.patience} | options)

    def source(self, client: Client) -> ArxivSource:
        urls = {"feed_url": self.arxiv.feed_url, "oai_url": self.arxiv.oai_url}
        values: dict[str, Any] = {"categories": self.categories, "pace": 0.0, **urls}
        return ArxivSource(client, **values | self.options)

    def load(
        self,
        moment: date | datetime,
        *,
        since: date | None = None,
        fails: bool | None = False,
        clock: date | None = None,
    ) -> Loaded:
        """Load at a moment, or at eight in the morning of a day in New York; ``fails`` is ``None`` where it may.

        ``clock`` is the day that our own clock shows, if it is wrong.
        """
        self.arxiv.world.now = moment if isinstance(moment, datetime) else eastern(moment)
        now = eastern(clock) if clock else self.arxiv.world.now

        async def run() -> list[Loaded]:
            client = self.client()
            return await job.load(
                self.store.papers,
                self.store.loads,
                [self.source(client)],
                clock=lambda: datetime.now(UTC),
                since=since,
                at=now,
            )

        (loaded,) = asyncio.run(run())
        assert fails is None or bool(loaded.error) == fails, loaded.error
        return loaded

    def load_each(self, first: date, last: date) -> None:
        """Load on every day from the first to the last."""
        for number in range((last - first).days + 1):
            self.load(first + timedelta(days=number))

    @property
    def stored(self) -> dict[str, date]:
        return {paper.id: paper.announced for paper in self.store.papers.announced(date.min, date.max)}

    def announced(self, first: date, last: date) -> dict[str, date]:
        """What arXiv announced to those who follow these categories, from the first day to the last."""
        cross_lists = self.options.get("cross_lists", True)
        truth = self.arxiv.world.announced(self.categories, last, cross_lists=cross_lists)
        return {name: day for name, day in truth.items() if day >= first}

    @property
    def asked(self) -> tuple[int, int]:
        """How often the feed and OAI-PMH were asked since this was last read."""
        counts = (len(self.arxiv.feed.asked), len(self.arxiv.oai.asked))
        self.arxiv.feed.asked.clear()
        self.arxiv.oai.asked.clear()
        return counts


def batches(source: ArxivSource, ask: Ask) -> list[Batch]:
    async def run(fetched: AsyncIterator[Batch]) -> list[Batch]:
        return [batch async for batch in fetched]

    return asyncio.run(run(source.fetch(ask)))


@cache
def quiet_world() -> World:
    """A world takes longer to make than most tests take; what is in it never changes, and each load sets its time."""
    return World(FIRST, LAST, papers_a_day=20, categories=WORLD, rates=QUIET)


@pytest.fixture
def arxiv() -> Iterator[Arxiv]:
    """An arXiv on which nothing happens to a paper that makes its day hard to tell afterwards."""
    with serving(Arxiv(world=quiet_world())) as served:
        yield served


@pytest.fixture
def installation(arxiv: Arxiv, store: Store, tmp_path: Path) -> Installation:
    return Installation(arxiv=arxiv, store=store, folder=tmp_path)


@pytest.fixture
def cli(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    folder = tmp_path / "commands"
    folder.mkdir()
    return Cli(folder, capsysbinary)
