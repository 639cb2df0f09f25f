"""Fetching: one request, answered with 200 and soon, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from digestbot.web.webhooks import Webhooks, configured
from digestbot.web.webhooks.events import UnansweredError
from digestbot.web.webhooks.fetching import fetch
from tests.factories import NOW
from tests.fakes.server import Answer, moved, serving
from tests.fakes.site import Site
from tests.web.webhooks.conftest import Book
from tests.web.webhooks.senders import HOST, TOPIC, certificate, confirmation, signed_by_sns


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as served:
        yield served


def fetched(url: str, patience: float = 5.0) -> bytes:
    return asyncio.run(fetch(url, patience=patience))


def test_a_page_is_fetched(site: Site) -> None:
    site.pages["/x.pem"] = Answer(body=b"a certificate")
    assert fetched(f"{site.url}/x.pem") == b"a certificate"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (moved("/")(Answer()), "answered 302"),
        (Answer(status=404), "answered 404"),
        (Answer(status=500), "answered 500"),
        (Answer(body=b"x" * 1000, repeat=101), "sent more than 100 kB"),
        (Answer(body=b"x" * 100, drip=0.05), "no answer in 0.2 s"),
        (Answer(silent=True), "no answer: "),
        (Answer(body=b"x" * 100, cut=50), "no answer: "),
    ],
)
def test_any_other_answer_is_none(site: Site, answer: Answer, problem: str) -> None:
    site.pages["/x.pem"] = answer
    with pytest.raises(UnansweredError, match=problem):
        fetched(f"{site.url}/x.pem", patience=0.2)
    assert site.paths == ["/x.pem"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://[/", "nowhere", ""])
def test_what_cannot_be_reached_is_no_answer(url: str) -> None:
    with pytest.raises(UnansweredError, match=r"no answer: ."):
        fetched(url)


def test_a_subscription_is_confirmed_over_the_network(site: Site) -> None:
    site.pages["/SimpleNotificationService-0011aabb.pem"] = Answer(body=certificate())

    async def at_amazon(url: str) -> bytes:
        # What stands at Amazon's host is here on this machine.
        return await fetch(url.replace(HOST, site.url))

    book = Book()
    providers = configured(fetch=at_amazon, ses_topic=TOPIC)
    webhooks = Webhooks(providers=providers, bounces=book, subscriptions=book, clock=lambda: NOW)
    request = signed_by_sns(confirmation())
    with TestClient(Starlette(routes=[webhooks.route])) as client:
        assert client.post("/webhooks/ses", content=request.body).status_code == 200
    assert [(one.path, one.value("Action")) for one in site.asked] == [
        ("/SimpleNotificationService-0011aabb.pem", ""),
        ("/", "ConfirmSubscription"),
    ]
