"""Answers of the fake arXiv as a plain client hears them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from lxml import etree

from tests.fakes.arxiv import Arxiv

FIRST, LAST = date(2026, 5, 25), date(2026, 6, 26)
WEDNESDAY = date(2026, 6, 10)
NOON = datetime(2026, 6, 10, 16, tzinfo=UTC)
FOLLOWED = ("cs.CL", "stat.ML", "hep-th")
NAMES = {
    "a": "http://www.w3.org/2005/Atom",
    "o": "http://www.openarchives.org/OAI/2.0/",
    "r": "http://arxiv.org/OAI/arXivRaw/",
    "s": "http://a9.com/-/spec/opensearch/1.1/",
    "x": "http://arxiv.org/schemas/atom",
    "dc": "http://purl.org/dc/elements/1.1/",
}


class Reply:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def all(self, path: str) -> list[str]:
        return [
            found.text if hasattr(found, "text") else found
            for found in etree.fromstring(self.body).xpath(path, namespaces=NAMES)
        ]


def get(url: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path + (f"?{urlencode(query)}" if query else ""), headers=dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def feed(arxiv: Arxiv, query: str = "+".join(FOLLOWED), headers: dict[str, str] | None = None) -> Reply:
    return get(f"{arxiv.feed_url}/{query}", headers=headers)


def records(arxiv: Arxiv, **query: str) -> Reply:
    wanted = {} if "resumptionToken" in query else {"metadataPrefix": "arXivRaw"}
    return get(arxiv.oai_url, {"verb": "ListRecords"} | wanted | query)


def harvest(arxiv: Arxiv, **query: str) -> list[str]:
    """Return the identifiers of all pages."""
    page = records(arxiv, **query)
    found = page.all("//o:identifier")
    while tokens := page.all("//o:resumptionToken"):
        page = records(arxiv, resumptionToken=tokens[0])
        found += page.all("//o:identifier")
    return found
