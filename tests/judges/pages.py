"""The pages that are judged, as a browser gets them: those behind the links of a mail."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import jinja2
from starlette.testclient import TestClient

from digestbot.digest.compose import digest_delivery
from digestbot.links import Links
from digestbot.models import SubscriberState
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.store import Preferences, Store
from digestbot.web.app import create_app
from digestbot.web.paper import PaperPages
from digestbot.web.similar import SimilarPapers
from tests.factories import KEY, NOW, digest, paper
from tests.web.library import pages_of

PAGES = (
    *("feedback", "liked", "recorded", "taken back", "unsubscribe", "unsubscribed"),
    *("preferences", "saved", "not saved", "confirm", "confirmed", "paper", "bare paper", "not there"),
)
_LONG = paper(1, title="A long title " * 30, authors=tuple(f"Author number {number}" for number in range(40)))
_BARE = paper(2, title="Without an abstract", abstract="", authors=(), categories=(), url="")
_PAPERS = (
    _LONG,
    _BARE,
    paper(3, title='<script>alert("1")</script> & other titles 🦉', authors=('Eve "<b>" O\'Hara',)),
    paper(4, title="גרפים דלילים ושכנים קרובים", authors=("עדה כהן",), abstract="אנו מציעים דרך קצרה. היא מהירה."),
    paper(5, title="unbreakable" * 12, authors=("Donaudampfschifffahrtsgesellschaft" * 3,)),
    *(paper(number) for number in range(6, 12)),
)


def write_all(store: Store, templates: jinja2.Environment, language: str) -> dict[str, str]:
    """Return each page in one language."""
    links = Links("https://papers.example.org", [KEY])
    store.papers.add(_PAPERS, NOW)
    reader, new = (
        store.subscribers.add(f"{language}.{state}@example.org", state, Preferences(language=language), NOW)
        for state in (SubscriberState.ACTIVE, SubscriberState.PENDING)
    )
    made = digest(*_PAPERS, reader=reader)
    store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
    fit = Fit.of(_PAPERS, Recipe(), NOW)
    with closing(SimilarPapers(store.search, lambda _now: fit, patience=10)) as similar:
        shelf = PaperPages(papers=store.papers, similar=similar)
        client = TestClient(create_app(pages_of(store, links, templates, lambda: NOW), shelf))
        client.headers["Accept-Language"] = language
        feedback, preferences = links.feedback(made.id), links.preferences(reader.id)
        unsubscribe, confirm = links.unsubscribe(reader.id), links.confirm(new.id, NOW)
        form: dict[str, Any] = {"send_at": "06:30", "timezone": "UTC", "days": "mon,thu", "papers": "5"}
        answers = {
            "feedback": client.get(feedback),
            "liked": client.get(f"{feedback}?like=5"),
            "recorded": client.post(feedback, data={"p1": "like", "p2": "dislike", "p5": "like"}),
            "taken back": client.post(feedback, data={"p1": "none", "undo": "1"}),
            "preferences": client.get(preferences),
            "saved": client.post(preferences, data=form | {"pause": "1"}),
            "not saved": client.post(preferences, data=form | {"papers": "0"}),
            "unsubscribe": client.get(unsubscribe),
            "unsubscribed": client.post(unsubscribe),
            "confirm": client.get(confirm),
            "confirmed": client.post(confirm),
            "paper": client.get(links.paper(_LONG.id)),
            "bare paper": client.get(links.paper(_BARE.id)),
            "not there": client.get("/nowhere"),
        }
    return {name: answer.text for name, answer in answers.items()}
