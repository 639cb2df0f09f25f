"""arXiv's announcement feed: today's papers of some categories, as Atom.

Format: info.arxiv.org/help/atom_specifications.html. The feed holds one day; what it says is
announced today is so only relative to the categories asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from lxml import etree

from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.models import Paper
from digestbot.sources import Batch, Skipped
from digestbot.sources.client import Client
from digestbot.sources.files import one_line, paragraph
from digestbot.sources.identifiers import address_of, arxiv_id

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_EASTERN = ZoneInfo("America/New_York")
_SUMMARY_HEAD = re.compile(r"\A\s*arXiv:\S+\s+Announce Type:\s*\S+\s+Abstract:\s*", re.IGNORECASE)
_AFFILIATION = re.compile(r"\s*\([^()]*(?:\([^()]*\)[^()]*)*\)")
_ANNOUNCED = ("new", "cross")
_REPLACED = ("replace", "replace-cross")


class ArxivSource:
    """The announcement feed of the chosen categories, in one request."""

    def __init__(self, client: Client, *, feed_url: str, categories: Sequence[str]) -> None:
        self.name = "arxiv"
        self._client = client
        self._feed_url = feed_url
        self._categories = tuple(categories)

    async def fetch(self, today: date, since: date | None) -> Batch:  # noqa: ARG002 - the feed is today's only
        """Return what the feed announces; ``since`` cannot reach back, the feed is today's only."""
        if not self._categories:
            raise SourceUnavailableError("arxiv: no categories; set [sources.arxiv] categories")
        url = f"{self._feed_url.rstrip('/')}/{'+'.join(self._categories)}"
        status, body = await self._client.get(url)
        if status != 200:
            raise SourceUnavailableError(f"arxiv: {url} answered {status}: {feed_title(body)}".rstrip(": "))
        return parse_feed(body, today=today)


def feed_title(body: bytes) -> str:
    """Return the title of a feed, in which arXiv says what was wrong with a query; empty when unreadable."""
    try:
        return one_line(_root(body).findtext(f"{_ATOM}title") or "")
    except SourceFormatError:
        return ""


def parse_feed(body: bytes, *, today: date) -> Batch:
    """Parse the feed. ``new`` and ``cross`` announce a paper, ``replace`` and ``replace-cross`` do not.

    Raises ``SourceFormatError`` when it is no feed; a broken entry is skipped with its place.
    """
    root = _root(body)
    if root.tag != f"{_ATOM}feed":
        raise SourceFormatError(f"arxiv: not an Atom feed but <{etree.QName(root).localname}>")
    title = one_line(root.findtext(f"{_ATOM}title") or "")
    if title.lower().startswith("feed error"):
        raise SourceFormatError(f"arxiv: {title}")
    announced: dict[str, Paper] = {}
    replaced: dict[str, Paper] = {}
    skipped: list[Skipped] = []
    for number, entry in enumerate(root.iterfind(f"{_ATOM}entry"), 1):
        try:
            paper = _paper(entry, today)
            (announced if _announces(entry, paper.id) else replaced).setdefault(paper.id, paper)
        except SourceFormatError as error:
            skipped.append(Skipped(place=f"arxiv feed, entry {number}", problem=str(error)))
    return Batch(
        papers=list(announced.values()),
        replacements=[paper for paper in replaced.values() if paper.id not in announced],
        skipped=skipped,
    )


def _announces(entry: etree._Element, identifier: str) -> bool:
    kind = one_line(entry.findtext(f"{_ARXIV}announce_type") or "new").lower()
    if kind not in (*_ANNOUNCED, *_REPLACED):
        raise SourceFormatError(f"{identifier}: announce_type {kind[:40]!r} is not known")
    return kind in _ANNOUNCED


def _root(body: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SourceFormatError(f"arxiv: not XML: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise SourceFormatError("arxiv: a feed with a document type is not arXiv's")
    return root


def _paper(entry: etree._Element, today: date) -> Paper:
    stated = one_line(entry.findtext(f"{_ATOM}id") or "")
    if not stated:
        raise SourceFormatError("no id")
    identifier = arxiv_id(stated)
    if identifier is None:
        raise SourceFormatError(f"id {stated[:80]!r} is not arXiv's")
    title = one_line(entry.findtext(f"{_ATOM}title") or "")
    if not title:
        raise SourceFormatError(f"{identifier}: no title")
    return Paper(
        id=identifier,
        title=title,
        abstract=paragraph(_SUMMARY_HEAD.sub("", entry.findtext(f"{_ATOM}summary") or "")),
        authors=split_authors(entry.findtext(f"{_DC}creator") or ""),
        categories=tuple(term for one in entry.iterfind(f"{_ATOM}category") if (term := one_line(one.get("term", "")))),
        announced=_day(entry.findtext(f"{_ATOM}published") or "", today, identifier),
        url=address_of(identifier),
        doi=one_line(entry.findtext(f"{_ARXIV}DOI") or ""),
    )


def split_authors(creator: str) -> tuple[str, ...]:
    """Return the names of ``dc:creator``: one text, with commas between names and inside affiliations."""
    names = _AFFILIATION.sub("", one_line(creator)).split(",")
    return tuple(name for part in names if (name := part.strip()))


def _day(text: str, today: date, identifier: str) -> date:
    if not text.strip():
        return today
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(_EASTERN).date() if moment.tzinfo else moment.date()
    except (ValueError, OverflowError) as error:
        raise SourceFormatError(f"{identifier}: published {text[:40]!r} is not a time") from error
