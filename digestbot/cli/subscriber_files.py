"""Subscribers files: CSV with a line for each subscriber, read with every row checked, and written. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from digestbot.cli.addresses import valid_address
from digestbot.cli.choices import Choices
from digestbot.cli.delimited import DELIMITERS, Layout, Lines, Record, cells_of, is_too_long, records
from digestbot.cli.output import printable
from digestbot.errors import DigestbotError, SourceFormatError, UsageError

if TYPE_CHECKING:
    from digestbot.models import SubscriberState
    from digestbot.store import Preferences
    from digestbot.store.subscribers import Enrolment

COLUMNS = (
    "email",
    "timezone",
    "send_at",
    "days",
    "papers",
    "state",
    "language",
    "categories",
    "follows",
    "mutes",
)
_TIMES = ("timezone", "send_at", "days", "papers", "language")
_INTERESTS = ("categories", "follows", "mutes")
_MOST_PAPERS = 50
_LONGEST_NAME = 80
_LONGEST_PROBLEM = 300
# Most subscribers choose what others do too, and have their mail where others have it. All of these are short but
# what is followed and muted.
_MOST_KEPT = 10_000
_MOST_INTERESTS_KEPT = 1_000
# What email-validator takes in front of an @ whatever stands behind it (RFC 5321, sections 4.1.2 and 4.5.3.1).
_PLAIN_LOCAL_PART = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*", re.IGNORECASE)
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254
# "status" is nearer to "state", "notes" not so near to "mutes".
_NEARNESS = 0.7
# A spreadsheet's way to say the delimiter, in a line before the header.
_HINT = re.compile(r'"?sep=.?"?\s*\Z', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row that can be taken, and its line."""

    line: int
    enrolment: Enrolment


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A row that is not taken: what it says is wrong, its address came before, or must not be mailed."""

    line: int
    email: str
    kind: Literal["bad", "repeated", "suppressed"]
    problem: str


class SubscriberFile:
    """The rows of a file, once; ``ignored`` are the columns that mean nothing here.

    Making one reads the header. Raises ``SourceFormatError`` when that does not name an ``email`` column.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._lines = Lines(file)
        delimiter, header = _header(self._lines)
        self._places = {name: place for place, name in enumerate(map(_plain, header)) if name in COLUMNS}
        self.ignored = tuple(name for name in map(_shown, header) if name and _plain(name) not in COLUMNS)
        self._layout = Layout(delimiter=delimiter, width=len(header), in_one_line=tuple(self._places.values()))

    def __iter__(self) -> Iterator[Row | Problem]:
        """Yield every row as what it enrols or what is wrong with it; of an address that comes twice the first."""
        first_lines: dict[str, int] = {}
        for record in records(self._lines, self._layout):
            try:
                enrolment = self._enrolment(record)
            except DigestbotError as error:
                yield Problem(line=record.line, email=self._address(record), kind="bad", problem=_problem(error))
                continue
            first = first_lines.setdefault(enrolment.email.lower(), record.line)
            if first == record.line:
                yield Row(line=record.line, enrolment=enrolment)
            else:
                problem = f"came in line {first} already, and that counts; take one of them out"
                yield Problem(line=record.line, email=enrolment.email, kind="repeated", problem=problem)

    def _enrolment(self, record: Record) -> Enrolment:
        from digestbot.store.subscribers import Enrolment

        if record.problem:
            raise SourceFormatError(record.problem)
        if len(record.cells) > self._layout.width and any(map(str.strip, record.cells[self._layout.width :])):
            raise SourceFormatError(
                f"has {len(record.cells)} cells, and the header {self._layout.width};"
                " put a cell with the delimiter in it between quotation marks"
            )
        cells = {name: self._cell(record, name) for name in self._places}
        if "\ufffd" in "".join(cells.values()):
            raise SourceFormatError("is not UTF-8; save the file as UTF-8")
        if not cells["email"]:
            raise UsageError("has no mail address; fill it in")
        return Enrolment(
            email=address_of(cells["email"]),
            state=_state(cells.get("state", "")),
            preferences=_preferences(cells),
        )

    def _address(self, record: Record) -> str:
        return _shown(self._cell(record, "email"))

    def _cell(self, record: Record, name: str) -> str:
        # A row that ends early has chosen nothing in the columns that are left.
        place = self._places[name]
        return record.cells[place].strip() if place < len(record.cells) else ""


def address_of(text: str) -> str:
    """Return what ``valid_address`` does, for many addresses: it looks at each letter of each domain."""
    local, _, domain = text.rpartition("@")
    if len(local) <= _LONGEST_LOCAL_PART and _PLAIN_LOCAL_PART.fullmatch(local) and local.isascii():
        with suppress(UsageError):
            address = f"{local}@{_domain_of(domain)}"
            if max(len(address), len(text)) <= _LONGEST_ADDRESS:
                return address
    return valid_address(text)


@lru_cache(maxsize=_MOST_KEPT)
def _domain_of(text: str) -> str:
    return valid_address(f"x@{text}").partition("@")[2]


def header_line() -> str:
    """Return the line that begins a file."""
    return _line(COLUMNS)


def line_of(enrolment: Enrolment) -> str:
    """Return the line that is read as this enrolment."""
    chosen = enrolment.preferences
    cells: Mapping[str, object] = {
        "email": enrolment.email,
        "timezone": chosen.timezone,
        "send_at": chosen.send_at,
        "days": chosen.days,
        "papers": chosen.papers,
        "state": enrolment.state,
        "language": chosen.language,
        "categories": ", ".join(chosen.categories or ()),
        "follows": _line(chosen.follows or (), delimiter=";").strip(),
        "mutes": _line(chosen.mutes or (), delimiter=";").strip(),
    }
    return _line(tuple("" if cells[name] is None else str(cells[name]) for name in COLUMNS))


def _header(lines: Lines) -> tuple[str, list[str]]:
    line: str | None = "\n"
    while line is not None and (not line.strip() or _HINT.match(line)):
        line = lines.take()
    if line is None:
        raise SourceFormatError(f"is empty; its first line must name the columns: {', '.join(COLUMNS)}")
    if "\0" in line or is_too_long(line):
        raise SourceFormatError("is no table of text; save it as CSV in UTF-8, with a line for each subscriber")
    columns = {delimiter: cells_of(line, delimiter) for delimiter in DELIMITERS}
    delimiter = max(columns, key=lambda one: len(set(COLUMNS).intersection(map(_plain, columns[one]))))
    header = columns[delimiter]
    plain = list(map(_plain, header))
    if "email" not in plain:
        raise SourceFormatError(
            f"the first line must name the columns, one of them email; it is '{_shown(line)}'."
            f" There are: {', '.join(COLUMNS)}"
        )
    for name, said in zip(plain, header, strict=True):
        if name in COLUMNS and plain.count(name) > 1:
            raise SourceFormatError(f"the column {name} is there {plain.count(name)} times; leave one")
        # A state that is not understood would ask those who have left to come back.
        if name not in COLUMNS and (near := get_close_matches(name, COLUMNS, 1, _NEARNESS)):
            raise SourceFormatError(
                f"the column '{_shown(said)}' means nothing here; is it {near[0]}? Rename it, or take it out"
            )
    return delimiter, header


def _plain(name: str) -> str:
    """Return the name of a column as ours are written, where it is one: ``Send At``, ``e-mail``, ``Email Address``."""
    letters = re.sub(r"[\W_]", "", name).lower()
    if letters == "emailaddress":
        return "email"
    return next((column for column in COLUMNS if column.replace("_", "") == letters), letters)


@lru_cache(maxsize=_MOST_INTERESTS_KEPT)
def _state(text: str) -> SubscriberState:
    from digestbot.models import SubscriberState

    if not text:
        return SubscriberState.PENDING
    try:
        return SubscriberState(text.lower())
    except ValueError as error:
        raise UsageError(f"'{text}' is not a state; use {', '.join(SubscriberState)}") from error


def _preferences(cells: Mapping[str, str]) -> Preferences:
    from digestbot.store import Preferences

    times = _times(*(cells.get(name, "") for name in _TIMES))
    interests = _interests(*(cells.get(name, "") for name in _INTERESTS))
    return Preferences(
        timezone=times.timezone,
        send_at=times.send_at,
        days=times.days,
        papers=times.papers,
        language=times.language,
        categories=interests.categories,
        follows=interests.follows,
        mutes=interests.mutes,
    )


@lru_cache(maxsize=_MOST_KEPT)
def _times(timezone: str, send_at: str, days: str, papers: str, language: str) -> Preferences:
    return Choices.read(
        timezone=timezone or None,
        send_at=send_at or None,
        days=days or None,
        papers=_papers(papers) if papers else None,
        language=language or None,
        categories=None,
        follow=(),
        mute=(),
    ).after(None)


@lru_cache(maxsize=_MOST_INTERESTS_KEPT)
def _interests(categories: str, follows: str, mutes: str) -> Preferences:
    return Choices.read(
        timezone=None,
        send_at=None,
        days=None,
        papers=None,
        language=None,
        categories=categories or None,
        follow=_texts(follows),
        mute=_texts(mutes),
    ).after(None)


def _papers(text: str) -> int:
    if not (text.isdecimal() and len(text) < 3 and 1 <= int(text) <= _MOST_PAPERS):
        raise UsageError(f"'{text}' is not a number of papers; use 1 to {_MOST_PAPERS}")
    return int(text)


def _texts(cell: str) -> list[str]:
    """Return what stands between the semicolons of a cell; a text with one in it has quotation marks around it."""
    found = next(csv.reader([cell], delimiter=";", skipinitialspace=True), [])
    return [text.strip() for text in found if text.strip()]


def _line(cells: tuple[str, ...], delimiter: str = ",") -> str:
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return made.getvalue()


def _problem(error: DigestbotError) -> str:
    return _shown(str(error), _LONGEST_PROBLEM)


def _shown(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return text from somebody's file as it can be shown: in one line, of a long one the beginning and the end."""
    line = " ".join(printable(text).split())
    return line if len(line) <= longest else f"{line[: longest // 2]} ... {line[-(longest // 2) :]}"
