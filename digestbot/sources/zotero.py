"""Entries of Zotero's own JSON, as its web service and Better BibTeX give them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from digestbot.errors import SourceFormatError
from digestbot.sources.bibliographies import Reference, check_size_and_encoding

_HINTS = ("archiveID", "number", "reportNumber", "publicationTitle", "volume", "pages", "url")
# What hangs on an entry, or lies beside them, and is no paper.
_ATTACHED = ("attachment", "note", "annotation")
_AUTHORS = ("author", "bookAuthor", None)


def entry_of(value: object) -> Mapping[str, Any] | None:
    """Return the entry, which the web service wraps in one of its own; ``None`` when it is none of Zotero's."""
    if not isinstance(value, dict):
        return None
    entry = value.get("data", value)
    return entry if isinstance(entry, dict) and ("itemType" in entry or "creators" in entry) else None


def is_attached(value: object) -> bool:
    """Return whether this is a note or a file, which may stand among the entries."""
    entry = entry_of(value)
    return entry is not None and entry.get("itemType") in _ATTACHED


def reference(entry: Mapping[str, Any]) -> Reference:
    """Return what an entry says of a paper."""
    fields = {key: value for key, value in entry.items() if isinstance(value, str)}
    check_size_and_encoding("".join(fields.values()))
    return Reference(
        title=fields.get("title", ""),
        abstract=fields.get("abstractNote", ""),
        authors=list(_names(entry.get("creators"))),
        doi=fields.get("DOI", ""),
        url=fields.get("url", ""),
        hints=[fields.get(key, "") for key in _HINTS],
        # The field for whatever has no field: one thing a line.
        notes=fields.get("extra", "").splitlines(),
        dates=[fields.get("date", "")],
    )


def _names(creators: object) -> Iterator[str]:
    if creators is None:
        return
    if not isinstance(creators, list) or not all(isinstance(person, dict) for person in creators):
        raise SourceFormatError("creators is not a list of names")
    for person in creators:
        if person.get("creatorType") in _AUTHORS:
            parts = (person.get(key) for key in ("firstName", "lastName", "name"))
            yield " ".join(part for part in parts if isinstance(part, str) and part)
