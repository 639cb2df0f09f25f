"""Papers from CSL-JSON, as Zotero and others export it, and from Zotero's own JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from digestbot.sources import Skipped, zotero
from digestbot.sources.bibliographies import Reference, check_size_and_encoding, papers

_HINTS = ("number", "container-title", "volume", "URL", "archive_location", "publisher", "source", "page")
_NAME = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")


def parse(content: bytes, *, name: str, default_day: date) -> Iterator[Paper | Skipped]:
    """Parse a list of entries; one that is broken is skipped with its number, the rest is taken."""
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        return iter(())
    try:
        entries = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceFormatError(f"{name}: not JSON: {error}") from error
    if isinstance(entries, dict):
        # Zotero's programs wrap the list; one entry alone comes without one.
        entries = entries.get("items", [entries])
    if not isinstance(entries, list):
        raise SourceFormatError(f"{name}: is no CSL-JSON: not a list of entries")
    placed = (
        (f"{name}, entry {number}", entry) for number, entry in enumerate(entries, 1) if not zotero.is_attached(entry)
    )
    return papers(placed, _reference, default_day=default_day)


def _reference(entry: Any) -> Reference:
    if not isinstance(entry, dict):
        raise SourceFormatError("not a JSON object")
    if own := zotero.entry_of(entry):
        return zotero.reference(own)
    fields = {key: _text(value) for key, value in entry.items()}
    check_size_and_encoding("".join(fields.values()))
    if entry.get("title") and not fields["title"]:
        raise SourceFormatError("title is not text")
    archive = fields.get("archive", "").lower()
    return Reference(
        title=fields.get("title", ""),
        abstract=fields.get("abstract", ""),
        authors=_names(entry.get("author")),
        eprint=fields.get("archive_location", "") if archive == "arxiv" else "",
        doi=fields.get("DOI", ""),
        url=fields.get("URL", ""),
        hints=[fields.get(key, "") for key in _HINTS],
        # Zotero's field for whatever has no field: one thing a line.
        notes=fields.get("note", "").splitlines(),
        dates=[_date(entry.get("issued"))],
    )


def _text(value: Any) -> str:
    """Return text, a whole number, or the first of a list, as one service writes titles; else nothing.

    A number with a point is no id: 2503.02130 has become 2503.0213.
    """
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else ""
    return value if isinstance(value, str) else ""


def _names(people: Any) -> list[str]:
    if people is None:
        return []
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise SourceFormatError("author is not a list of names")
    return [
        " ".join(part for key in _NAME if (part := _text(person.get(key)))) or _text(person.get("literal"))
        for person in people
    ]


def _date(issued: Any) -> str:
    """Return ``date-parts`` of numbers or texts as ``2023-6-29``, or the date as somebody wrote it."""
    if not isinstance(issued, dict):
        return _text(issued)
    parts = issued.get("date-parts")
    first = parts[0] if isinstance(parts, list) and parts else None
    if isinstance(first, list) and first:
        return "-".join(_text(part).strip() for part in first)
    return _text(issued.get("raw")) or _text(issued.get("literal"))
