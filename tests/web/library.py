"""The pages of a few papers over a real store, with the fit that they are compared by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digestbot.links import Links
from digestbot.models import Paper
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.store import Store
from digestbot.web.app import create_app
from digestbot.web.pages import Pages
from digestbot.web.paper import PaperPages
from digestbot.web.similar import SimilarPapers
from tests.factories import NOW, paper

OWLS = paper(1, title="Owls hunt mice", abstract="Barn owls hunt by hearing mice in the dark of night.")
MICE = paper(2, title="Mice flee", abstract="At night mice hear barn owls and flee into the dark.")
BATS = paper(3, title="Bats hunt by night", abstract="Bats hunt moths in the dark, hearing their own echo.")
ROBOTS = paper(4, title="Grippers learn force", abstract="Robot grippers learn contact force from touch.")
ALL = (OWLS, MICE, BATS, ROBOTS)


def pages_of(store: Store, links: Links, templates: jinja2.Environment, clock: Callable[[], datetime]) -> Pages:
    return Pages(
        digests=store.digests,
        ratings=store.ratings,
        subscribers=store.subscribers,
        domain="example.org",
        links=links,
        templates=templates,
        clock=clock,
        ready=store.papers.count,
    )


@dataclass
class Library:
    """The pages of some papers, and the fit they are compared by, which a test can change or hold back."""

    store: Store
    links: Links
    app: Starlette
    client: TestClient
    similar: SimilarPapers
    fit: Fit | None
    times: list[datetime] = field(default_factory=lambda: [NOW])
    asked: int = 0
    may_go_on: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(
        cls,
        store: Store,
        links: Links,
        templates: jinja2.Environment,
        papers: Sequence[Paper],
        *,
        fit: bool = True,
        patience: float = 10.0,
        most_kept: int = 500,
    ) -> Library:
        """Store papers, fit on them, and open their pages."""
        store.papers.add(papers, NOW)

        def current(_now: datetime) -> Fit | None:
            made.asked += 1
            made.may_go_on.wait(10)
            return made.fit

        similar = SimilarPapers(store.search, current, patience=patience, most_kept=most_kept)
        pages = pages_of(store, links, templates, lambda: made.times[-1])
        app = create_app(pages, PaperPages(papers=store.papers, similar=similar))
        client = TestClient(app, base_url=links.base_url, follow_redirects=False)
        of_all = Fit.of(papers, Recipe(), NOW) if fit else None
        made = cls(store=store, links=links, app=app, client=client, similar=similar, fit=of_all)
        made.may_go_on.set()
        client.__enter__()
        return made

    def close(self) -> None:
        self.let_it_finish()
        self.client.__exit__(None, None, None)

    def page(self, one: Paper) -> Any:
        return self.client.get(self.links.paper(one.id))

    def wait_until_it_is_asked(self) -> None:
        while not self.asked:
            time.sleep(0.001)

    def let_it_finish(self) -> None:
        self.may_go_on.set()
        self.similar.close()
