"""The scheduler's jobs, lived through with a clock of the tests and a fake arXiv."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digestbot.cli.asking import awaits_papers
from digestbot.cli.installation import Installation
from digestbot.cli.jobs import Jobs
from digestbot.models import SubscriberState
from digestbot.settings import read_settings
from digestbot.store import Preferences
from tests.fakes.arxiv import Arxiv, World
from tests.fakes.server import serving, unavailable

MONDAY = date(2026, 6, 8)


@dataclass
class Life:
    """An installation, its scheduler's jobs, and the time."""

    arxiv: Arxiv
    installation: Installation
    folder: Path

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.installation, lambda: self.arxiv.world.now)

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Let both jobs run at this time, as the ticker does."""
        self.arxiv.world.now = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
        asyncio.run(self._both())

    async def _both(self) -> None:
        await self.jobs.load()
        await self.jobs.send()

    @property
    def mails(self) -> int:
        return len(list((self.folder / "mailbox").glob("*.eml")))

    def newest_shown(self) -> date:
        """Return the day of the newest paper in the last digest."""
        found = self.installation.store.database.row(
            "select max(announced) from papers join digest_items on paper_id = papers.id"
            " where digest_id = (select id from digests order by local_day desc limit 1)"
        )
        assert found is not None
        return date.fromisoformat(found[0])


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    arxiv = Arxiv(world=World(date(2026, 6, 1), date(2026, 6, 30), papers_a_day=15))
    with serving(arxiv):
        (tmp_path / "settings.toml").write_text(
            f"""
            [sources]
            patience = 0.2
            [sources.arxiv]
            categories = ["cs.CL", "cs.IR"]
            feed_url = "{arxiv.feed_url}"
            oai_url = "{arxiv.oai_url}"
            api_url = "{arxiv.api_url}"
            pace = 0
            [schedule]
            send_at = "05:00"
            load_every_minutes = 60
            poll_every_minutes = 10
            wait_minutes = 90
            """
        )
        installation = Installation(read_settings(tmp_path / "settings.toml", {}, folder=tmp_path), {})
        now = datetime(2026, 6, 7, 12, tzinfo=UTC)
        subscribers = installation.store.subscribers
        subscribers.add("ada@example.org", SubscriberState.ACTIVE, Preferences(papers=2), now)
        yield Life(arxiv, installation, tmp_path)
        installation.close()


def test_a_digest_waits_for_todays_papers_and_goes_out_when_they_are_there(life: Life) -> None:
    life.at(MONDAY, 6)
    assert life.mails == 1
    tuesday = MONDAY + timedelta(days=1)
    life.arxiv.feed.fail(life.arxiv.feed.stale_day)
    life.at(tuesday, 5)
    assert life.mails == 1
    life.at(tuesday, 5, 11)
    assert life.mails == 2
    assert life.newest_shown() == tuesday


def test_a_digest_waits_until_its_deadline_and_no_longer(life: Life) -> None:
    life.at(MONDAY, 6)
    tuesday = MONDAY + timedelta(days=1)
    life.arxiv.fail(*[unavailable()] * 200)
    for minute in range(0, 90, 10):
        life.at(tuesday, 5 + minute // 60, minute % 60)
        assert life.mails == 1
    life.at(tuesday, 6, 30)
    assert life.mails == 2
    assert life.newest_shown() == MONDAY


def test_on_a_weekend_nothing_is_waited_for(life: Life) -> None:
    friday = MONDAY + timedelta(days=4)
    life.at(friday, 6)
    life.at(friday + timedelta(days=1), 5)
    assert life.mails == 2


def test_nobody_waits_for_a_source_that_was_never_there(life: Life) -> None:
    life.arxiv.fail(*[unavailable()] * 50)
    store = life.installation.store
    life.at(MONDAY, 4, 30)
    assert store.papers.count() == 0
    assert not awaits_papers(life.installation, life.arxiv.world.now)


def test_while_todays_papers_are_awaited_the_source_is_asked_more_often(life: Life) -> None:
    life.at(MONDAY, 6)
    life.at(MONDAY, 6, 30)
    assert len(life.arxiv.feed.asked) == 1
    life.at(MONDAY, 7)
    assert len(life.arxiv.feed.asked) == 2
    tuesday = MONDAY + timedelta(days=1)
    life.arxiv.feed.fail(*[life.arxiv.feed.stale_day] * 3)
    for minute in (5, 10, 15, 20, 25, 30, 40):
        life.at(tuesday, 4, minute)
    # At :05, :15, :25 in vain, at :40 it is there, a minute later it is not asked again.
    life.at(tuesday, 4, 41)
    assert len(life.arxiv.feed.asked) == 6
    assert life.installation.store.loads.history("arxiv", life.arxiv.world.now).newest == tuesday
