"""Tables as other programs save them: records between commas, semicolons or tabs, each with its line. Pure.

What is broken costs its own record and no other: a quotation mark that is never closed does not take the lines that
follow it, and a line of any length takes no more memory than the longest that is read.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = ",;\t"
# In characters. What is longer is no line of a table.
LONGEST_LINE = 100_000
# An address book's notes may have line breaks; more than these are rather a quotation mark that is never closed.
_MOST_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a table is to be read: its delimiter, how many columns it has, and in which no line breaks can be."""

    delimiter: str
    width: int
    in_one_line: Collection[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The cells of a record, and the number of the line that it begins in.

    One that cannot be read has a ``problem``, and its line cut at the delimiters for what that is worth.
    """

    line: int
    cells: Sequence[str]
    problem: str = ""


class Lines:
    """The lines of a file as text, of UTF-8 or of UTF-16 that says so; what is no text becomes U+FFFD."""

    def __init__(self, file: io.BufferedReader) -> None:
        wide = file.peek(2).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if wide else "utf-8-sig"
        self._text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=None)
        self._again: deque[str] = deque()
        self._number = 0
        self._is_cut = False

    @property
    def number(self) -> int:
        """How many lines have been taken."""
        return self._number

    def take(self) -> str | None:
        """Return the next line, ``None`` at the end; one that is too long is cut after ``LONGEST_LINE`` characters."""
        line = self._again.popleft() if self._again else self._read()
        self._number += bool(line)
        return line or None

    def give_back(self, lines: Sequence[str]) -> None:
        """Let these, the last that were taken, be taken again."""
        self._again.extendleft(reversed(lines))
        self._number -= len(lines)

    def _read(self) -> str:
        # The rest of a line that was cut, which may be of any length, is read only when the next one is asked for.
        while self._is_cut:
            self._is_cut = is_too_long(self._text.readline(LONGEST_LINE))
        line = self._text.readline(LONGEST_LINE)
        self._is_cut = is_too_long(line)
        return line


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line by itself, none when it is not whole with this delimiter."""
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True), [])
    except csv.Error:
        return []


def records(lines: Lines, layout: Layout) -> Iterator[Record]:
    """Yield the records of the lines that are left; empty ones are left out."""
    while (first := lines.take()) is not None:
        record = _record(lines, first, layout)
        if record.problem or any(cell.strip() for cell in record.cells):
            yield record


def _record(lines: Lines, first: str, layout: Layout) -> Record:
    number = lines.number
    if is_too_long(first):
        problem = f"the line is longer than {LONGEST_LINE:,} characters; shorten it"
    elif "\0" in first:
        problem = "the line has a NUL byte, which no text has; save the file as text in UTF-8"
    else:
        cells = _cells(lines, first, layout)
        if cells is not None:
            return Record(line=number, cells=cells)
        problem = "a quotation mark is not closed, or stands where none can; take it out, or close it"
    return Record(line=number, cells=[cell.strip('" \n') for cell in first.split(layout.delimiter)], problem=problem)


def _cells(lines: Lines, first: str, layout: Layout) -> list[str] | None:
    """Read a record that begins with this line; ``None`` when it is broken, and then the next line is taken next."""
    more: list[str] = []

    def pulled() -> Iterator[str]:
        line: str | None = first
        while line is not None:
            yield line
            if is_too_long(line) or len(more) == _MOST_LINES:
                return
            line = lines.take()
            if line is not None:
                more.append(line)

    try:
        # Strict: otherwise the end of the lines would close any quotation mark.
        rows = csv.reader(pulled(), delimiter=layout.delimiter, skipinitialspace=True, strict=True)
        cells = next(rows, [])
    except csv.Error:
        pass
    else:
        if not more:
            return cells
        if len(cells) == layout.width and not any("\n" in cells[column] for column in layout.in_one_line):
            return cells
    lines.give_back(more)
    return None


def is_too_long(line: str) -> bool:
    """Return whether a line was cut."""
    return len(line) == LONGEST_LINE and not line.endswith("\n")
