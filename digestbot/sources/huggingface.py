"""Hugging Face's daily papers: arXiv papers that its users put forward, by day, with upvotes and comments.

The day is always the one that was asked for; the times inside are not relied on. Format: ``list_daily_papers`` of
the huggingface_hub client.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any
from urllib.parse import urlencode

from digestbot.errors import SourceError, SourceFormatError, SourceUnavailableError
from digestbot.identifiers import address_of, arxiv_id
from digestbot.models import Paper, PaperId
from digestbot.sources import Ask, Batch, Skipped
from digestbot.sources.client import Client, lane_of
from digestbot.sources.json_text import check_utf8, read_json
from digestbot.sources.text import one_line

_LIMIT = 100
_MOST_PAGES = 50
_DAY = timedelta(days=1)
# Upvotes and comments are refreshed for a week.
_REFRESHED = timedelta(days=6)
# A digest looks back 14 days at most: what was missed longer ago is for a load with ``since``.
_REACH = timedelta(days=60)
_BEGAN = date(2023, 5, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a day.

    ``ids`` are those of withdrawn papers too, ``entries`` counts also the broken ones; ``damaged`` says that some
    are not UTF-8, ``repeated`` that the page was passed over because it is an earlier one.
    """

    papers: tuple[Paper, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    ids: frozenset[PaperId] = frozenset()
    entries: int = 0
    damaged: bool = False
    repeated: bool = False

    def repeats(self, seen: AbstractSet[PaperId]) -> bool:
        """Return whether nothing on this page is new."""
        return bool(self.ids) and self.ids <= seen


class HuggingFaceSource:
    """The daily papers with the votes they have now.

    Each load asks for today and yesterday, the first one of a day (in UTC) for the whole week and for what was
    missed before it. The cursor is the last day up to which all days were had.
    """

    def __init__(self, client: Client, *, url: str, pace: float) -> None:
        self.name = "huggingface"
        self._client = client
        self._url = url
        self._pace = pace

    async def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        """Yield the pages of the days asked for, the oldest day first.

        A day that fails does not stop the others; after two in a row only yesterday and today are still asked for,
        so that old days which stay broken never hide the new ones. The first error is raised at the end, and the
        cursor stays before its day.
        """
        today = ask.now.astimezone(UTC).date()
        reached = _day_reached(ask.cursor, today)
        due = _due_from(reached, today)
        start = due if ask.since is None else ask.since
        # With a later ``since`` the days from the cursor to it are still missing.
        whole = start <= due
        announced: set[PaperId] = set()
        failures: list[SourceError] = []
        failed_in_a_row = 0
        if reached is None and whole:
            # Should this first load fail, a later day's load still begins with these days.
            yield Batch(cursor=_cursor(due))
        for day in _days(max(start, _BEGAN), today):
            if failed_in_a_row >= 2 and day < today - _DAY:
                continue
            try:
                async for page in self._pages(day):
                    papers = [paper for paper in page.papers if paper.id not in announced]
                    announced |= page.ids
                    whole = whole and not page.repeated
                    yield Batch(mentions=papers, skipped=page.skipped, asked=day.isoformat())
            except SourceError as error:
                failures.append(error)
                failed_in_a_row += 1
                continue
            failed_in_a_row = 0
            if whole and not failures and (reached is None or day >= reached):
                yield Batch(asked=day.isoformat(), cursor=_cursor(day))
        if failures:
            raise failures[0]

    async def _pages(self, day: date) -> AsyncIterator[Page]:
        """Yield pages until an empty one: a page that is not full may be followed by another."""
        seen: set[PaperId] = set()
        repeated = False
        for number in range(_MOST_PAGES):
            page = await self._page(day, number)
            if page.damaged or page.repeats(seen):
                page = await self._page(day, number)
            if page.entries == 0:
                return
            if page.repeats(seen):
                skipped = Skipped(place=_place(day, number), problem="repeats what an earlier page gave")
                yield Page(skipped=(skipped,), repeated=True)
                if repeated:
                    # It does not turn pages at all.
                    return
                repeated = True
            else:
                repeated = False
                seen |= page.ids
                yield page
        raise SourceUnavailableError(f"huggingface: {day} does not end after {_MOST_PAGES} pages")

    async def _page(self, day: date, number: int) -> Page:
        url = f"{self._url}?{urlencode({'date': day.isoformat(), 'p': number, 'limit': _LIMIT})}"
        return await self._client.read(
            url, lambda body: parse_page(body, day=day, number=number), lane=lane_of(self._url, self._pace)
        )


def parse_page(body: bytes, *, day: date, number: int = 0) -> Page:
    """Parse page ``number``, from 0, of a day; papers that were withdrawn are left out.

    Raises ``SourceFormatError`` when it is no list of papers; a broken entry is skipped with its place.
    """
    entries, whole = read_json(body, name="huggingface")
    if not isinstance(entries, list):
        said = one_line(_text(entries.get("error")))[:200] if isinstance(entries, dict) else ""
        raise SourceFormatError(f"huggingface: {said or 'not a list of papers'}")
    papers: dict[PaperId, Paper] = {}
    skipped = []
    ids = set()
    for place, entry in enumerate(entries, 1):
        try:
            if not whole:
                check_utf8(entry)
            inner = _inner(entry)
            identifier = _identifier(inner)
            ids.add(identifier)
            if not inner.get("withdrawnAt"):
                papers.setdefault(identifier, _paper(inner, identifier, day, comments=entry.get("numComments")))
        except SourceFormatError as error:
            skipped.append(Skipped(place=f"{_place(day, number)}, entry {place}", problem=str(error)))
    return Page(
        papers=tuple(papers.values()),
        skipped=tuple(skipped),
        ids=frozenset(ids),
        entries=len(entries),
        damaged=not whole,
    )


def _inner(entry: object) -> dict[str, Any]:
    """Return the paper of an entry: the times beside it are shifted by hours, and so may name another day."""
    inner = entry.get("paper") if isinstance(entry, dict) else None
    if not isinstance(inner, dict):
        raise SourceFormatError("no paper in it")
    return inner


def _identifier(inner: dict[str, Any]) -> PaperId:
    stated = inner.get("id")
    identifier = arxiv_id(stated) if isinstance(stated, str) else None
    if identifier is None:
        raise SourceFormatError(f"id {_text(stated)[:80]!r} is not arXiv's")
    return identifier


def _paper(inner: dict[str, Any], identifier: PaperId, day: date, *, comments: object) -> Paper:
    title = one_line(_text(inner.get("title")))
    if not title:
        raise SourceFormatError(f"{identifier}: no title")
    return Paper(
        id=identifier,
        title=title,
        abstract=one_line(_text(inner.get("summary"))),
        authors=tuple(_authors(inner.get("authors"))),
        categories=(),
        announced=day,
        url=address_of(identifier),
        upvotes=_count(inner.get("upvotes")),
        comment_count=_count(comments),
        links=(f"https://huggingface.co/papers/{identifier.removeprefix('arxiv:')}",),
    )


def _authors(value: object) -> Iterator[str]:
    for author in value if isinstance(value, list) else []:
        if isinstance(author, dict) and not author.get("hidden") and (name := one_line(_text(author.get("name")))):
            yield name


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    """Return a count; its schema says number, so 3.0 is 3. What is none counts nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        return 0
    return int(value)


def _place(day: date, number: int) -> str:
    return f"{day}, page {number + 1}"


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + number * _DAY


def _due_from(reached: date | None, today: date) -> date:
    """Return the first day that is due: of a week, or of all that was missed, or only yesterday."""
    if reached == today:
        return today - _DAY
    week = today - _REFRESHED
    return week if reached is None else max(min(reached, week), today - _REACH)


def _cursor(day: date) -> str:
    return json.dumps({"day": day.isoformat()})


def _day_reached(cursor: str, today: date) -> date | None:
    """Return the day of a cursor; ``None`` when there is none, or it cannot be ours."""
    try:
        day = date.fromisoformat(json.loads(cursor)["day"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return day if day <= today else None
