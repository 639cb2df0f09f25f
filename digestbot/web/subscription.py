"""Unsubscribing, and confirming a sign-up."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from digestbot.digest.words import Words, words_of
from digestbot.errors import LinkError
from digestbot.models import Subscriber, SubscriberState
from digestbot.pipeline import subscriptions
from digestbot.web.languages import asked_for
from digestbot.web.pages import FormError, Pages, read_form


async def unsubscribe(request: Request) -> Response:
    """GET and HEAD show a page; POST ends the subscription at once, whatever its body (RFC 8058)."""
    pages: Pages = request.app.state.pages
    form: dict[str, str] | None = None
    if request.method == "POST":
        try:
            form = await read_form(request)
        except FormError:
            form = {}
    return await run_in_threadpool(_unsubscribe, pages, asked_for(request), request.path_params["token"], form)


def _unsubscribe(pages: Pages, words: Words, token: str, form: dict[str, str] | None) -> Response:
    try:
        subscriber = pages.subscribers.find(pages.links.read("u", token))
    except LinkError:
        return pages.not_ours(words)
    if subscriber is None:
        return pages.erased(words)
    words = words_of(subscriber.language)
    ended = subscriber.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED)
    if form is None:
        return pages.show("unsubscribe", words, ended=ended)
    if form.get("again") == "1":
        return _come_back(pages, words, subscriber)
    subscriptions.end(pages.subscribers, subscriber, domain=pages.domain, now=pages.clock())
    return pages.show("unsubscribe", words, ended=True)


def _come_back(pages: Pages, words: Words, subscriber: Subscriber) -> Response:
    # Who is back already has pressed twice.
    state = pages.subscribers.come_back(subscriber.id, pages.clock()) or subscriber.state
    if state not in (SubscriberState.ACTIVE, SubscriberState.PAUSED):
        return pages.say(
            words,
            words.gettext("Nothing to undo"),
            words.gettext("This subscription was not ended here, or its address refuses mail."),
        )
    title = words.gettext("Welcome back")
    if state == SubscriberState.PAUSED:
        return pages.say(words, title, words.gettext("Saved. Mails are paused."))
    return pages.say(words, title, words.gettext("The next list comes at your usual hour."))


async def confirm(request: Request) -> Response:
    """GET and HEAD show a page; POST makes a pending subscriber active."""
    pages: Pages = request.app.state.pages
    token, yes = request.path_params["token"], request.method == "POST"
    return await run_in_threadpool(_confirm, pages, asked_for(request), token, yes)


def _confirm(pages: Pages, words: Words, token: str, yes: bool) -> Response:
    try:
        subscriber = pages.subscribers.find(pages.links.read_confirm(token, pages.clock()))
    except LinkError:
        return pages.say(
            words,
            words.gettext("This link does not work"),
            words.gettext(
                "Sorry, it is not complete, not ours, or older than 48 hours. Try the one in the mail once more."
            ),
            status=404,
        )
    if subscriber is None:
        return pages.erased(words)
    words = words_of(subscriber.language)
    if subscriber.state == SubscriberState.PENDING:
        if not yes:
            return pages.show("confirm", words)
        subscriptions.begin(pages.subscribers, subscriber, domain=pages.domain, now=pages.clock())
    elif subscriber.state != SubscriberState.ACTIVE:
        return pages.say(
            words,
            words.gettext("This link has done its work"),
            words.gettext("The subscription has been changed since."),
        )
    return pages.show(
        "confirmed",
        words,
        send_at=subscriber.send_at.strftime("%H:%M"),
        zone=subscriber.timezone,
        preferences=pages.links.preferences(subscriber.id),
    )
