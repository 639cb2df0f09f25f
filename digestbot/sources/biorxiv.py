"""bioRxiv and medRxiv: new preprints of an interval of days, by the details interface that both share.

A record is one version of a preprint: version 1 announces a paper, later ones are new texts of it. Format:
api.biorxiv.org.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.identifiers import doi_of
from digestbot.models import Paper, PaperId
from digestbot.sources import Ask, Batch, Skipped
from digestbot.sources.client import Client, lane_of
from digestbot.sources.json_text import check_utf8, read_json
from digestbot.sources.text import one_line, without_markup

Server: TypeAlias = Literal["biorxiv", "medrxiv"]

_MOST_PAGES = 20_000
# The stated total may be off by a few records: what is missing of less than a page is not asked for for ever.
_PAGE = 30
# A record may come up to two days after the day that it bears.
_LATE = timedelta(days=2)
# A digest looks back 14 days at most: what was missed longer ago is for a load with ``since``.
_REACH = timedelta(days=60)

_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)", re.ASCII)

# Marks of the submission system that abstracts still hold: figures go whole, of the others what they enclose stays.
# Up to the next beginning only: looking further from each one takes time that grows with the square of their number.
_FIGURE = re.compile(r"O_(FIG|TBL|INLINEFIG)(?:(?!O_\1).){0,4000}?C_\1", re.DOTALL)
_MARKED_HEADING = re.compile(r"O_ST_ABS(.{1,80}?)[\s:.]*C_ST_ABS", re.DOTALL)
_SMALL_CAPITALS = re.compile(r"[OC]_SCP(?:CAP|LOW)")
_MARK = re.compile(r"[OCM]_(?:ST_ABS|LINKSMALLFIG|INLINEFIG|TEXTBOX|FIG|TBL|LI|QD|UL|OL)")
_HEADINGS = (
    *("Abstract", "Aim", "Aims", "Background", "Conclusion", "Conclusions", "Discussion", "Findings", "Importance"),
    *("Interpretation", "Introduction", "Materials and Methods", "Methods and Findings", "Methods", "Motivation"),
    *("Objective", "Objectives", "Purpose", "Rationale", "Results", "Significance", "Summary"),
)
_GLUED_HEADING = re.compile(
    rf"(?<![^\W_])({'|'.join([*_HEADINGS, *(heading.upper() for heading in _HEADINGS)])})(?=[A-Z][a-z]|[AI]\s)"
)


class _UnfinishedError(SourceFormatError):
    """The page can be read and cannot be right: asking again may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version of a preprint; its paper is announced on the day of this version."""

    paper: Paper
    version: int

    @property
    def key(self) -> tuple[PaperId, int]:
        return self.paper.id, self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an interval.

    ``received`` counts broken records too; ``total`` is how many the interval has, ``None`` when that is not said;
    ``damaged`` says that some are not UTF-8.
    """

    records: tuple[Record, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    received: int = 0
    total: int | None = None
    damaged: bool = False


class BiorxivSource:
    """The preprints of one of the two servers, all or those of some categories.

    Each load asks for the days since the last one, and two more. The cursor is the day of the last whole load.
    """

    def __init__(self, client: Client, *, name: Server, url: str, categories: Sequence[str], pace: float) -> None:
        self.name: str = name
        self._server: Server = name
        self._client = client
        self._base = _base(url, name)
        self._categories = frozenset(_category_key(category) for category in categories)
        self._pace = pace

    async def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        """Yield the records of an interval a page at a time; the last one has the new texts and the cursor.

        New texts are held back until it is known which version is the newest. An interval without any record moves
        nothing: it is asked for again.
        """
        today = ask.now.astimezone(UTC).date()
        reached = _day_reached(ask.cursor, today)
        due = max(reached or today, today - _REACH) - _LATE
        start = due if ask.since is None else ask.since
        if start > today:
            return
        # With a later ``since`` the days from the cursor to it are still missing.
        moves = start <= due
        asked = f"{start} to {today}"
        if reached is None and moves:
            # Should this first load fail, a later day's load still begins with these days.
            yield Batch(asked=asked, cursor=today.isoformat())
        seen: set[tuple[PaperId, int]] = set()
        newer: dict[PaperId, Record] = {}
        announced: set[tuple[PaperId, int]] = set()
        position = 0
        total: int | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(f"{self._base}/{start}/{today}/{position}/json", position, total, seen)
            position += page.received
            total = page.total if page.total is not None else total
            whole = page.received == 0 or (total is not None and position >= total)
            fresh = [record for record in page.records if record.key not in seen and self._wanted(record)]
            seen |= {record.key for record in page.records}
            first = _announced(fresh, newer)
            known = await ask.known([record.paper.id for record in first])
            new = [record for record in first if record.paper.id not in known]
            announced |= {record.key for record in new}
            yield Batch(
                papers=[record.paper for record in new],
                # A later version may stand on a later page: the first text of a known paper must not come back.
                mentions=[record.paper for record in first if record.paper.id in known],
                replacements=[one.paper for one in newer.values() if one.key not in announced] if whole else (),
                skipped=page.skipped,
                asked=asked,
                cursor=today.isoformat() if whole and moves and position > 0 else "",
                total=total,
            )
            if whole:
                return
        raise SourceUnavailableError(f"{self.name}: {asked} does not end after {_MOST_PAGES} pages")

    async def _page(self, url: str, position: int, total: int | None, seen: AbstractSet[tuple[PaperId, int]]) -> Page:
        empty = 0

        def parse(body: bytes) -> Page:
            nonlocal empty
            page = parse_page(body, server=self._server, position=position)
            expected = page.total if page.total is not None else total
            if page.received == 0 and expected is not None and position < expected:
                empty += 1
                problem = f"sent nothing from record {position + 1} of {expected}"
                if empty == 1 or position == 0 or expected - position >= _PAGE:
                    raise _UnfinishedError(f"{self.name}: {problem}")
                return replace(page, skipped=(Skipped(place=self.name, problem=f"{problem}, twice"),))
            if page.records and all(record.key in seen for record in page.records):
                raise _UnfinishedError(f"{self.name}: sent an earlier page again from record {position + 1}")
            return page

        lane = lane_of(self._base, self._pace)
        try:
            page = await self._client.read(url, parse, lane=lane)
            return await self._client.read(url, parse, lane=lane) if page.damaged else page
        except _UnfinishedError as error:
            raise SourceUnavailableError(str(error)) from error

    def _wanted(self, record: Record) -> bool:
        return not self._categories or any(
            _category_key(category) in self._categories for category in record.paper.categories
        )


def parse_page(body: bytes, *, server: Server, position: int = 0) -> Page:
    """Parse the page of an interval that begins behind ``position`` records.

    Raises ``SourceFormatError`` when it is none, or when the service says that something went wrong; a broken
    record is skipped with its place.
    """
    answer, whole = read_json(body, name=server)
    message = _message(answer, server)
    status = one_line(_text(message, "status"))
    nothing = status.lower().startswith("no posts found")
    if status.lower() != "ok" and not nothing:
        raise SourceFormatError(f"{server}: the service says: {status[:200] or 'no status'}")
    entries = answer.get("collection", [] if nothing else None)
    if not isinstance(entries, list):
        raise SourceFormatError(f"{server}: no collection of records")
    records = []
    skipped = []
    for number, entry in enumerate(entries, position + 1):
        try:
            if not whole:
                check_utf8(entry)
            records.append(_record(entry, server))
        except SourceFormatError as error:
            skipped.append(Skipped(place=f"{server}, record {number}", problem=str(error)))
    return Page(
        records=tuple(records),
        skipped=tuple(skipped),
        received=len(entries),
        total=_number(message.get("total")),
        damaged=not whole,
    )


def _message(answer: object, server: Server) -> dict[str, Any]:
    messages = answer.get("messages") if isinstance(answer, dict) else None
    if not isinstance(messages, list) or not messages or not isinstance(messages[0], dict):
        raise SourceFormatError(f"{server}: an answer without a message")
    return messages[0]


def _record(entry: object, server: Server) -> Record:
    if not isinstance(entry, dict):
        raise SourceFormatError("not an object")
    doi = _doi(entry, "doi")
    if doi is None:
        raise SourceFormatError(f"doi {_text(entry, 'doi')[:80]!r} is none")
    version = _number(entry.get("version"))
    if not version:
        raise SourceFormatError(f"{doi}: its version is no number from 1")
    title = without_markup(one_line(_text(entry, "title")))
    if not title:
        raise SourceFormatError(f"{doi}: no title")
    published = _doi(entry, "published")
    category = one_line(_text(entry, "category"))
    paper = Paper(
        id=f"doi:{doi}",
        title=title,
        abstract=clean_abstract(_text(entry, "abstract")),
        authors=tuple(_authors(_text(entry, "authors"))),
        categories=(category,) if category else (),
        announced=_day(_text(entry, "date"), doi),
        url=f"https://www.{server}.org/content/{quote(doi, safe='/:;().,-_~')}v{version}",
        doi=", ".join(dict.fromkeys([doi, *([published] if published else [])])),
    )
    return Record(paper=paper, version=version)


def _announced(records: Sequence[Record], newer: dict[PaperId, Record]) -> list[Record]:
    """Return the papers whose first version is here, in their newest text.

    ``newer`` holds the newest later version of each paper in this load, and is kept up to date.
    """
    for record in records:
        if record.version > 1 and (record.paper.id not in newer or newer[record.paper.id].version < record.version):
            newer[record.paper.id] = record
    first: dict[PaperId, Record] = {}
    for record in records:
        if record.version == 1:
            newest = newer.get(record.paper.id, record)
            first[record.paper.id] = replace(newest, paper=replace(newest.paper, announced=record.paper.announced))
    return list(first.values())


def clean_abstract(text: str) -> str:
    """Return an abstract as one line, without markup and marks, its headings followed by a colon."""
    text = _FIGURE.sub(" ", one_line(text))
    text = _MARKED_HEADING.sub(r" \1: ", text)
    text = _MARK.sub(" ", _SMALL_CAPITALS.sub("", text))
    return one_line(_GLUED_HEADING.sub(r" \1: ", without_markup(text)))


def _doi(entry: dict[str, Any], key: str) -> str | None:
    doi = doi_of(_text(entry, key))
    return doi if doi is not None and doi.isascii() and doi.isprintable() and len(doi) <= 200 else None


def _authors(text: str) -> Iterator[str]:
    """Yield the names of ``Quill, A. B.; Vane, B.``; a group has no comma, a third part is a suffix."""
    for stated in text.split(";"):
        parts = [part for part in (one_line(part) for part in stated.split(",")) if part]
        if parts:
            yield " ".join([*parts[1:2], parts[0], *parts[2:]])


def _day(text: str, doi: str) -> date:
    """Return a day as the service writes it: unpadded at times."""
    found = _DATE.match(text)
    try:
        if found:
            return date(*(int(part) for part in found.groups()))
    except ValueError:
        pass
    raise SourceFormatError(f"{doi}: date {text[:40]!r} is not a day")


def _number(value: object) -> int | None:
    """Return a number that is sent as one or as text; ``None`` when it is neither."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,15}\s*", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _category_key(category: str) -> str:
    return " ".join(category.replace("_", " ").casefold().split())


def _base(url: str, server: Server) -> str:
    """Return the address of a server's details, of which the settings may name only the beginning."""
    url = url.rstrip("/")
    path = urlsplit(url).path
    if re.search(r"/details/[^/]+\Z", path):
        return url
    return f"{url}/{server}" if path.endswith("/details") else f"{url}/details/{server}"


def _day_reached(cursor: str, today: date) -> date | None:
    """Return the day of a cursor; ``None`` when there is none, or it cannot be ours."""
    try:
        day = date.fromisoformat(cursor.strip())
    except ValueError:
        return None
    return day if day <= today else None
