"""arXiv's announcement feed of one day, as Atom and as RSS 2.0."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.fakes.arxiv.categories import falls, named
from tests.fakes.arxiv.days import DAY, EASTERN, eastern, eastern_day, midnight_after
from tests.fakes.arxiv.records import Line, State
from tests.fakes.arxiv.world import World
from tests.fakes.server import Answer, Fault, Request, Service

LIMIT = 2000
_LAST_LISTED_VERSION = 5
_RANKS = {"new": 0, "cross": 1, "replace": 2, "replace-cross": 3}
_NAMESPACES = 'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"'


@dataclass(frozen=True, slots=True)
class Item:
    kind: str
    paper: State


@dataclass(kw_only=True)
class Feed(Service):
    """The feed of the Eastern day that it is in the world; ``holding`` are categories that stay at another day."""

    world: World
    limit: int = LIMIT
    _made: dict[tuple[object, ...], bytes] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        return self._answer(request)

    def stale_day(self, _: Answer) -> Answer:
        """Fault: serve the batch of the announcement day before, dated as it was then."""
        return self._answer(self.asked[-1], shown=self._day_before())

    def stale_category(self, category: str) -> Fault:
        """Return a fault: one category shows the announcement day before, the others today."""

        def spoil(_: Answer) -> Answer:
            return self._answer(self.asked[-1], holding={category: self._day_before()})

        return spoil

    def _day_before(self) -> date:
        today = eastern_day(self.world.now)
        return max((day for day in self.world.days if day < today), default=today - DAY)

    def _answer(
        self, request: Request, *, shown: date | None = None, holding: Mapping[str, date] | None = None
    ) -> Answer:
        _, form, query = unquote(request.path).split("/", 2)
        names = {part: named(part, self.world.known_categories) for part in query.split("+")}
        wrong = [part for part, name in names.items() if name is None]
        if wrong:
            return _refused(form, query, f"Bad category or archive: {wrong[0]!r}")
        asked = tuple(dict.fromkeys(name for name in names.values() if name))
        day = shown or eastern_day(self.world.now)
        key = (form, query, asked, day, tuple((holding or {}).items()), self.limit)
        if key not in self._made:
            items = _items(self.world, asked, day, holding or {})[: self.limit]
            self._made[key] = (_atom if form == "atom" else _rss)(query, asked, day, items)
        return self._cached(request, form, self._made[key])

    def _cached(self, request: Request, form: str, body: bytes) -> Answer:
        now = self.world.now
        headers = {
            "Content-Type": f"application/{form}+xml; charset=utf-8",
            "ETag": etag(body),
            "Cache-Control": f"max-age={int((midnight_after(now) - now).total_seconds())}",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Answer(status=304, headers=headers)
        return Answer(body=body, headers=headers)


def etag(body: bytes) -> str:
    """Return the tag of a body: without the quotes that HTTP wants."""
    return hashlib.sha256(body).hexdigest()


def _items(world: World, asked: Collection[str], day: date, holding: Mapping[str, date]) -> list[Item]:
    """Return one item a paper, in the feed's order: by kind, then the highest id first."""
    best: dict[str, Item] = {}
    for shown in dict.fromkeys((day, *holding.values())):
        present = [name for name in asked if holding.get(name, day) == shown]
        for line in world.batch(shown):
            kind = _kind(line, present)
            known = best.get(line.paper.id)
            if kind and (known is None or _RANKS[kind] < _RANKS[known.kind]):
                best[line.paper.id] = Item(kind, line.paper)
    newest_first = sorted(best.values(), key=lambda item: item.paper.id, reverse=True)
    return sorted(newest_first, key=lambda item: _RANKS[item.kind])


def _kind(line: Line, asked: Collection[str]) -> str:
    """Return what a line is to those who ask for these categories; empty when it does not concern them."""
    primary = falls(line.paper.primary, asked)
    if line.action == "replace":
        if line.paper.version > _LAST_LISTED_VERSION or not any(falls(one, asked) for one in line.paper.categories):
            return ""
        return "replace" if primary else "replace-cross"
    if not any(falls(one, asked) for one in line.added):
        return ""
    return "new" if line.action == "new" and primary else "cross"


def _summary(item: Item) -> str:
    paper = item.paper
    return f"arXiv:{paper.id}v{paper.version} Announce Type: {item.kind} \nAbstract: {escape(paper.wrapped_abstract)}"


def _further(item: Item) -> str:
    """Return the elements that both forms share."""
    paper = item.paper
    journal = f"<arxiv:journal_reference>{escape(paper.journal_ref)}</arxiv:journal_reference>"
    return (
        f"<arxiv:announce_type>{item.kind}</arxiv:announce_type>\n    <dc:rights>{escape(paper.license)}</dc:rights>\n"
        + (f"    {journal}\n" if paper.journal_ref else "")
        + (f"    <arxiv:DOI>{escape(paper.doi)}</arxiv:DOI>\n" if paper.doi else "")
        + f"    <dc:creator>{escape(paper.creator)}</dc:creator>"
    )


def _built(day: date) -> datetime:
    return eastern(day) + timedelta(minutes=2, seconds=11, microseconds=345678)


def _atom(query: str, asked: Collection[str], day: date, items: list[Item]) -> bytes:
    updated = _built(day).isoformat()
    published = eastern(day).astimezone(EASTERN).isoformat()
    entries = "".join(
        f"""  <entry>
    <id>oai:arXiv.org:{item.paper.id}v{item.paper.version}</id>
    <title>{escape(item.paper.wrapped_title)}</title>
    <updated>{updated}</updated>
    <link href="https://arxiv.org/abs/{item.paper.id}" rel="alternate" type="text/html"/>
    <summary>{_summary(item)}</summary>
    {"".join(f'<category term="{category}"/>' for category in item.paper.categories)}
    <published>{published}</published>
    {_further(item)}
  </entry>
"""
        for item in items
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed {_NAMESPACES} xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/{escape(query)}</id>
  <title>{", ".join(asked)} updates on arXiv.org</title>
  <updated>{updated}</updated>
  <link href="http://rss.arxiv.org/atom/{escape(query)}" rel="self" type="application/atom+xml"/>
  <subtitle>{", ".join(asked)} updates on the arXiv.org e-print archive.</subtitle>
{entries}</feed>
""".encode()


def _rss(query: str, asked: Collection[str], day: date, items: list[Item]) -> bytes:
    published = format_datetime(eastern(day).astimezone(EASTERN))
    entries = "".join(
        f"""  <item>
    <title>{escape(item.paper.wrapped_title)}</title>
    <link>https://arxiv.org/abs/{item.paper.id}</link>
    <description>{_summary(item)}</description>
    <guid isPermaLink="false">oai:arXiv.org:{item.paper.id}v{item.paper.version}</guid>
    {"".join(f"<category>{category}</category>" for category in item.paper.categories)}
    <pubDate>{published}</pubDate>
    {_further(item)}
  </item>
"""
        for item in items
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss {_NAMESPACES} version="2.0">
<channel>
  <title>{", ".join(asked)} updates on arXiv.org</title>
  <link>http://rss.arxiv.org/rss/{escape(query)}</link>
  <description>{", ".join(asked)} updates on the arXiv.org e-print archive.</description>
  <language>en-us</language>
  <lastBuildDate>{format_datetime(_built(day))}</lastBuildDate>
  <pubDate>{published}</pubDate>
  <skipDays><day>Saturday</day><day>Sunday</day></skipDays>
{entries}</channel>
</rss>
""".encode()


def _refused(form: str, query: str, problem: str) -> Answer:
    title = f"Feed error for query: {escape(query)}"
    if form == "atom":
        body = f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/{escape(query)}</id>
  <title>{title}</title>
  <updated>{datetime(2026, 1, 1, tzinfo=UTC).isoformat()}</updated>
  <subtitle>{escape(problem)}</subtitle>
</feed>
"""
    else:
        body = f"""<?xml version='1.0' encoding='UTF-8'?>
<rss version="2.0"><channel><title>{title}</title><link>http://rss.arxiv.org/</link>
<description>{escape(problem)}</description></channel></rss>
"""
    return Answer(status=400, body=body.encode(), headers={"Content-Type": f"application/{form}+xml; charset=utf-8"})
