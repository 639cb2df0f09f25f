"""Papers from RIS, with what programs make of it: byte order marks, numbered records, values over several lines.

Read here and not with rispy, which takes quadratic time for values of many lines, knows no line numbers, and makes
one record of two when the end of the first is missing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from digestbot.sources import Skipped
from digestbot.sources.bibliographies import Reference, check_size_and_encoding, papers, text_of

# A record may be numbered on its first line. Two small letters may be a word, as in "is - by night".
_TAG = re.compile(
    r"\s{0,3}(?:\d{1,6}\.\s{1,3}(?=[Tt][Yy]\s))?([A-Z][A-Z0-9](?=\s{1,3}-)|[A-Za-z][A-Za-z0-9](?=  -))\s{1,3}-(?:\s|\Z)"
)
_NUMBER = re.compile(r"\s{0,3}\d{1,6}\.\s*\Z")
_OTHERS = (
    (re.compile(r"^(?:FN |PT [A-Z]$)", re.MULTILINE), "a Web of Science export"),
    (re.compile(r"^%0 ", re.MULTILINE), "an EndNote export"),
    (re.compile(r"^PMID- ", re.MULTILINE), "a PubMed export"),
)
# Number, journal, volume, address, then where astronomers and publishers keep the id.
_HINTS = ("IS", "M1", "JO", "JF", "JA", "T2", "VL", "SP", "C7", "AN", "PB", "M3", "UR", "L1", "L2", "LK", "DO")


def parse(content: bytes, *, name: str, default_day: date) -> Iterator[Paper | Skipped]:
    """Parse an RIS file; a record that is broken is skipped with its line, the rest is taken."""
    text = text_of(content)
    lines = text.split("\n")
    if text.strip() and not any(_tag(line) == "TY" for line in lines):
        kind = next((f"looks like {kind}" for shape, kind in _OTHERS if shape.search(text)), "has no line 'TY  - '")
        raise SourceFormatError(f"{name}: is no RIS, it {kind}; export it again as RIS or BibTeX")
    entries = ((f"{name}, line {number}", record) for number, record in _records(lines))
    return papers(entries, _reference, default_day=default_day)


def _records(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's lines with the number of its first; where its end is missing, it ends before the next.

    Last come, as if they were a record, the lines that stand in none.
    """
    record: list[str] = []
    outside: list[str] = []
    start = first_outside = 0
    for number, line in enumerate(lines, 1):
        tag = _tag(line)
        if tag == "TY":
            if record:
                yield start, record
            record, start = [line], number
        elif tag == "ER" and record:
            yield start, record
            record = []
        elif record:
            record.append(line)
        elif tag != "ER" and line.strip() and not _NUMBER.match(line):
            first_outside = first_outside or number
            outside.append(line)
    if record:
        yield start, record
    if outside:
        yield first_outside, outside


def _tag(line: str) -> str:
    found = _TAG.match(line)
    return found[1].upper() if found else ""


def _reference(record: list[str]) -> Reference:
    if _tag(record[0]) != "TY":
        raise SourceFormatError(f"{len(record)} lines, this one first, belong to no record: each begins with 'TY  - '")
    check_size_and_encoding("\n".join(record))
    values = _values(record)

    def first(*tags: str) -> str:
        return next((value for tag in tags for value in values.get(tag, ()) if value), "")

    return Reference(
        title=first("TI", "T1", "CT", "BT"),
        abstract=first("AB", "N2"),
        authors=values.get("AU") or values.get("A1") or (),
        doi=first("DO"),
        url=first("UR", "LK"),
        hints=[*(value for tag in _HINTS for value in values.get(tag, ())), f"{first('JO', 'T2')} {first('IS', 'M1')}"],
        notes=values.get("N1", ()),
        dates=[value for tag in ("DA", "PY", "Y1") for value in values.get(tag, ())],
    )


def _values(record: list[str]) -> dict[str, list[str]]:
    """Return the values of each tag; a line without tag goes on with the value before it."""
    written: dict[str, list[list[str]]] = defaultdict(list)
    value: list[str] = []
    for line in record:
        if found := _TAG.match(line):
            value = [line[found.end() :].strip()]
            written[found[1].upper()].append(value)
        else:
            value.append(line.strip())
    return {tag: [" ".join(parts).strip() for parts in values] for tag, values in written.items()}
