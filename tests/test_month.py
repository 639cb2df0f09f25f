"""A month of loads with all sources on, faults every day and three days of nothing: every paper once."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digestbot.cli import _run
from tests.factories import paper
from tests.fakes import biorxiv, huggingface
from tests.fakes.arxiv import (
    Arxiv,
    Rates,
    World,
    entry_without_title,
    expired_token,
    local_dates,
    record_without_title,
    unpadded_dates,
)
from tests.fakes.arxiv.categories import KNOWN
from tests.fakes.biorxiv import Biorxiv
from tests.fakes.feeds import FeedService
from tests.fakes.huggingface import HuggingFace
from tests.fakes.server import (
    Fault,
    Service,
    cut_off,
    empty,
    huge,
    invalid_utf8,
    maintenance,
    moved,
    serving,
    too_many_requests,
    unavailable,
    xml_bomb,
)

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 30)
OUTAGE = [date(2026, 6, 16), date(2026, 6, 17), date(2026, 6, 18)]
CATEGORIES = ("cs.CL", "cs.IR", "q-bio.NC")
# Enough to outlast the patience of one load.
MANY = 40


@dataclass
class Places:
    """All services of the month, and what they will have told by its end."""

    arxiv: Arxiv
    huggingface: HuggingFace = field(default_factory=HuggingFace)
    biorxiv: Biorxiv = field(default_factory=Biorxiv)
    journal: FeedService = field(default_factory=FeedService)
    mentioned: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = random.Random(3)
        world = self.arxiv.world
        world.now = datetime(LAST.year, LAST.month, LAST.day, 23, tzinfo=UTC)
        whole = world.papers()
        # Some of what Hugging Face shows is of no category that is followed.
        truth = world.announced(KNOWN)
        for day in world.days:
            new = [whole[one] for one, announced in truth.items() if announced == day and one in whole]
            chosen = chance.sample(new, 4)
            self.huggingface.days[day] = [
                huggingface.item(number, day, id=state.id, title=state.title.upper(), upvotes=chance.randrange(1, 90))
                for number, state in enumerate(chosen)
            ]
            self.mentioned |= {f"arxiv:{state.id}": day for state in chosen}
        self.biorxiv.records = [
            biorxiv.record(number, FIRST + timedelta(days=number // 3), server=("bioRxiv", "medRxiv")[number % 2])
            for number in range(80)
        ]
        self.biorxiv.records += [
            one | {"version": "2", "date": (date.fromisoformat(one["date"]) + timedelta(days=4)).isoformat()}
            for one in self.biorxiv.records[:60:7]
        ]

    @property
    def services(self) -> list[Service]:
        return [self.arxiv, self.huggingface, self.biorxiv, self.journal]

    def now(self, moment: datetime) -> None:
        self.arxiv.world.now = moment
        self.huggingface.today = moment.date()
        number = (moment.date() - FIRST).days
        # A journal shows its last five, one of them a preprint that has its DOI already.
        self.journal.papers = [
            paper(
                900 + one,
                id=f"journal:{one}",
                title=f"Nests of the paper wasp, part {one}",
                announced=FIRST + timedelta(days=one),
                url=f"https://journal.example.org/{one}"
                if one % 4
                else f"https://doi.org/10.1101/2025.05.20.{one:06d}",
            )
            for one in range(max(0, number - 4), number + 1)
        ]

    def expected(self) -> set[str]:
        """Return the ids of what was told; what is the journal's own is only counted."""
        told = {*self.arxiv.world.announced(CATEGORIES), *self.mentioned}
        told |= {f"doi:{one['doi']}" for one in self.biorxiv.records if one["date"] <= LAST.isoformat()}
        return told


FAULTS: dict[str, list[Fault]] = {
    "any": [too_many_requests, unavailable(), unavailable("1"), cut_off, empty, maintenance, xml_bomb, huge],
    "arxiv feed": [entry_without_title, unpadded_dates, local_dates, invalid_utf8],
    "arxiv oai": [record_without_title, expired_token, invalid_utf8],
    "huggingface": [huggingface.malformed_entry, huggingface.short_page, invalid_utf8],
    "biorxiv": [biorxiv.malformed_entry, biorxiv.short_page, biorxiv.unpadded_dates],
    "journal": [invalid_utf8],
}


@pytest.fixture
def places() -> Iterator[Places]:
    # Days are compared too: what OAI-PMH cannot tell of a day that was missed is left out of this world.
    world = World(FIRST, LAST, papers_a_day=25, seed=5, rates=Rates(edited=0, cross_listed=0))
    made = Places(Arxiv(world=world))
    with ExitStack() as stack:
        for service in made.services:
            stack.enter_context(serving(service))
        yield made


def settings(places: Places) -> str:
    return f"""
        [sources]
        patience = 0.4
        [sources.arxiv]
        categories = {json.dumps(CATEGORIES)}
        feed_url = "{places.arxiv.feed_url}"
        oai_url = "{places.arxiv.oai_url}"
        api_url = "{places.arxiv.api_url}"
        pace = 0
        [sources.huggingface]
        enabled = true
        url = "{places.huggingface.url}/api/daily_papers"
        pace = 0
        [sources.biorxiv]
        enabled = true
        url = "{places.biorxiv.url}/details/biorxiv"
        pace = 0
        [sources.medrxiv]
        enabled = true
        url = "{places.biorxiv.url}/details/medrxiv"
        pace = 0
        [[sources.feeds]]
        name = "journal"
        url = "{places.journal.url}/feed"
        pace = 0
        """


def spoil(places: Places, chance: random.Random) -> None:
    """Let something go wrong with one or two of the services, for a request or for all of today's."""
    elsewhere = moved("http://127.0.0.1:1/")
    arxiv = places.arxiv
    targets = [
        (arxiv.feed, "arxiv feed", [*FAULTS["any"], arxiv.feed.stale_day, elsewhere]),
        (arxiv.oai, "arxiv oai", [*FAULTS["any"], arxiv.oai.repeated_page, elsewhere]),
        (places.huggingface, "huggingface", [*FAULTS["any"], places.huggingface.repeated, elsewhere]),
        (places.biorxiv, "biorxiv", [*FAULTS["any"], places.biorxiv.repeated, elsewhere]),
        (places.journal, "journal", [*FAULTS["any"], elsewhere]),
    ]
    for service, name, faults in chance.sample(targets, 2):
        fault = chance.choice([*faults, *FAULTS[name]])
        service.fail(*[None] * chance.randrange(2), *[fault] * chance.choice((1, 1, MANY)))


def test_a_month_with_faults_and_an_outage_ends_with_every_paper_once(
    places: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(11)
    path = tmp_path / "settings.toml"
    path.write_text(settings(places))
    codes = []
    for day in (FIRST + timedelta(days=number) for number in range(30)):
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        places.now(moment)
        for service in (*places.services, places.arxiv.feed, places.arxiv.oai):
            service.faults.clear()
        if day in OUTAGE:
            for service in places.services:
                service.fail(*[unavailable()] * 500)
        # The first day has nothing to catch up with, and on the last two everything answers.
        elif FIRST < day < LAST - timedelta(days=1):
            spoil(places, chance)
        codes.append(_run(["--settings", str(path), "load", "--at", moment.isoformat()]))
    assert codes[0] == codes[-1] == 0
    assert all(codes[(day - FIRST).days] == 1 for day in OUTAGE)
    assert "Traceback" not in capsys.readouterr().err

    with sqlite3.connect(tmp_path / "digestbot.sqlite") as database:
        rows = dict(database.execute("select id, announced from papers"))
        titles = dict(database.execute("select id, title from papers"))
        upvotes = dict(database.execute("select id, upvotes from papers where upvotes > 0"))
    database.close()
    own = {identifier for identifier in rows if identifier.startswith("journal:")}
    assert set(rows) - own == places.expected()
    assert len(titles) == len(set(titles.values())), "a paper is there twice"
    # A day of the outage that the feed has forgotten by the time it answers again is lost with it: it shows five.
    assert {title for title in titles.values() if "paper wasp" in title} <= {
        f"Nests of the paper wasp, part {number}" for number in range(30)
    }
    assert len(own) >= 20
    # Days: what a mention brought first may be of the day of the mention.
    truth = places.arxiv.world.announced(CATEGORIES)
    wrong = {one: (rows[one], day) for one, day in truth.items() if rows[one] != day.isoformat()}
    assert wrong == {}
    # What arXiv describes, nobody else rewords.
    assert not [titles[one] for one in truth if titles[one].isupper()]
    assert set(upvotes) == set(places.mentioned)
