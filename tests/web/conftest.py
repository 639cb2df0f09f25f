"""The pages over a real store: one reader, a digest of three papers, and a clock that a test can turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jinja2
import pytest
from lxml import html
from starlette.testclient import TestClient

from digestbot.digest.compose import digest_delivery
from digestbot.links import Links
from digestbot.models import Digest, Paper, Subscriber, SubscriberState
from digestbot.store import Preferences, Store
from digestbot.web.app import create_app
from tests.factories import NOW, digest, paper
from tests.web.library import ALL, Library, pages_of


@dataclass
class Site:
    """The pages, and what stands behind them."""

    store: Store
    links: Links
    client: TestClient
    reader: Subscriber
    digest: Digest
    times: list[datetime] = field(default_factory=lambda: [NOW])

    def dump(self) -> str:
        return dump(self.store)

    def ratings(self) -> dict[str, int]:
        return {one.paper_id: one.value for one in self.store.ratings.of([self.reader.id])[self.reader.id]}

    def state(self) -> SubscriberState:
        return self.store.subscribers.get(self.reader.id).state

    @property
    def feedback(self) -> str:
        return self.links.feedback(self.digest.id)

    @property
    def unsubscribe(self) -> str:
        return self.links.unsubscribe(self.reader.id)

    @property
    def preferences(self) -> str:
        return self.links.preferences(self.reader.id)

    def erase_reader(self) -> None:
        with self.store.database.write() as connection:
            connection.execute("delete from subscribers where id = ?", (self.reader.id,))


def dump(store: Store) -> str:
    """Return the whole content of the database."""
    return "\n".join(store.database.connection.iterdump())


def put(
    store: Store, *papers: Paper, email: str = "ada@example.org", language: str = "en"
) -> tuple[Subscriber, Digest]:
    """Store a reader with a digest of these papers."""
    store.papers.add(papers, NOW)
    reader = store.subscribers.add(email, SubscriberState.ACTIVE, Preferences(language=language), NOW)
    made = digest(*papers, reader=reader)
    store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
    return reader, made


@pytest.fixture
def site_of(store: Store, links: Links, templates: jinja2.Environment) -> Iterator[Callable[..., Site]]:
    opened: list[TestClient] = []

    def make(*papers: Paper, **who: str) -> Site:
        reader, made = put(store, *papers, **who)
        times = [NOW]
        pages = pages_of(store, links, templates, lambda: times[-1])
        client = TestClient(create_app(pages), base_url=links.base_url, follow_redirects=False)
        client.__enter__()
        opened.append(client)
        return Site(store=store, links=links, client=client, reader=reader, digest=made, times=times)

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    return site_of(paper(1), paper(2), paper(3))


@pytest.fixture
def library_of(store: Store, links: Links, templates: jinja2.Environment) -> Iterator[Callable[..., Library]]:
    opened: list[Library] = []

    def make(*papers: Paper, **how: Any) -> Library:
        opened.append(Library.of(store, links, templates, papers, **how))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def library(library_of: Callable[..., Library]) -> Library:
    return library_of(*ALL)


def tree(response: Any) -> html.HtmlElement:
    return html.document_fromstring(response.text)


def heading(response: Any) -> str:
    (found,) = tree(response).iter("h1")
    return " ".join(found.text_content().split())


def choices(response: Any) -> dict[str, str]:
    """Return what is chosen on the feedback page, by field."""
    return {one.get("name"): one.get("value") for one in tree(response).xpath("//input[@type='radio'][@checked]")}


def form_fields(form: html.HtmlElement) -> dict[str, str]:
    """Return what a browser would send for a form as it stands."""
    return {name: value for name, value in form.form_values() if name}


def near(page: Any) -> list[tuple[str, str, str]]:
    """Return title, address and shared terms of the similar papers."""
    rows = tree(page).xpath("//section//li")
    return [
        (row.xpath("string(.//h3/a)"), row.xpath("string(.//h3/a/@href)"), row.xpath("string(p[2])")) for row in rows
    ]


def words(page: Any) -> str:
    return " ".join(tree(page).text_content().split())
