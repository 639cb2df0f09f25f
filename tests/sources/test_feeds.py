"""Feeds over the wire: every entry is one paper, and every page is asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from digestbot.errors import SourceError, SourceUnavailableError
from digestbot.models import Paper, PaperId
from digestbot.sources import Ask, Batch
from digestbot.sources.client import Client
from digestbot.sources.feeds import FeedSource
from tests.factories import DAY, NOW, paper
from tests.fakes.feeds import FeedService
from tests.fakes.server import (
    FAILURES,
    Answer,
    Fault,
    cut_off,
    huge,
    invalid_utf8,
    maintenance,
    moved,
    serving,
    unavailable,
)
from tests.sources.feed_pages import JOURNAL, json_feed


def published(*numbers: int, **changes: Any) -> list[Paper]:
    return [paper(number, url=f"{JOURNAL}/papers/{number}", **changes) for number in numbers]


async def nobody(identifiers: Sequence[PaperId]) -> Mapping[PaperId, date]:
    return {}


async def load(
    service: FeedService,
    *,
    folder: Path | None = None,
    since: date | None = None,
    patience: float = 0.1,
    **changes: Any,
) -> list[Batch]:
    """Return the batches of one load, and after them the error that ended it, if one did."""
    ask = Ask(now=NOW, since=since, cursor="", known=nobody)
    url = changes.get("url", f"{service.url}/feed")
    client = Client(folder=folder, clock=lambda: datetime.now(UTC), patience=patience, timeout=5)
    return [batch async for batch in FeedSource(client, name="journal", url=url, pace=0.0).fetch(ask)]


def loaded(service: FeedService, **changes: Any) -> list[Paper]:
    return [found for batch in asyncio.run(load(service, **changes)) for found in batch.papers]


@contextmanager
def journal(**fields: Any) -> Iterator[FeedService]:
    with serving(FeedService(**fields)) as service:
        assert isinstance(service, FeedService)
        yield service


@pytest.mark.parametrize("kind", ["rss", "atom", "json"])
def test_what_a_feed_announces_is_loaded(kind: str) -> None:
    expected = published(1, 2, 3, categories=("cs.IR",), announced=DAY - timedelta(days=1))
    with journal(kind=kind, papers=expected) as service:
        (batch,) = asyncio.run(load(service))
        assert (batch.asked, batch.cursor) == (f"{service.url}/feed", "2025-05-27")
    assert [replace(found, id="") for found in batch.papers] == [replace(one, id="") for one in expected]
    assert len({found.id for found in batch.papers}) == 3


def test_since_asks_for_papers_of_that_day_and_later() -> None:
    with journal(papers=published(1) + published(2, announced=DAY - timedelta(days=30))) as service:
        assert [found.title for found in loaded(service)] == [paper(1).title, paper(2).title]
        assert [found.title for found in loaded(service, since=DAY)] == [paper(1).title]


def test_a_feed_that_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    with journal(papers=published(1, 2)) as service:
        first = loaded(service, folder=tmp_path)
        assert loaded(service, folder=tmp_path) == first
        assert "if-none-match" in service.asked[-1].headers
        service.papers = published(1, 2, 3)
        assert len(loaded(service, folder=tmp_path)) == 3


def test_all_pages_of_a_json_feed_are_read_and_each_paper_comes_once() -> None:
    with journal(kind="json", papers=published(1, 2, 3, 3, 4), per_page=2) as service:
        batches = asyncio.run(load(service))
        assert [request.value("page", "1") for request in service.asked] == ["1", "2", "3"]
    assert [len(batch.papers) for batch in batches] == [2, 1, 1]
    assert [batch.cursor for batch in batches] == ["", "", "2025-05-27"]


def test_at_most_ten_pages_are_read() -> None:
    with journal(kind="json", papers=published(*range(1, 31)), per_page=1) as service:
        assert len(loaded(service)) == 10
        assert len(service.asked) == 10


def test_a_page_that_leads_to_another_server_is_not_followed() -> None:
    with journal() as elsewhere, journal(kind="json", papers=published(1, 2), per_page=1) as service:
        service.next_server = elsewhere.url
        (batch,) = asyncio.run(load(service))
        assert len(batch.papers) == 1
        assert "is not followed to another server" in batch.skipped[0].problem
        assert elsewhere.asked == []


def test_pages_that_lead_in_a_circle_are_read_once() -> None:
    circle = json_feed({"id": "1", "title": "Owl"}, next_url="/feed").encode()
    with journal(kind="json") as service:
        service.fail(lambda _: Answer(body=circle))
        (batch,) = asyncio.run(load(service))
        assert len(service.asked) == 1
    assert "asked for already" in batch.skipped[0].problem


def test_credentials_are_used_on_every_page_and_shown_nowhere() -> None:
    with journal(kind="json", papers=published(1, 2), per_page=1) as service:
        url = service.url.replace("//", "//ada:pass@") + "/feed?topic=owls&api_key=0815"
        batches = asyncio.run(load(service, url=url))
        assert {request.headers["authorization"] for request in service.asked} == {"Basic YWRhOnBhc3M="}
        assert {batch.asked for batch in batches} == {f"{service.url}/feed?topic=owls&api_key=..."}


FAULTS: dict[str, Fault] = FAILURES | {"invalid UTF-8": invalid_utf8}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [*(("rss", name) for name in FAULTS), *product(("atom", "json"), ("cut off", "invalid UTF-8", "maintenance"))],
)
def test_after_a_fault_what_is_good_is_kept_and_the_next_load_completes_the_rest(kind: str, fault: str) -> None:
    with journal(kind=kind, papers=published(*range(1, 8))) as service:
        whole = {found.id for found in loaded(service)}
        service.fail(*[FAULTS[fault]] * 20)
        try:
            kept = {found.id for found in loaded(service, patience=0.05)}
        except SourceError:
            kept = set()
        assert kept <= whole
        assert len(kept) in {0, 6, 7}
        service.faults.clear()
        assert {found.id for found in loaded(service)} == whole


def test_a_feed_that_fails_is_named_without_its_secret() -> None:
    with journal() as service:
        service.fail(*[unavailable()] * 20)
        with pytest.raises(SourceUnavailableError, match=r"feed\?token=\.\.\.: answered 503"):
            loaded(service, url=f"{service.url}/feed?token=S3CRET")


def test_a_feed_that_is_tried_again_in_time_is_loaded() -> None:
    with journal(papers=published(1)) as service:
        service.fail(cut_off, maintenance)
        assert len(loaded(service, patience=2.0)) == 1


def test_a_page_that_fails_leaves_the_pages_before_it() -> None:
    async def until_it_fails(service: FeedService) -> Batch:
        ask = Ask(now=NOW, since=None, cursor="", known=nobody)
        client = Client(folder=None, clock=lambda: datetime.now(UTC), patience=0.1)
        batches = FeedSource(client, name="journal", url=f"{service.url}/feed", pace=0.0).fetch(ask)
        first = await anext(batches)
        with pytest.raises(SourceUnavailableError):
            await anext(batches)
        return first

    with journal(kind="json", papers=published(1, 2, 3), per_page=1) as service:
        service.fail(None, *[unavailable()] * 20)
        batch = asyncio.run(until_it_fails(service))
        assert (len(batch.papers), batch.cursor) == (1, "")
        service.faults.clear()
        assert len(loaded(service)) == 3


def test_a_feed_without_end_is_given_up() -> None:
    with journal() as service:
        service.fail(huge)
        with pytest.raises(SourceUnavailableError, match="sends more than"):
            loaded(service)


def test_a_redirect_to_another_port_is_not_followed() -> None:
    with journal(papers=published(1)) as elsewhere, journal() as service:
        service.fail(moved(f"{elsewhere.url}/feed"))
        with pytest.raises(SourceUnavailableError, match="redirects"):
            loaded(service)
        assert elsewhere.asked == []
