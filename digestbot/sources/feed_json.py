"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1): a page as entries. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from digestbot.errors import SourceFormatError
from digestbot.sources import Skipped
from digestbot.sources.feed_bytes import has_marks
from digestbot.sources.feed_entries import MOST_ENTRIES, Document, Entry, believable

_DAY = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)", re.ASCII)


def read_json(text: str, name: str) -> Document:
    """Read a page. Raises ``SourceFormatError`` when it is no JSON Feed; a broken item is skipped with its place."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceFormatError(f"{name}: begins like JSON and is none: {error}") from error
    items = feed.get("items")
    if not isinstance(items, list):
        raise SourceFormatError(f"{name}: is JSON and no JSON Feed: it has no list of items")
    entries: list[Entry] = []
    skipped: list[Skipped] = []
    for number, item in enumerate(items[:MOST_ENTRIES], 1):
        place = f"{name}, item {number}"
        try:
            entries.append(_entry(item, place))
        except SourceFormatError as error:
            skipped.append(Skipped(place=place, problem=str(error)))
    if len(items) > MOST_ENTRIES:
        skipped.append(Skipped(place=name, problem=f"has more than {MOST_ENTRIES:,} items: the rest was not read"))
    return Document(
        entries=entries, skipped=skipped, base=_text(feed, "home_page_url"), next_url=_text(feed, "next_url")
    )


def _entry(item: Any, place: str) -> Entry:
    if not isinstance(item, dict):
        raise SourceFormatError("is not a JSON object")
    if any(has_marks(key) for key in item):
        raise SourceFormatError("the name of one of its fields is damaged")
    guid = _text(item, "id")
    if not guid:
        # The standard insists: an item without an id must be discarded.
        raise SourceFormatError("no id")
    stated_day = _text(item, "date_published")
    day = believable(_day(stated_day))
    if day is None:
        stated_day += _text(item, "date_modified")
        day = believable(_day(_text(item, "date_modified")))
    return Entry(
        place=place,
        guid=guid,
        links=tuple(link for key in ("url", "external_url") if (link := _text(item, key))),
        identifiers=tuple(found for key in ("doi", "_doi") if (found := _text(item, key))),
        title=_text(item, "title"),
        texts=(_text(item, "content_html"), html.escape(_text(item, "content_text")), _text(item, "summary")),
        authors=tuple(_authors(item)),
        tags=tuple(tag for tag in _list(item, "tags") if isinstance(tag, str)),
        stated_day=stated_day,
        day=day,
    )


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        # The standard asks readers to take a number for the text that it should have been.
        value = str(value)
    return value.strip() if isinstance(value, str) else ""


def _list(fields: dict[str, Any], key: str) -> list[Any]:
    value = fields.get(key)
    return value if isinstance(value, list) else []


def _authors(item: dict[str, Any]) -> Iterator[str]:
    # "author" is version 1.0's.
    for author in (*_list(item, "authors"), item.get("author")):
        if isinstance(author, dict) and (name := _text(author, "name")):
            yield name


def _day(text: str) -> date | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
    except (ValueError, OverflowError):
        found = _DAY.match(text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
