"""A door for webhooks with all providers set up, over a book that keeps what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from digestbot.errors import DigestbotError, NotFoundError
from digestbot.models import Bounce
from digestbot.web.webhooks import Webhooks, configured
from tests.factories import NOW
from tests.web.webhooks.senders import PASSWORD, SIGNING_KEY, TOPIC, Amazon, Request, sendgrid_key, shown_by_sendgrid

KNOWN = ("ada@example.org", "bela@example.org", "cleo@example.org")


@dataclass
class Book:
    """Keeps bounces and departures of the addresses it knows; a ``failure`` meets whoever writes into it."""

    bounces: list[Bounce] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    times: set[datetime] = field(default_factory=set)
    failure: DigestbotError | None = None

    def record(self, bounce: Bounce, now: datetime) -> None:
        self._check(bounce.address, now)
        self.bounces.append(bounce)

    def end(self, address: str, now: datetime, *, message_id: str) -> None:
        self._check(address, now)
        self.left.append((address, message_id))

    def _check(self, address: str, now: datetime) -> None:
        if self.failure:
            raise self.failure
        if address not in KNOWN:
            raise NotFoundError("no mail went to this address")
        self.times.add(now)

    @property
    def is_empty(self) -> bool:
        return not self.bounces and not self.left

    def kinds(self) -> list[str]:
        return [bounce.kind.value for bounce in self.bounces]


@dataclass
class Door:
    """Where the providers knock."""

    client: TestClient
    book: Book
    amazon: Amazon
    times: list[datetime]
    logs: list[Any] = field(default_factory=list)

    def post(self, request: Request, **changed: Any) -> int:
        """Post a request and return the status of the answer; the log lines of it are in ``logs``."""
        with capture_logs() as logs:
            answer = self.client.post(
                f"/webhooks/{request.to}",
                content=changed.get("body", request.body),
                headers=changed.get("headers", request.headers),
            )
        self.logs = list(logs)
        return answer.status_code

    def warnings(self) -> list[Any]:
        return [line for line in self.logs if line["log_level"] != "info"]


@contextmanager
def door_of(**settings: Any) -> Iterator[Door]:
    book, amazon, times = Book(), Amazon(), [NOW]
    webhooks = Webhooks(
        providers=configured(fetch=amazon.fetch, **settings),
        bounces=book,
        subscriptions=book,
        clock=lambda: times[-1],
    )
    with TestClient(Starlette(routes=[webhooks.route])) as client:
        yield Door(client=client, book=book, amazon=amazon, times=times)


@contextmanager
def everything() -> Iterator[Door]:
    with door_of(
        ses_topic=TOPIC,
        mailgun_signing_key=SIGNING_KEY,
        postmark_password=PASSWORD,
        sendgrid_public_key=shown_by_sendgrid(sendgrid_key()),
    ) as opened:
        yield opened


@pytest.fixture
def door() -> Iterator[Door]:
    with everything() as opened:
        yield opened


@pytest.fixture(scope="module")
def open_door() -> Iterator[Door]:
    """One for the laws, which knock many times."""
    with everything() as opened:
        yield opened


@pytest.fixture
def told(door: Door) -> Callable[[Request], list[Bounce]]:
    """Return the bounces that follow from an authentic request."""

    def tell(request: Request) -> list[Bounce]:
        del door.book.bounces[:]
        assert door.post(request) == 200
        return list(door.book.bounces)

    return tell
