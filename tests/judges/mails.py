"""The mails that are judged, as final bytes: as many papers as a mail may have, and those that are hard to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import jinja2

from digestbot.digest.compose import (
    confirm_delivery,
    digest_delivery,
    goodbye_delivery,
    quiet_delivery,
    welcome_delivery,
)
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import Digest, Paper, Reason, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.store import Preferences, Store
from tests.factories import DAY, KEY, NOW, alert, digest, paper, subscriber
from tests.mails import parsed, part

KINDS = ("daily", "weekly", "too much for a mail", "confirm", "welcome", "quiet", "goodbye", "alert")

_SENDER = Sender(sender="Paper Digest <digest@example.org>", reply_to="help@example.org", list_name="Daily papers")
_ABSTRACT = (
    "Readers of large archives see a small part of what appears each day. We ask which part serves them, and answer "
    "with profiles that a reader can inspect. On three years of submissions our lists hold twice as many papers that "
    "were later cited. A study with forty readers agrees. "
)
_REASONS = (
    Reason(kind="terms", terms=("sparse retrieval", "index", "term weights")),
    Reason(kind="liked", terms=("Counting what the index forgets: a survey of two decades",)),
    Reason(kind="follow", terms=("Bela Vane",)),
    Reason(kind="trending"),
    Reason(kind="explore", terms=("plasma",)),
)
_ODD = (
    paper(1, title="Owl: sparse retrieval that explains itself", abstract=_ABSTRACT, upvotes=31),
    paper(2, title='<script>alert("1")</script> & other titles 🦉', authors=('Eve "<b>" O\'Hara',), upvotes=1),
    paper(3, title="גרפים דלילים ושכנים קרובים", authors=("עדה כהן",), abstract="אנו מציעים דרך קצרה. היא מהירה."),
    paper(4, title="Without an abstract", abstract="", authors=(), categories=(), url="", upvotes=7),
    paper(
        5, title="A long title " * 30, authors=tuple(f"Author {letter}" for letter in "ABCDEFGH"), abstract=_ABSTRACT
    ),
    paper(6, title="Long words", abstract="unbreakable" * 20, authors=("Donaudampfschifffahrtsgesellschaft" * 3,)),
    paper(7, title="unbreakable" * 12, abstract=_ABSTRACT, categories=("physics.plasm-ph", "cond-mat.mtrl-sci")),
    paper(8, id="feed:b10c", title="From a site with a long name", url="https://a-site-with-a-long-name.example.org/1"),
)


def write_all(store: Store, templates: jinja2.Environment) -> dict[str, bytes]:
    """Return one mail of each kind."""
    links = Links("https://papers.example.org", [KEY])
    renderer = Renderer(templates, links, postal_address="Lindenstraße 1, 10969 Berlin")
    letters = Letters(store.digests, store.subscribers, renderer, links, _SENDER)
    pending = store.subscribers.add("ada@example.org", SubscriberState.PENDING, Preferences(), NOW)
    problems = '[{"source": "arxiv", "state": "stale", "last_success": "2025-05-27T05:00:00+00:00", '
    problems += '"newest": "2025-05-22", "problem": ""}, {"source": "https://a-blog.example.org/feed", '
    problems += '"state": "failed", "last_success": null, "newest": null, "problem": "404 <Not Found>"}]'

    def of(made: Digest) -> bytes:
        reader = replace(subscriber(), days=made.days)
        return letters.write_digest(made, reader, digest_delivery(made, reader, domain="example.org"))

    here: dict[str, Any] = {"domain": "example.org", "now": NOW}
    return {
        "daily": of(_digest("daily", 10)),
        "weekly": of(_digest("weekly", 10)),
        "too much for a mail": of(_digest("daily", 70)),
        "confirm": letters.write(confirm_delivery(pending, **here)),
        "welcome": letters.write(welcome_delivery(pending, **here)),
        "quiet": letters.write(quiet_delivery(pending, local_day=DAY, **here)),
        "goodbye": letters.write(goodbye_delivery(pending, **here)),
        "alert": letters.write(alert(details=problems)),
    }


def _digest(days: str, most: int) -> Digest:
    plain = (paper(number, abstract=_ABSTRACT, upvotes=number) for number in range(len(_ODD) + 1, most + 1))
    papers = [_of_some_day(one, days, number) for number, one in enumerate([*_ODD, *plain])]
    made = digest(*papers, number=12, considered=431, days=days)
    items = [replace(one, reason=_REASONS[(one.position - 1) % len(_REASONS)]) for one in made.items]
    return replace(made, items=tuple(items))


def _of_some_day(one: Paper, days: str, number: int) -> Paper:
    return replace(one, announced=DAY - timedelta(days=max(9 - number, 0) // 3 if days == "weekly" else 0))


def documents(mails: dict[str, bytes]) -> dict[str, str]:
    """Return the HTML of each mail, with the line ends of a file."""
    return {kind: part(parsed(mail), "html").replace("\r\n", "\n") for kind, mail in mails.items()}
