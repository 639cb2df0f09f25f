"""arXiv's OAI-PMH 2.0: every record that changed on some days, with all its versions (``arXivRaw``).

Format: info.arxiv.org/help/oa/index.html. A record's datestamp is the day of its last change: bulk edits touch old
papers, so it alone does not say that anything was announced.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from lxml import etree

from digestbot.announcements import Expected, announcement_day, expected
from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.identifiers import address_of, arxiv_id
from digestbot.models import Paper
from digestbot.sources import Skipped
from digestbot.sources.arxiv.names import day_of, instant_of, split_authors
from digestbot.sources.client import Client, Lane
from digestbot.sources.text import one_line
from digestbot.sources.xml import root_of

_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_RAW = "{http://arxiv.org/OAI/arXivRaw/}"
_MONTH_OF_ID = re.compile(r"arxiv:(\d\d)(\d\d)\.")
_RESTARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: the paper as it is now, the day it last changed, and when each version came in, the first first."""

    paper: Paper
    datestamp: date
    versions: Sequence[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list; ``token`` asks for the next one and is empty on the last."""

    records: Sequence[Record] = ()
    skipped: Sequence[Skipped] = ()
    token: str = ""


class ExpiredTokenError(SourceUnavailableError):
    """The list has to be begun again."""


def announced_on(record: Record, first: date, last: date) -> date | None:
    """Return the day a record was announced on, if that was first done from ``first`` to ``last``; else ``None``.

    Its id is of the month of the datestamp or the one before, and it has one version or its first version is of
    these days. With several versions the datestamp is that of the newest, so the first version's date counts.
    """
    found = _MONTH_OF_ID.match(record.paper.id)
    stamp = record.datestamp
    before = stamp.replace(day=1) - timedelta(days=1)
    if not found or (2000 + int(found[1]), int(found[2])) not in {
        (stamp.year, stamp.month),
        (before.year, before.month),
    }:
        return None
    submitted = record.versions[0]
    day = min(announcement_day(submitted), stamp)
    if len(record.versions) == 1:
        # On a weekend nothing is announced: then the record was edited, after it had been announced.
        return day if expected(stamp) == Expected.NO and day >= first else stamp
    return day if first <= day <= last or first <= submitted.date() <= last else None


def parse_page(body: bytes, *, asked_with: Collection[str] = (), asked_for: Mapping[str, str] | None = None) -> Page:
    """Parse the answer to ListRecords; a broken record is skipped with its place, a deleted one passed over.

    ``asked_with`` are the tokens that were used: a page that gives one of them again is one from before.
    ``asked_for`` are the values of the query, which the page repeats. Raises ``SourceFormatError``,
    ``ExpiredTokenError``, or ``SourceUnavailableError`` with what the server says.
    """
    root = root_of(body, "arxiv")
    if root.tag != f"{_OAI}OAI-PMH":
        raise SourceFormatError(f"arxiv: not OAI-PMH but <{etree.QName(root).localname}>")
    if not _answers(root.find(f"{_OAI}request"), asked_for or {}):
        raise SourceFormatError("arxiv: OAI-PMH answers what was not asked")
    problem = root.find(f"{_OAI}error")
    if problem is not None:
        return _said(problem)
    listed = root.find(f"{_OAI}ListRecords")
    if listed is None:
        raise SourceFormatError("arxiv: OAI-PMH without a list of records")
    records, skipped = [], []
    for number, element in enumerate(listed.iterfind(f"{_OAI}record"), 1):
        header = element.find(f"{_OAI}header")
        if header is not None and header.get("status") == "deleted":
            continue
        try:
            records.append(_record(element))
        except SourceFormatError as error:
            skipped.append(Skipped(place=f"arxiv OAI, record {number}", problem=str(error)))
    token = (listed.findtext(f"{_OAI}resumptionToken") or "").strip()
    if token in asked_with:
        raise SourceFormatError("arxiv: OAI-PMH sends the same page again")
    return Page(records=records, skipped=skipped, token=token)


def _answers(request: etree._Element | None, asked_for: Mapping[str, str]) -> bool:
    """Return whether a page is to the query that was sent, as far as it says: OAI-PMH 2.0, section 3.2."""
    if request is None or not asked_for:
        return True
    if "resumptionToken" in request.attrib and "resumptionToken" not in asked_for:
        return False
    said = {name: request.get(name, asked) for name, asked in asked_for.items() if name in ("set", "from")}
    # Days may come back with a time.
    return all(said[name] == asked_for[name] or said[name].startswith(f"{asked_for[name]}T") for name in said)


def _said(problem: etree._Element) -> Page:
    code = problem.get("code", "")
    if code == "noRecordsMatch":
        return Page()
    text = f"arxiv: OAI-PMH says {code}: {one_line(problem.text or '')[:200]}"
    raise ExpiredTokenError(text) if code == "badResumptionToken" else SourceUnavailableError(text)


def _record(element: etree._Element) -> Record:
    raw = element.find(f"{_OAI}metadata/{_RAW}arXivRaw")
    if raw is None:
        raise SourceFormatError("no arXivRaw metadata")
    fields: dict[str, str] = {}
    versions: list[datetime | None] = []
    for child in raw:
        name = str(child.tag).removeprefix(_RAW)
        if name == "version":
            versions.append(instant_of(child.findtext(f"{_RAW}date") or ""))
        else:
            fields.setdefault(name, child.text or "")
    stated = one_line(fields.get("id") or element.findtext(f"{_OAI}header/{_OAI}identifier") or "")
    identifier = arxiv_id(stated)
    if identifier is None:
        raise SourceFormatError(f"id {stated[:80]!r} is not arXiv's")
    datestamp = day_of(element.findtext(f"{_OAI}header/{_OAI}datestamp") or "", UTC)
    if datestamp is None:
        raise SourceFormatError(f"{identifier}: no datestamp")
    title = one_line(fields.get("title", ""))
    if not title:
        raise SourceFormatError(f"{identifier}: no title")
    known = [version for version in versions if version is not None]
    if not known or len(known) != len(versions):
        raise SourceFormatError(f"{identifier}: a version without a date")
    paper = Paper(
        id=identifier,
        title=title,
        abstract=one_line(fields.get("abstract", "")),
        authors=split_authors(fields.get("authors", "")),
        categories=tuple(dict.fromkeys(fields.get("categories", "").split())),
        announced=datestamp,
        url=address_of(identifier),
        doi=one_line(fields.get("doi", "")),
        comment=one_line(fields.get("comments", "")),
    )
    return Record(paper=paper, datestamp=datestamp, versions=known)


async def harvest(client: Client, lane: Lane, *, url: str, of: str, first: date) -> AsyncIterator[Page]:
    """Yield, page by page, every record of the set ``of`` that changed since ``first``.

    When a resumption token has expired, the list begins again at the last day that was seen; records repeat then.
    """
    start, token, restarts = first, "", 0
    used: list[str] = []
    while True:
        if token:
            used.append(token)
            query = {"verb": "ListRecords", "resumptionToken": token}
        else:
            query = {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "set": of, "from": start.isoformat()}
        try:
            page = await client.read(
                f"{url}?{urlencode(query)}", partial(parse_page, asked_with=used, asked_for=query), lane=lane
            )
        except ExpiredTokenError:
            restarts += 1
            if restarts > _RESTARTS:
                raise
            token = ""
            used.clear()
            continue
        yield page
        start = max([start, *(record.datestamp for record in page.records)])
        token = page.token
        if not token:
            return
