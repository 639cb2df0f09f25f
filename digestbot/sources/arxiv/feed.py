"""arXiv's announcement feed: today's papers of some categories, as Atom.

Format: info.arxiv.org/help/atom_specifications.html. The feed holds one day; what it says is
announced today is so only relative to the categories asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lxml import etree

from digestbot.announcements import EASTERN
from digestbot.errors import SourceFormatError
from digestbot.identifiers import address_of, arxiv_id
from digestbot.models import Paper
from digestbot.sources import Skipped
from digestbot.sources.arxiv.names import day_of, is_category, split_authors
from digestbot.sources.text import one_line
from digestbot.sources.xml import root_of

# A longer feed is cut: info.arxiv.org/help/rss_specifications.html.
MOST_ENTRIES = 2000

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_SUMMARY_HEAD = re.compile(r"\A\s*arXiv:\S+\s+Announce Type:\s*\S+\s+Abstract:\s*", re.IGNORECASE)
_KINDS = {"new": 0, "cross": 1, "replace": 2, "replace-cross": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the feed; ``kind`` is ``new``, ``cross``, ``replace`` or ``replace-cross``."""

    paper: Paper
    kind: str

    @property
    def announces(self) -> bool:
        """Whether it makes a paper public, to those who follow the categories asked for."""
        return self.kind in ("new", "cross")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What the feed says; ``complete`` unless arXiv had to cut it."""

    entries: Sequence[Entry]
    skipped: Sequence[Skipped]
    complete: bool


def parse_feed(body: bytes, *, today: date) -> Feed:
    """Parse the feed; ``today`` is arXiv's day, for entries that do not say theirs.

    Of several lines for one paper the one that announces counts. Raises ``SourceFormatError`` when it is no feed;
    a broken entry is skipped with its place.
    """
    root = root_of(body, "arxiv")
    if root.tag != f"{_ATOM}feed":
        raise SourceFormatError(f"arxiv: not an Atom feed but <{etree.QName(root).localname}>")
    title = one_line(root.findtext(f"{_ATOM}title") or "")
    if title.lower().startswith("feed error"):
        raise SourceFormatError(f"arxiv: {title}")
    entries: dict[str, Entry] = {}
    skipped: list[Skipped] = []
    number = 0
    for number, element in enumerate(root.iterfind(f"{_ATOM}entry"), 1):
        try:
            entry = Entry(paper=_paper(element, today), kind=_kind(element))
        except SourceFormatError as error:
            skipped.append(Skipped(place=f"arxiv feed, entry {number}", problem=str(error)))
            continue
        known = entries.get(entry.paper.id)
        if known is None or _KINDS[entry.kind] < _KINDS[known.kind]:
            entries[entry.paper.id] = entry
    return Feed(entries=list(entries.values()), skipped=skipped, complete=number < MOST_ENTRIES)


def query_error(body: bytes) -> str:
    """Return what a feed says was wrong with the query; empty when it says nothing."""
    try:
        return one_line(root_of(body, "arxiv").findtext(f"{_ATOM}title") or "")
    except SourceFormatError:
        return ""


def _kind(element: etree._Element) -> str:
    kind = one_line(element.findtext(f"{_ARXIV}announce_type") or "new").lower()
    if kind not in _KINDS:
        raise SourceFormatError(f"announce_type {kind[:40]!r} is not known")
    return kind


def _paper(element: etree._Element, today: date) -> Paper:
    stated = one_line(element.findtext(f"{_ATOM}id") or "")
    if not stated:
        raise SourceFormatError("no id")
    identifier = arxiv_id(stated)
    if identifier is None:
        raise SourceFormatError(f"id {stated[:80]!r} is not arXiv's")
    title = one_line(element.findtext(f"{_ATOM}title") or "")
    if not title:
        raise SourceFormatError(f"{identifier}: no title")
    terms = [one_line(one.get("term", "")) for one in element.iterfind(f"{_ATOM}category")]
    return Paper(
        id=identifier,
        title=title,
        abstract=one_line(_SUMMARY_HEAD.sub("", element.findtext(f"{_ATOM}summary") or "")),
        authors=split_authors(element.findtext(f"{_DC}creator") or ""),
        categories=tuple(dict.fromkeys(term for term in terms if is_category(term))),
        # A day that cannot be read costs no paper: the feed is of today.
        announced=day_of(element.findtext(f"{_ATOM}published") or "", EASTERN) or today,
        url=address_of(identifier),
        doi=one_line(element.findtext(f"{_ARXIV}DOI") or ""),
    )
