"""arXiv's API: single papers by their ids.

Format: info.arxiv.org/help/api/user-manual.html. Ids that it does not know are simply missing in the answer, the
order is its own, and one id that it cannot read spoils the whole request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from lxml import etree

from digestbot.announcements import announcement_day
from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.identifiers import address_of, arxiv_id
from digestbot.models import Paper, PaperId
from digestbot.sources.arxiv.names import instant_of, is_category
from digestbot.sources.client import Client, lane_of
from digestbot.sources.text import one_line
from digestbot.sources.xml import root_of

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_SEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"
_COUNT = re.compile(r"[0-9]{1,9}")
_AT_ONCE = 100


class _BadIdError(SourceUnavailableError):
    """One of the ids could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArxivApi:
    """Completes single papers."""

    client: Client
    url: str
    pace: float

    async def papers(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]:
        """Return those of the papers that arXiv knows, by id. Raises ``SourceError`` when it cannot be asked."""
        found: dict[PaperId, Paper] = {}
        for start in range(0, len(ids), _AT_ONCE):
            found |= await self._some(ids[start : start + _AT_ONCE])
        return found

    async def _some(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]:
        numbers = ",".join(identifier.removeprefix("arxiv:") for identifier in ids)
        query = urlencode({"id_list": numbers, "max_results": len(ids)}, safe=",/")
        lane = lane_of("https://arxiv.org", self.pace)
        try:
            papers = await self.client.read(f"{self.url}?{query}", parse_entries, lane=lane, accept=(200, 400))
        except _BadIdError:
            if len(ids) == 1:
                return {}
            middle = len(ids) // 2
            return await self._some(ids[:middle]) | await self._some(ids[middle:])
        return {paper.id: paper for paper in papers if paper.id in ids}


def parse_entries(body: bytes) -> list[Paper]:
    """Parse the API's answer; an entry that cannot be read is left out.

    ``announced`` is the day on which a paper submitted then is announced. Raises ``SourceFormatError``, also for a
    page that is short of what it says it holds.
    """
    root = root_of(body, "arxiv")
    if root.tag != f"{_ATOM}feed":
        raise SourceFormatError(f"arxiv: not an Atom feed but <{etree.QName(root).localname}>")
    entries = root.findall(f"{_ATOM}entry")
    if any("/api/errors" in (entry.findtext(f"{_ATOM}id") or "") for entry in entries):
        raise _BadIdError(f"arxiv: {one_line(entries[0].findtext(f'{_ATOM}summary') or 'Error')[:200]}")
    total = one_line(root.findtext(f"{_SEARCH}totalResults") or "")
    if _COUNT.fullmatch(total) and len(entries) < min(int(total), _AT_ONCE):
        raise SourceFormatError(f"arxiv: the API says it found {total} papers and sends {len(entries)}")
    return [paper for entry in entries if (paper := _paper(entry)) is not None]


def _paper(entry: etree._Element) -> Paper | None:
    identifier = arxiv_id(one_line(entry.findtext(f"{_ATOM}id") or ""))
    title = one_line(entry.findtext(f"{_ATOM}title") or "")
    submitted = instant_of(entry.findtext(f"{_ATOM}published") or "")
    if identifier is None or not title or submitted is None:
        return None
    primary = entry.find(f"{_ARXIV}primary_category")
    terms = [primary.get("term", "")] if primary is not None else []
    terms += [one.get("term", "") for one in entry.iterfind(f"{_ATOM}category")]
    names = [one_line(one.findtext(f"{_ATOM}name") or "") for one in entry.iterfind(f"{_ATOM}author")]
    return Paper(
        id=identifier,
        title=title,
        abstract=one_line(entry.findtext(f"{_ATOM}summary") or ""),
        authors=tuple(name for name in names if name),
        categories=tuple(dict.fromkeys(term for term in terms if is_category(term))),
        announced=announcement_day(submitted),
        url=address_of(identifier),
        doi=one_line(entry.findtext(f"{_ARXIV}doi") or ""),
        comment=one_line(entry.findtext(f"{_ARXIV}comment") or ""),
    )
