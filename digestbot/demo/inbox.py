"""The inbox page: the caught mails as a mail program shows them, and the button for the next morning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from digestbot.demo.catcher import Catcher, Caught
from digestbot.demo.sample import READERS
from digestbot.demo.story import Story
from digestbot.digest.wording import long_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What the inbox pages work with."""

    story: Story
    catcher: Catcher
    templates: jinja2.Environment
    busy: asyncio.Lock


def create_inbox(inbox: Inbox, pages: Starlette) -> Starlette:
    """Return the inbox with the real pages behind it, so that links in mails work as they do in life."""
    app = Starlette(
        routes=[
            Route("/", _show),
            Route("/mail/{number:int}", _show),
            Route("/mail/{number:int}/{form}", _content),
            Route("/next", _next, methods=["POST"]),
            Mount("/", app=pages),
        ]
    )
    app.state.inbox = inbox
    return app


async def _show(request: Request) -> Response:
    inbox: Inbox = request.app.state.inbox
    number = request.path_params.get("number", 0)
    opened = next((mail for mail in inbox.catcher.mails if mail.number == number), None)
    if number and opened is None:
        return RedirectResponse("/", 303)
    opened = opened or next((mail for mail in inbox.catcher.mails if mail.recipient == READERS[0].email), None)
    form = request.query_params.get("form", "html")
    story = inbox.story
    body = inbox.templates.get_template("demo/inbox.html.j2").render(
        day=long_day(story.now.date()),
        hour=story.now.strftime("%H:%M"),
        over=story.over,
        changes=story.changes,
        boxes=[
            {
                "reader": reader,
                "mails": [_line(mail) for mail in reversed(inbox.catcher.mails) if mail.recipient == reader.email],
            }
            for reader in READERS
        ],
        opened=_line(opened) if opened else None,
        form=form if form in ("html", "text", "source") else "html",
    )
    return HTMLResponse(body, headers={"Cache-Control": "no-store"})


def _line(mail: Caught) -> dict[str, object]:
    message = mail.message
    sent = message["date"].datetime
    return {
        "number": mail.number,
        "from": str(message["from"]),
        "to": mail.recipient,
        "subject": str(message["subject"]),
        "day": f"{sent:%a} {sent.day} {sent:%b}",
        "message_id": str(message["message-id"]),
    }


async def _content(request: Request) -> Response:
    inbox: Inbox = request.app.state.inbox
    number, form = request.path_params["number"], request.path_params["form"]
    mail = next((one for one in inbox.catcher.mails if one.number == number), None)
    show = _FORMS.get(form)
    if mail is None or show is None:
        return PlainTextResponse("There is no such mail.", 404)
    return show(mail)


def _as_html(mail: Caught) -> Response:
    # Links of a mail open beside the mail program, not in it; scripts and remote content stay off.
    html = mail.part("html").replace("<head>", '<head><base target="_blank">', 1)
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox"
    return HTMLResponse(html, headers={"Content-Security-Policy": policy})


def _as_text(mail: Caught) -> Response:
    return PlainTextResponse(mail.part("plain"))


def _as_source(mail: Caught) -> Response:
    return PlainTextResponse(mail.raw.decode("ascii", "replace"))


_FORMS: dict[str, Callable[[Caught], Response]] = {"html": _as_html, "text": _as_text, "source": _as_source}


async def _next(request: Request) -> Response:
    inbox: Inbox = request.app.state.inbox
    async with inbox.busy:
        if not inbox.story.over:
            await inbox.story.next_morning()
    return RedirectResponse(_first_to_read(inbox), 303)


def _first_to_read(inbox: Inbox) -> str:
    """Return the page of the newest mail to whoever rated something, else of the first reader."""
    emails = [change.reader.email for change in inbox.story.changes] or [READERS[0].email]
    number = max((mail.number for mail in inbox.catcher.mails if mail.recipient == emails[0]), default=0)
    return f"/mail/{number}" if number else "/"
