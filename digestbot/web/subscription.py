"""Unsubscribing, preferences, and confirming a sign-up."""

from __future__ import annotations

from zoneinfo import available_timezones

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from digestbot.errors import LinkError, UsageError
from digestbot.models import (
    LANGUAGES,
    WEEKDAYS,
    Subscriber,
    SubscriberState,
    canonical_days,
    parse_language,
    parse_time,
    weekdays,
    zone,
)
from digestbot.pipeline import subscriptions
from digestbot.web.pages import FormError, Pages, read_form

_MOST_PAPERS = 50
_GONE = ("Nothing to do here", "This subscription is not kept any more. No mail will come.")
_DAY_LABELS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def unsubscribe(request: Request) -> Response:
    """GET and HEAD show a page; POST ends the subscription at once, whatever its body (RFC 8058)."""
    pages: Pages = request.app.state.pages
    form: dict[str, str] | None = None
    if request.method == "POST":
        try:
            form = await read_form(request)
        except FormError:
            form = {}
    return await run_in_threadpool(_unsubscribe, pages, request.path_params["token"], form)


def _unsubscribe(pages: Pages, token: str, form: dict[str, str] | None) -> Response:
    try:
        subscriber = pages.subscribers.find(pages.links.read("u", token))
    except LinkError as error:
        return _bad_link(pages, error)
    if subscriber is None:
        return pages.say(*_GONE)
    ended = subscriber.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED)
    if form is None:
        return pages.show("unsubscribe", ended=ended)
    if form.get("again") == "1":
        return _come_back(pages, subscriber)
    subscriptions.end(pages.subscribers, pages.outbox, subscriber, domain=pages.domain, now=pages.clock())
    return pages.show("unsubscribe", ended=True)


def _come_back(pages: Pages, subscriber: Subscriber) -> Response:
    left = (SubscriberState.UNSUBSCRIBED,)
    back = pages.subscribers.set_state(subscriber.id, SubscriberState.ACTIVE, pages.clock(), among=left)
    if not back and subscriber.state != SubscriberState.ACTIVE:
        return pages.say("Nothing to undo", "This subscription was not ended here, or its address refuses mail.")
    return pages.say("Welcome back", "The next list comes at your usual hour.")


async def confirm(request: Request) -> Response:
    """GET and HEAD show a page; POST makes a pending subscriber active."""
    pages: Pages = request.app.state.pages
    return await run_in_threadpool(_confirm, pages, request.path_params["token"], request.method == "POST")


def _confirm(pages: Pages, token: str, yes: bool) -> Response:
    try:
        subscriber = pages.subscribers.find(pages.links.read_confirm(token, pages.clock()))
    except LinkError as error:
        return _bad_link(pages, error)
    if subscriber is None:
        return pages.say(*_GONE)
    if subscriber.state == SubscriberState.PENDING:
        if not yes:
            return pages.show("confirm")
        subscriptions.begin(pages.subscribers, pages.outbox, subscriber, domain=pages.domain, now=pages.clock())
    elif subscriber.state != SubscriberState.ACTIVE:
        return pages.say("This link has done its work", "The subscription has been changed since.")
    return pages.show(
        "confirmed",
        send_at=subscriber.send_at.strftime("%H:%M"),
        zone=subscriber.timezone,
        preferences=pages.links.preferences(subscriber.id),
    )


async def preferences(request: Request) -> Response:
    """GET and HEAD show the form, POST saves it."""
    pages: Pages = request.app.state.pages
    try:
        form = await read_form(request) if request.method == "POST" else None
    except FormError as error:
        return pages.say("That did not work", f"The form is {error}. Nothing was changed.", status=400)
    return await run_in_threadpool(_preferences, pages, request.path_params["token"], form)


def _preferences(pages: Pages, token: str, form: dict[str, str] | None) -> Response:
    try:
        subscriber = pages.subscribers.find(pages.links.read("p", token))
    except LinkError as error:
        return _bad_link(pages, error)
    if subscriber is None:
        return pages.say(*_GONE)
    if subscriber.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED):
        return pages.say("No mail comes to you", "This subscription has ended, so there is nothing to set.")
    if form is None:
        return _show_form(pages, subscriber)
    try:
        send_at, zone_name, days, papers, language = _choices(form)
    except UsageError as error:
        return _show_form(pages, subscriber, problem=str(error), status=400)
    pages.subscribers.set_preferences(
        subscriber.id,
        timezone=zone_name,
        send_at=send_at,
        days=days,
        papers=papers,
        language=language,
        now=pages.clock(),
        paused=form.get("pause") == "1",
    )
    return _show_form(pages, pages.subscribers.find(subscriber.id) or subscriber, saved=True)


def _choices(form: dict[str, str]) -> tuple[str, str, str, int, str | None]:
    send_at = parse_time(form.get("send_at", "")[:5]).strftime("%H:%M")
    zone_name = zone(form.get("timezone", "").strip()[:60]).key
    days = form.get("days", "")
    if days == "some":
        days = ",".join(name for name in WEEKDAYS if form.get(name) == "1")
        if not days:
            raise UsageError("Choose at least one day")
    papers = form.get("papers", "")
    if not (papers.isdecimal() and len(papers) <= 3 and 1 <= int(papers) <= _MOST_PAPERS):
        raise UsageError(f"The number of papers goes from 1 to {_MOST_PAPERS}")
    # A page that was opened before there was a choice says nothing of it.
    language = parse_language(form["language"]) if "language" in form else None
    return send_at, zone_name, canonical_days(days), int(papers), language


def _show_form(
    pages: Pages, subscriber: Subscriber, *, saved: bool = False, problem: str = "", status: int = 200
) -> Response:
    chosen = weekdays(subscriber.days)
    return pages.show(
        "preferences",
        status=status,
        saved=saved,
        problem=problem,
        send_at=subscriber.send_at.strftime("%H:%M"),
        zone=subscriber.timezone,
        zones=sorted(available_timezones()),
        days=subscriber.days if subscriber.days in ("daily", "weekdays", "weekly") else "some",
        weekdays=[
            {"name": name, "label": label, "chosen": number in chosen}
            for number, (name, label) in enumerate(zip(WEEKDAYS, _DAY_LABELS, strict=True))
        ],
        languages=LANGUAGES,
        language=subscriber.language,
        papers=subscriber.papers,
        most_papers=_MOST_PAPERS,
        paused=subscriber.state == SubscriberState.PAUSED,
        unsubscribe=pages.links.unsubscribe(subscriber.id),
    )


def _bad_link(pages: Pages, error: LinkError) -> Response:
    return pages.say("This link does not work", f"Sorry, {error}. Try the one in the mail once more.", status=404)
