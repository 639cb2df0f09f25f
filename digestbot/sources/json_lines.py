"""JSON lines, one paper each, and what an entry with the keys of a paper file must be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from digestbot.errors import SourceFormatError
from digestbot.identifiers import address_of, paper_id
from digestbot.models import Paper
from digestbot.sources import Skipped
from digestbot.sources.text import UNSEEN, one_line, web_address

MAX_LINE = 1_000_000
_ID = re.compile(r"[^\s:]+:[^\s]+\Z")


def parse(lines: Iterable[bytes], *, name: str, default_day: date) -> Iterator[Paper | Skipped]:
    """Parse JSON lines; what is broken is skipped with its place, the rest is taken."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield parse_paper(line, default_day=default_day)
        except SourceFormatError as error:
            yield Skipped(place=f"{name}, line {number}", problem=str(error))


def parse_paper(line: bytes, *, default_day: date) -> Paper:
    """Parse one line of a paper file."""
    if len(line) > MAX_LINE:
        raise SourceFormatError(f"longer than {MAX_LINE:,} bytes")
    try:
        entry = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceFormatError(f"not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise SourceFormatError("not a JSON object")
    return paper_of(entry, default_day=default_day)


def paper_of(entry: Mapping[str, Any], *, default_day: date) -> Paper:
    """Return the paper that an entry with the keys of a paper file describes; unknown keys are ignored."""
    identifier = _string(entry, "id")
    title = one_line(_string(entry, "title"))
    if not identifier:
        raise SourceFormatError("no id")
    # One form whoever wrote it: a paper is one work, whatever its versions.
    identifier = paper_id(identifier) or identifier
    if not _ID.match(identifier) or UNSEEN.search(identifier) or len(identifier) > 300:
        raise SourceFormatError(f"id {identifier[:80]!r} is not source:identifier without blanks")
    if not title:
        raise SourceFormatError(f"{identifier}: no title")
    return Paper(
        id=identifier,
        title=title,
        abstract=one_line(_string(entry, "abstract")),
        authors=tuple(_strings(entry, "authors")),
        categories=tuple(_strings(entry, "categories")),
        announced=_day(entry, default_day),
        url=_url(entry, "url") or address_of(identifier),
        pdf_url=_url(entry, "pdf_url"),
        doi=one_line(_string(entry, "doi")),
        comment=one_line(_string(entry, "comment")),
        upvotes=_upvotes(entry),
    )


def _string(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SourceFormatError(f"{key} is not text")
    return value.strip()


def _strings(entry: Mapping[str, Any], key: str) -> Iterator[str]:
    value = entry.get(key)
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise SourceFormatError(f"{key} is not a list of texts")
    yield from (clean for part in value if (clean := one_line(part)))


def _day(entry: Mapping[str, Any], default_day: date) -> date:
    text = _string(entry, "announced")
    if not text:
        return default_day
    try:
        # fromisoformat alone would also take 20250520 and 2025-W21-2.
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise SourceFormatError(f"announced {text[:40]!r} is not a day (YYYY-MM-DD)") from error


def _url(entry: Mapping[str, Any], key: str) -> str:
    url = _string(entry, key)
    # Only what a reader may safely click goes into a mail.
    if url and not web_address(url):
        raise SourceFormatError(f"{key} {url[:80]!r} is not an http address")
    return url


def _upvotes(entry: Mapping[str, Any]) -> int:
    value = entry.get("upvotes")
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise SourceFormatError("upvotes is not a whole number from 0")
    return value
