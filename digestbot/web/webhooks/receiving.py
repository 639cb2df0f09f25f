"""The one door for webhooks: how a request is taken in, and what its sender is told.

The answers steer the provider: with 503 it repeats what could not be recorded; with 200 it forgets what it sent, also
where that concerned nobody here, since otherwise it would come again for days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from digestbot.errors import DigestbotError, StoreError
from digestbot.models import Bounce
from digestbot.web.pages import plain
from digestbot.web.webhooks.events import (
    Call,
    Event,
    ForgedError,
    Leaving,
    OurFault,
    Provider,
    ShapeError,
    UnansweredError,
    Unreadable,
)

log = structlog.get_logger(__name__)

_MOST_BYTES = 1_000_000


class Bounces(Protocol):
    """Does what follows from a bounce, once however often it is told; raises ``DigestbotError`` for what it refuses."""

    def record(self, bounce: Bounce, now: datetime) -> object: ...


class Subscriptions(Protocol):
    """Ends the subscription of an address, if it has one; raises ``DigestbotError`` for what it refuses."""

    def end(self, address: str, now: datetime, *, message_id: str) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What the webhooks work with; ``providers`` are those that are set up, by the last part of their address."""

    providers: Mapping[str, Provider]
    bounces: Bounces
    subscriptions: Subscriptions
    clock: Callable[[], datetime]

    @property
    def route(self) -> Route:
        """Where providers send what they have to say."""
        return Route("/webhooks/{provider}", self.receive, methods=["POST"])

    async def receive(self, request: Request) -> Response:
        """Check one request, and do what follows from each event in it."""
        name = request.path_params["provider"]
        provider = self.providers.get(name)
        if provider is None:
            return plain("no such provider is set up here", 404)
        now = self.clock()
        try:
            body = await _body(request)
            if body is None:
                return _refusal(name, "is longer than 1 MB", 413)
            events = await provider.read(Call(headers=request.headers, body=body), now)
            await run_in_threadpool(self._take, name, events, now)
        except (ShapeError, ClientDisconnect) as error:
            return _refusal(name, str(error) or "was cut off", 400)
        except ForgedError as error:
            return _refusal(name, str(error), 403)
        except (UnansweredError, StoreError) as error:
            return _refusal(name, str(error), 503)
        return plain("ok")

    def _take(self, name: str, events: Sequence[Event], now: datetime) -> None:
        """Do what follows from each event; one that is refused, or cannot be read, does not stop the others."""
        for event in events:
            try:
                if isinstance(event, Bounce):
                    self.bounces.record(event, now)
                elif isinstance(event, Leaving):
                    self.subscriptions.end(event.address, now, message_id=event.message_id)
            except StoreError:
                # The others would fail as well; they come again together, and what was recorded counts once.
                raise
            except DigestbotError as error:
                log.info("webhook event changes nothing", provider=name, problem=str(error))
        # One line each, however many: when all mails of a day are refused, that is one piece of news.
        faults = [event.text for event in events if isinstance(event, OurFault)]
        if faults:
            log.warning(
                "provider says that we or our mails are refused", provider=name, mails=len(faults), text=faults[0]
            )
        unread = [event.problem for event in events if isinstance(event, Unreadable)]
        if unread:
            if len(unread) == len(events):
                raise ShapeError(unread[0])
            log.warning("webhook events cannot be read", provider=name, events=len(unread), problem=unread[0])


async def _body(request: Request) -> bytes | None:
    """Return the body, ``None`` when it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    return bytes(body)


def _refusal(name: str, problem: str, status: int) -> Response:
    log.warning("webhook refused", provider=name, status=status, problem=problem)
    # Who knocks without a key need not know what was wrong with it.
    return plain(
        {400: "not understood", 403: "refused", 413: "too long", 503: "not now; send it again"}[status], status
    )
