"""Any RSS, Atom or JSON feed, each under the name that the settings give it.

What ``ttl``, ``skipHours`` and ``skipDays`` say is not followed: a feed is asked whether it has changed, which costs
its server next to nothing, and how often the settings say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date
from urllib.parse import urljoin, urlsplit, urlunsplit

from digestbot.errors import SourceFormatError
from digestbot.models import PaperId
from digestbot.sources import Ask, Batch, Skipped
from digestbot.sources.addresses import shown
from digestbot.sources.client import Client, lane_of
from digestbot.sources.feed_bytes import text_of
from digestbot.sources.feed_entries import papers_of
from digestbot.sources.feed_json import read_json
from digestbot.sources.feed_xml import read_xml

_MOST_PAGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one page of a feed holds, and where the feed goes on; empty when it does not."""

    batch: Batch
    next_url: str = ""


class FeedSource:
    """One feed; one request, or one for each page of a JSON Feed that has several."""

    def __init__(self, client: Client, *, name: str, url: str, pace: float) -> None:
        self.name = name
        self._client = client
        self._url = url
        self._pace = pace

    async def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        """Yield what the feed holds, page by page: the store keeps each paper once, with its own day.

        The cursor is the day of the load, for people; what is new is not decided by it.
        """
        today = ask.now.astimezone(UTC).date()
        seen: set[PaperId] = set()
        asked: set[str] = set()
        url = self._url
        while url:
            asked.add(url)
            page = await self._read(url, today)
            # The last page that may be asked for is the last, whatever it says.
            url, problem = _next(self._url, url, page.next_url, asked) if len(asked) < _MOST_PAGES else ("", "")
            papers = [paper for paper in page.batch.papers if paper.id not in seen]
            seen.update(paper.id for paper in papers)
            papers = [paper for paper in papers if ask.since is None or paper.announced >= ask.since]
            place = f"{self.name}, next page"
            yield replace(
                page.batch,
                papers=[paper for paper in papers if paper.id.startswith(f"{self.name}:")],
                # What arXiv or a publisher has given an id is theirs to describe.
                mentions=[paper for paper in papers if not paper.id.startswith(f"{self.name}:")],
                skipped=[*page.batch.skipped, *([Skipped(place=place, problem=problem)] if problem else [])],
                asked=shown(self._url),
                cursor="" if url else today.isoformat(),
            )

    async def _read(self, url: str, today: date) -> Page:
        def parse(body: bytes) -> Page:
            return parse_page(body, name=self.name, today=today, url=url)

        return await self._client.read(url, parse, lane=lane_of(url, self._pace), cached=True)


def parse_feed(body: bytes, *, name: str, today: date) -> Batch:
    """Parse one page of a feed. Raises ``SourceFormatError`` when it is none; a broken entry is skipped.

    Papers are announced when they were published, else updated, else ``today``, in UTC and never after ``today``.
    Their ids: see ``digestbot.sources.feed_entries``.
    """
    return parse_page(body, name=name, today=today, url="").batch


def parse_page(body: bytes, *, name: str, today: date, url: str) -> Page:
    """Parse one page, whose own address is ``url``; for the rest see ``parse_feed``."""
    try:
        text = text_of(body).strip()
    except SourceFormatError as error:
        raise SourceFormatError(f"{name}: {error}") from error
    if not text:
        raise SourceFormatError(f"{name}: sent nothing")
    document = read_json(text, name) if text.startswith("{") else read_xml(text, name)
    base = _joined(url, document.base)
    papers, skipped = papers_of(replace(document, base=base), name=name, today=today)
    return Page(batch=Batch(papers=papers, skipped=skipped), next_url=document.next_url)


def _next(first: str, here: str, stated: str, asked: set[str]) -> tuple[str, str]:
    """Return the address of the next page, and why it is not asked for if it is not.

    Only on the feed's own server, and with the name and password of the settings: a feed may not send us elsewhere.
    """
    if not stated:
        return "", ""
    own, wanted = urlsplit(first), urlsplit(_joined(here, stated))
    if (wanted.scheme, _server(wanted.netloc)) != (own.scheme, _server(own.netloc)):
        return "", f"is not followed to another server, {_server(wanted.netloc)[:80]!r}"
    url = urlunsplit((own.scheme, own.netloc, wanted.path, wanted.query, ""))
    return ("", "is one that was asked for already") if url in asked else (url, "")


def _server(place: str) -> str:
    return place.rpartition("@")[2].lower()


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return base
