"""Papers from tables: CSV whose header line names the keys of a paper file, or the fields of Zotero."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from digestbot.errors import SourceFormatError
from digestbot.identifiers import doi_of
from digestbot.models import Paper
from digestbot.sources import Skipped, bibliographies
from digestbot.sources.bibliographies import NOT_UTF_8, Reference, identifier_named
from digestbot.sources.json_lines import MAX_LINE, paper_of
from digestbot.sources.text import one_line

_COLUMNS = ("id", "title", "abstract", "authors", "categories", "announced", "url", "pdf_url", "doi", "comment")
_KNOWN = frozenset((*_COLUMNS, "upvotes"))
_NAMING = ("id", "doi", "url")
# What Zotero calls differently. A table of its kind has none of our own columns but those that are called the same.
_ZOTERO = frozenset(("author", "abstract note", "date", "publication year", "extra"))
_SHARED = frozenset(("title", "doi", "url"))
_DELIMITERS = ",;\t"
# A spreadsheet's way to say the delimiter, in a line before the header.
_HINT = re.compile(r'"?sep=.?"?\s*\Z', re.IGNORECASE)


def parse(lines: Iterable[bytes], *, name: str, default_day: date) -> Iterator[Paper | Skipped]:
    """Parse the lines of a table; what is broken is skipped with the line that it starts on, the rest is taken.

    The delimiter is the one that makes most sense of the header: comma, semicolon or tab. An entry without id takes
    it from its ``doi`` or ``url``; a table of Zotero's is read like any bibliography. Raises ``SourceFormatError`` when
    a column that is needed is missing.
    """
    texts = _Texts(lines)
    header = next((line for line in texts if line.strip() and not _HINT.match(line)), None)
    if header is None:
        return
    delimiter, columns = _header(header, name)
    paper = _listed if _is_zotero(columns) else _paper
    before = texts.number
    rows = csv.reader(texts, delimiter=delimiter)
    while True:
        start = before + rows.line_num + 1
        try:
            row = next(rows)
            texts.check_length()
            if any(cell.strip() for cell in row):
                yield paper(_in_utf_8(dict(zip(columns, row, strict=False))), default_day)
        except StopIteration:
            return
        except csv.Error as error:
            # The reader goes on with the next line: an open quotation mark loses what the limit of a field lets it.
            yield Skipped(place=f"{name}, line {start}", problem=f"not CSV: {error}")
        except SourceFormatError as error:
            yield Skipped(place=f"{name}, line {start}", problem=str(error))


class _Texts:
    """The lines as text; bytes that are not UTF-8 become lone surrogates, so that only their row is lost."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._too_long = False
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._too_long |= len(line) > MAX_LINE
        return line.decode("utf-8-sig" if self.number == 1 else "utf-8", "surrogateescape")

    def check_length(self) -> None:
        """Raise ``SourceFormatError`` when a line since the last check was beyond the limit."""
        too_long, self._too_long = self._too_long, False
        if too_long:
            raise SourceFormatError(f"longer than {MAX_LINE:,} bytes")


def _header(line: str, name: str) -> tuple[str, list[str]]:
    choices = {delimiter: _columns(line, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(choices, key=lambda one: len((_KNOWN | _ZOTERO).intersection(choices[one])))
    columns = choices[delimiter]
    missing = [] if "title" in columns else ["title"]
    if not _is_zotero(columns) and not any(column in columns for column in _NAMING):
        missing.insert(0, "id (or doi, or url)")
    if missing:
        raise SourceFormatError(f"{name}: the first line must name the columns, and lacks {' and '.join(missing)}")
    return delimiter, columns


def _columns(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [one_line(cell).lower() for cell in cells]


def _is_zotero(columns: list[str]) -> bool:
    return not _ZOTERO.isdisjoint(columns) and _KNOWN.intersection(columns) <= _SHARED


def _in_utf_8(cells: dict[str, str]) -> dict[str, str]:
    if any(NOT_UTF_8.search(cell) for cell in cells.values()):
        raise SourceFormatError("not UTF-8; save the file as UTF-8")
    return cells


def _listed(cells: dict[str, str], default_day: date) -> Paper:
    return bibliographies.paper_of(
        Reference(
            title=cells.get("title", ""),
            abstract=cells.get("abstract note", ""),
            authors=cells.get("author", "").split(";"),
            doi=cells.get("doi", ""),
            url=cells.get("url", ""),
            notes=cells.get("extra", "").splitlines(),
            dates=[cells.get("date", ""), cells.get("publication year", "")],
        ),
        default_day=default_day,
    )


def _paper(cells: dict[str, str], default_day: date) -> Paper:
    entry: dict[str, Any] = {column: cells.get(column, "") for column in _COLUMNS}
    entry["id"] = one_line(entry["id"]) or identifier_named(doi=entry["doi"], url=entry["url"])
    if not entry["id"]:
        raise SourceFormatError("no id, and none follows from doi or url")
    entry["doi"] = doi_of(entry["doi"]) or entry["doi"]
    entry["authors"] = entry["authors"].split(";")
    entry["categories"] = re.split(r"[;,\s]", entry["categories"])
    upvotes = cells.get("upvotes", "").strip()
    entry["upvotes"] = int(upvotes) if upvotes.isdecimal() and len(upvotes) < 17 else upvotes or None
    return paper_of(entry, default_day=default_day)
