"""Three weeks of trouble, of which nobody said what and when."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from tests.factories import new_store
from tests.fakes.arxiv import (
    Arxiv,
    World,
    entry_without_id,
    entry_without_title,
    expired_token,
    lagging_dates,
    local_dates,
    no_entries,
    record_with_broken_date,
    record_without_title,
    unpadded_dates,
)
from tests.fakes.server import FAILURES, Fault, serving
from tests.sources.arxiv.conftest import FIRST, LAST, WORLD, Installation, eastern
from tests.sources.arxiv.days import DAY


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60 if os.environ.get("DIGESTBOT_SOAK") == "1" else 3))
def test_any_three_weeks_of_trouble_end_with_what_was_announced(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    categories = tuple(random.sample(WORLD, k=random.randint(1, 4)))
    world = World(FIRST, LAST, papers_a_day=6, categories=WORLD, seed=seed)
    with serving(Arxiv(world=world)) as arxiv:
        store = new_store(tmp_path / "digestbot.sqlite")
        installation = Installation(
            arxiv=arxiv,
            store=store,
            folder=tmp_path,
            categories=categories,
            options={"cross_lists": random.random() < 0.7},
        )
        first_seen = torture(installation, random)
        (tmp_path / "http" / "arxiv.next").unlink(missing_ok=True)
        arxiv.faults.clear()
        arxiv.feed.faults.clear()
        arxiv.oai.faults.clear()
        end = FIRST + DAY * 24
        installation.load(end)
        last = installation.load(eastern(end, 9))
        assert (last.new, last.skipped) == (0, [])
        stored, truth = installation.stored, installation.announced(FIRST, end)
        assert stored.keys() == truth.keys()
        states = world.papers()
        for name, day in stored.items():
            # Dates that lag while there is a gap cost a day. Of a paper that was edited or cross-listed since, a
            # record of one version tells the last day only.
            latest = truth[name] if states[name].version > 1 else states[name].datestamp
            assert truth[name] - DAY * 3 <= day <= latest
            assert day <= first_seen.get(name, end)
        store.close()


def torture(installation: Installation, random: Random) -> dict[str, date]:
    """Load at random times for three weeks, under random faults; return on which day each paper was first there."""
    feed, oai = installation.arxiv.feed, installation.arxiv.oai
    anywhere: list[Fault | None] = [None, *FAILURES.values()]
    of_feed: list[Fault] = [
        feed.stale_day,
        *map(feed.stale_category, installation.categories),
        lagging_dates,
        unpadded_dates,
        local_dates,
        entry_without_id,
        entry_without_title,
        no_entries,
    ]
    of_oai: list[Fault] = [
        expired_token,
        oai.repeated_page,
        record_without_title,
        record_with_broken_date,
        unpadded_dates,
    ]
    first_seen: dict[str, date] = {}
    # The first load is a good one, so that what is due from then on is known.
    now = eastern(FIRST, 0, 30)
    installation.load(now)
    while True:
        for name in installation.stored:
            first_seen.setdefault(name, now.date())
        now += timedelta(minutes=random.choice((20, 90, 400, 400, 900, 1440, 1440, 2 * 1440, 5 * 1440)))
        if now > eastern(FIRST + DAY * 23):
            return first_seen
        oai.page_size, oai.overlap = random.choice(((2000, 0), (7, 2), (30, 0)))
        feed.faults.clear()
        oai.faults.clear()
        if random.random() < 0.6:
            feed.fail(random.choice([*anywhere, *of_feed]))
            oai.fail(*random.choices([*[None] * 12, *anywhere, *of_oai], k=4))
        installation.load(now, fails=None)
