"""A journal that announces its papers in a feed, as RSS 2.0, Atom 1.0 or JSON Feed 1.1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from email.utils import format_datetime
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from digestbot.models import Paper
from tests.fakes.server import Answer, Request, Service

_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}


@dataclass
class FeedService(Service):
    """Serves ``papers`` at any path, those of a JSON Feed ``per_page`` at a time; a paper's ``url`` is its guid.

    ``extra`` is put in front of the entries as it is. A page that the asker has already is answered with 304.
    """

    kind: Literal["rss", "atom", "json"] = "rss"
    papers: Sequence[Paper] = ()
    extra: str = ""
    per_page: int = 1000
    next_server: str = ""
    modified: datetime = field(default=datetime(2025, 5, 27, 6, 0, tzinfo=UTC))

    def answer(self, request: Request) -> Answer:
        number = int(request.value("page", "1"))
        body = self.page(number).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {
            "Content-Type": _TYPES[self.kind],
            "ETag": etag,
            "Last-Modified": format_datetime(self.modified, usegmt=True),
        }
        if request.headers.get("if-none-match") == etag:
            return Answer(status=304, headers=headers)
        return Answer(body=body, headers=headers)

    def page(self, number: int) -> str:
        if self.kind == "rss":
            items = "".join(_rss_item(paper) for paper in self.papers)
            return (
                '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                "<channel><title>A journal</title><link>https://journal.example.org/</link><description/>"
                f"{self.extra}{items}</channel></rss>"
            )
        if self.kind == "atom":
            entries = "".join(_atom_entry(paper) for paper in self.papers)
            return (
                '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>A lab</title>'
                f"<id>tag:lab.example.org,2020:1</id><updated>{self.modified.isoformat()}</updated>"
                f"{self.extra}{entries}</feed>"
            )
        return self.json_page(number)

    def json_page(self, number: int) -> str:
        shown = self.papers[(number - 1) * self.per_page : number * self.per_page]
        feed = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "A group",
            "items": [*json.loads(f"[{self.extra}]"), *(_json_item(paper) for paper in shown)],
        }
        if number * self.per_page < len(self.papers):
            feed["next_url"] = f"{self.next_server}/feed?page={number + 1}"
        return json.dumps(feed)


def _moment(paper: Paper) -> datetime:
    return datetime.combine(paper.announced, time(5, 0), UTC)


def _rss_item(paper: Paper) -> str:
    categories = "".join(f"<category>{escape(name)}</category>" for name in paper.categories)
    return (
        f"<item><title>{escape(paper.title)}</title><link>{escape(paper.url)}</link>"
        f"<guid>{escape(paper.url)}</guid><pubDate>{format_datetime(_moment(paper))}</pubDate>"
        f"<dc:creator>{escape(', '.join(paper.authors))}</dc:creator>{categories}"
        f"<description>{escape(paper.abstract)}</description></item>"
    )


def _atom_entry(paper: Paper) -> str:
    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in paper.authors)
    categories = "".join(f"<category term={quoteattr(name)}/>" for name in paper.categories)
    return (
        f"<entry><id>{escape(paper.url)}</id><title>{escape(paper.title)}</title><link href={quoteattr(paper.url)}/>"
        f"<published>{_moment(paper).isoformat()}</published><updated>{_moment(paper).isoformat()}</updated>"
        f"{authors}{categories}<summary>{escape(paper.abstract)}</summary></entry>"
    )


def _json_item(paper: Paper) -> dict[str, object]:
    return {
        "id": paper.url,
        "url": paper.url,
        "title": paper.title,
        "content_text": paper.abstract,
        "date_published": _moment(paper).isoformat(),
        "authors": [{"name": name} for name in paper.authors],
        "tags": list(paper.categories),
    }
