"""What every page shares: the store it reads, how it is rendered, its headers, how a form is read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from digestbot.digest.words import Words
from digestbot.errors import DigestbotError
from digestbot.links import Links
from digestbot.models import (
    Digest,
    DigestId,
    PaperId,
    Rating,
    RatingValue,
    Subscriber,
    SubscriberId,
    SubscriberState,
)
from digestbot.pipeline import subscriptions

_MOST_FORM_BYTES = 65_536
BY_BROWSER = {"Vary": "Accept-Language"}


class DigestStore(Protocol):
    """Reads digests."""

    def find(self, identifier: DigestId) -> Digest | None: ...


class RatingStore(Protocol):
    """Reads and records ratings."""

    def of(self, subscribers: Sequence[SubscriberId]) -> dict[SubscriberId, list[Rating]]: ...

    def record(
        self,
        subscriber_id: SubscriberId,
        values: dict[PaperId, RatingValue | Literal[0]],
        *,
        now: datetime,
        origin: Literal["cli", "mail"],
        digest_id: DigestId | None = None,
    ) -> dict[PaperId, int]: ...


class SubscriberStore(subscriptions.SubscriberStore, Protocol):
    """Reads subscribers and changes what they may change themselves."""

    def find(self, identifier: SubscriberId) -> Subscriber | None: ...
    def come_back(self, identifier: SubscriberId, now: datetime) -> SubscriberState | None: ...
    def set_preferences(
        self,
        identifier: SubscriberId,
        *,
        timezone: str,
        send_at: str,
        days: str,
        papers: int,
        now: datetime,
        paused: bool = ...,
        language: str | None = ...,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What the pages work with.

    ``ready`` asks the store whether it answers, and raises when not; ``domain`` is that of the mails' sender.
    """

    digests: DigestStore
    ratings: RatingStore
    subscribers: SubscriberStore
    domain: str
    links: Links
    templates: jinja2.Environment
    clock: Callable[[], datetime]
    ready: Callable[[], object]

    def show(self, name: str, words: Words, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page made of ``templates/web/NAME.html.j2``, in the language of the words."""
        body = self.templates.get_template(f"web/{name}.html.j2").render(values, words=words, lang=words.language)
        return HTMLResponse(body, status_code=status, headers=self._headers())

    def say(self, words: Words, title: str, text: str, *, status: int = 200) -> HTMLResponse:
        """Return a page with nothing but a heading and a sentence, both in the language of the words."""
        return self.show("message", words, status=status, title=title, text=text)

    def not_ours(self, words: Words) -> HTMLResponse:
        """Return the page of a link that nobody signed here."""
        return self.say(
            words,
            words.gettext("This link does not work"),
            words.gettext("Sorry, it is not complete, or not ours. Try the one in the mail once more."),
            status=404,
        )

    def erased(self, words: Words) -> HTMLResponse:
        """Return the page of a link whose subscription has been erased."""
        return self.say(
            words,
            words.gettext("Nothing to do here"),
            words.gettext("This subscription is not kept any more. No mail will come."),
        )

    def no_form(self, words: Words) -> HTMLResponse:
        """Return the page of a form that is too large, or not one of these pages'."""
        return self.say(
            words,
            words.gettext("That did not work"),
            words.gettext("The form is too large, or not one of ours. Nothing was recorded."),
            status=400,
        )

    def _headers(self) -> dict[str, str]:
        style = self.templates.get_template("web/_pages.css").render()
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        return {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self';"
                " base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            # Also where it is a reader's: without one, as of an erased reader, the same address asks the browser.
            **BY_BROWSER,
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        }


class FormError(DigestbotError):
    """The form is too large, or not one of ours."""


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a url-encoded form of at most 64 kB; the last of a name counts.

    Raises ``FormError`` for any other body.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FORM_BYTES:
            raise FormError("too large")
    if not body:
        return {}
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise FormError("not one of these pages'")
    try:
        return dict(parse_qsl(bytes(body).decode("utf-8"), keep_blank_values=True, max_num_fields=500))
    except ValueError as error:
        raise FormError("not a form") from error


def plain(text: str, status: int = 200) -> Response:
    """Return a short text."""
    return Response(text + "\n", status_code=status, media_type="text/plain", headers={"Cache-Control": "no-store"})
