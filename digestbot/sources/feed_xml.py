"""RSS and Atom: a page as entries. Pure.

feedparser reads one entry at a time, in a document that is made here: so one that is broken costs no other, and
feedparser never sees a document type, and with it no entity that somebody declared.
"""

from __future__ import annotations

import contextlib
import html
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import feedparser

from digestbot.errors import SourceFormatError
from digestbot.sources import Skipped
from digestbot.sources.feed_bytes import has_marks
from digestbot.sources.feed_entries import MOST_ENTRIES, Document, Entry, believable

_LONGEST_ENTRY = 200_000
# feedparser takes up to 0.1 ms a tag, and compares each category with every other.
_MOST_TAGS = 100_000
_MOST_TAGS_OF_ENTRY = 10_000
_MOST_CATEGORIES = 200
_ROOTS = ("rss", "rdf", "feed")

_CLOSED_TEXT = r"<!\[CDATA\[(?>.*?\]\]>|.*)|<!--(?>.*?-->|.*)|<\?(?>.*?\?>|.*)"
_START = r"<(?P<name>[A-Za-z_][\w.:-]*+)(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+>"
_START_TAG = re.compile(rf"{_CLOSED_TEXT}|<![^>]*|{_START}", re.DOTALL)
_ENTRY_TAG = re.compile(
    rf"{_CLOSED_TEXT}|<(?P<end>/?)(?P<name>(?:[A-Za-z_][\w.-]*:)?(?:item|entry))(?=[\s/>])[^<>]*+>?",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"</?[^\s<>!?/][^<>]*>")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_LONE_AMPERSAND = re.compile(r"(<!\[CDATA\[(?>.*?\]\]>|.*))|&(?!#?\w{1,31};)", re.DOTALL)
_CDATA = re.compile(r"<!\[CDATA\[(?>.*?\]\]>|.*)", re.DOTALL)
# In names it looks for mail addresses, in time that grows with the square of their length.
_ENDLESS_NAME = re.compile(
    r"<(?:[\w.-]+:)?(?:author|creator|contributor|name|email|publisher|webmaster|managingeditor|owner)\b[^<>]*>"
    r"(?:<!\[CDATA\[)?[^<]*[\w.+-]{300}",
    re.IGNORECASE,
)
_CATEGORY = re.compile(r"<(?:[\w.-]+:)?(?:category|subject|keywords|tags)\b", re.IGNORECASE)
# These name many things at once, for search engines: feedparser takes ages over long ones.
_KEYWORDS = re.compile(r"<(?P<name>(?:[\w.-]+:)?(?:keywords|tags))\b[^<>]*>[^<]*</(?P=name)\s*>", re.IGNORECASE)
# feedparser keeps only the last dc:identifier, and knows other fields by the prefix that a feed happens to give them.
_IDENTIFIER = re.compile(
    r"<(?:[\w.-]+:)?(?:identifier|doi|citation_doi|citation_arxiv_id)(?=[\s>])[^<>]*>(?:<!\[CDATA\[)?([^<>\]]{1,500})",
    re.IGNORECASE,
)
_HTML = re.compile(
    r"</?(?:i|b|em|strong|sub|sup|p|br|span|a|div|tt|code|u|small|h\d|ul|ol|li|img|jats:\w+)\b[^<>]*>|&(?:#\w+|\w+);",
    re.IGNORECASE,
)
_READABLE = ("text/html", "text/plain", "application/xhtml+xml", "")
_FEEDPARSER_TRIPS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    AssertionError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Where an entry stands in the text, and what is wrong with that, if anything."""

    start: int
    end: int
    problem: str


def read_xml(text: str, name: str) -> Document:
    """Read a page. Raises ``SourceFormatError`` when it is no feed; a broken entry is skipped with its place."""
    root = _root(text, name)
    if has_marks(text) and any(has_marks(_QUOTED.sub("", tag)) for tag in _TAG.findall(text) if has_marks(tag)):
        raise SourceFormatError(f"{name}: is damaged: a byte in the name of a tag is in no known encoding")
    pieces = list(itertools.islice(_pieces(text, root), MOST_ENTRIES + 1))
    head = text[root.end() : pieces[0].start if pieces else len(text)]
    frame = _frame(root, head)
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    tags_left = _MOST_TAGS
    for number, piece in enumerate(pieces[:MOST_ENTRIES], 1):
        place = f"{name}, entry {number}"
        markup = text[piece.start : piece.end]
        tags = _tags(markup)
        problem = piece.problem or _absurd(markup, tags) or ("is not read: too much before it" * (tags > tags_left))
        if problem:
            skipped.append(Skipped(place=place, problem=problem))
            continue
        tags_left -= tags
        try:
            entries.append(_entry(markup, frame, place))
        except SourceFormatError as error:
            skipped.append(Skipped(place=place, problem=str(error)))
    if len(pieces) > MOST_ENTRIES:
        skipped.append(Skipped(place=name, problem=f"has more than {MOST_ENTRIES:,} entries: the rest was not read"))
    return Document(entries=entries, skipped=skipped, base=_base(head, frame))


def _tags(markup: str) -> int:
    """Return about how many steps feedparser takes; it does not look into CDATA."""
    bare = _CDATA.sub("", markup)
    return bare.count("<") + bare.count("&") // 5


def _absurd(markup: str, tags: int) -> str:
    """Return why an entry would take feedparser ages to read, empty when it would not."""
    if len(markup) > _LONGEST_ENTRY:
        return f"is longer than {_LONGEST_ENTRY:,} characters"
    if tags > _MOST_TAGS_OF_ENTRY:
        return f"has more than {_MOST_TAGS_OF_ENTRY:,} tags"
    if sum(1 for _ in _CATEGORY.finditer(markup)) > _MOST_CATEGORIES:
        return f"has more than {_MOST_CATEGORIES} categories"
    if _ENDLESS_NAME.search(markup):
        return "has a name without end"
    return ""


def _root(text: str, name: str) -> re.Match[str]:
    """Return the first tag of a feed."""
    root = next((found for found in _START_TAG.finditer(text) if found["name"]), None)
    before = text[: root.start() if root else 10_000].lower()
    local = root["name"].rpartition(":")[2].lower() if root else ""
    if local == "html" or "<!doctype html" in before:
        raise SourceFormatError(
            f"{name}: is an HTML page, not a feed; set the address of the feed itself, which the page may link to"
        )
    if "<!entity" in before:
        raise SourceFormatError(f"{name}: declares entities, which no feed needs")
    if root is None:
        raise SourceFormatError(f"{name}: is no feed: neither XML nor JSON")
    if local not in _ROOTS:
        raise SourceFormatError(f"{name}: is no feed but <{local[:40]}>; set the address of an RSS, Atom or JSON feed")
    return root


def _pieces(text: str, root: re.Match[str]) -> Iterator[_Piece]:
    """Yield where entries stand. What feeds put into CDATA or a comment is not looked at."""
    local = "entry" if root["name"].lower().endswith("feed") else "item"
    wanted = ""
    opened: int | None = None
    for tag in _ENTRY_TAG.finditer(text, root.end()):
        full = (tag["name"] or "").lower()
        if full.rpartition(":")[2] != local or full != (wanted or full):
            continue
        wanted = full
        if opened is not None:
            # An entry that another one follows before it has ended is not to be trusted.
            yield _Piece(start=opened, end=tag.end(), problem="" if tag["end"] else "has no end")
        opened = None if tag["end"] else tag.start()
    if opened is not None:
        yield _Piece(start=opened, end=len(text), problem="is cut off")


def _frame(root: re.Match[str], head: str) -> tuple[str, str]:
    """Return what goes before and after an entry, so that the prefixes in it mean what they mean in its feed."""
    opening, closing = root.group(), f"</{root['name']}>"
    channel = next(
        (tag for tag in _START_TAG.finditer(head) if tag["name"] and tag["name"].lower().endswith("channel")), None
    )
    # In RSS 1.0 the entries stand behind the channel, not in it.
    if channel is None or "</" + channel["name"] in head:
        return opening, closing
    return opening + channel.group(), f"</{channel['name']}>{closing}"


def _base(head: str, frame: tuple[str, str]) -> str:
    """Return the page that a feed belongs to."""
    with contextlib.suppress(SourceFormatError):
        link = _parsed(head[:_LONGEST_ENTRY], (frame[0].partition(">")[0] + ">", "")).feed.get("link")
        return link if isinstance(link, str) else ""
    return ""


def _parsed(markup: str, frame: tuple[str, str]) -> Any:
    try:
        return feedparser.parse(
            # Bytes by themselves would be tried as the name of a file.
            io.BytesIO(markup.join(frame).encode()),
            resolve_relative_uris=False,
            sanitize_html=False,
            response_headers={"content-type": "application/xml; charset=utf-8"},
        )
    except _FEEDPARSER_TRIPS as error:
        raise SourceFormatError(f"cannot be read: {type(error).__name__}") from error


def _entry(markup: str, frame: tuple[str, str], place: str) -> Entry:
    # On one line: feedparser takes each line by itself, and no field that is read here means anything by them.
    readable = _LONE_AMPERSAND.sub(lambda found: found[1] or "&amp;", _KEYWORDS.sub("", " ".join(markup.split())))
    parsed = _parsed(readable, frame).entries
    if len(parsed) != 1:
        raise SourceFormatError("cannot be told from others")
    found = parsed[0]
    links = [(link.get("rel", "alternate"), link.get("href") or "") for link in found.get("links", ())]
    stated_day, day = _day(found)
    return Entry(
        place=place,
        guid=found.get("id", ""),
        links=tuple(dict.fromkeys(link for rel, link in links if link and rel == "alternate")),
        related=tuple(link for rel, link in links if link and rel in ("related", "via")),
        identifiers=tuple(html.unescape(stated).strip() for stated in _IDENTIFIER.findall(markup)),
        title=_markup(found.get("title_detail", {})),
        texts=tuple(_markup(text) for text in (*found.get("content", ()), found.get("summary_detail", {}))),
        authors=tuple(name for author in found.get("authors", ()) if (name := author.get("name"))),
        tags=tuple(term for tag in found.get("tags", ()) if (term := tag.get("label") or tag.get("term"))),
        stated_day=stated_day,
        day=day,
    )


def _markup(text: Any) -> str:
    """Return a text as HTML. Many feeds call HTML plain text, or do not say."""
    value: str = text.get("value") or ""
    kind = text.get("type") or ""
    if kind not in _READABLE:
        return ""
    return html.escape(value) if kind == "text/plain" and not _HTML.search(value) else value


def _day(found: Any) -> tuple[str, date | None]:
    """Return when an entry was published, else when it was updated, in UTC: as stated, and as a day."""
    text = ""
    for key in ("published", "updated"):
        # Not found.get: for an entry without "updated" it gives "published", with a warning.
        text += dict.get(found, key) or ""
        moment = dict.get(found, f"{key}_parsed")
        if moment is not None:
            with contextlib.suppress(ValueError, OverflowError):
                if (day := believable(date(*moment[:3]))) is not None:
                    return text, day
    return text, None
