"""Preferences: when the mails come, how much is in one, and in which language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar
from zoneinfo import available_timezones

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from digestbot.digest.words import Words, words_of
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
from digestbot.web.languages import asked_for
from digestbot.web.pages import FormError, Pages, read_form

_Meaning = TypeVar("_Meaning")

_MOST_PAPERS = 50
_SOME_MONDAY = date(2024, 1, 1)


async def preferences(request: Request) -> Response:
    """GET and HEAD show the form, POST saves it."""
    pages: Pages = request.app.state.pages
    words = asked_for(request)
    try:
        form = await read_form(request) if request.method == "POST" else None
    except FormError:
        return pages.no_form(words)
    return await run_in_threadpool(_preferences, pages, words, request.path_params["token"], form)


def _preferences(pages: Pages, words: Words, token: str, form: dict[str, str] | None) -> Response:
    try:
        subscriber = pages.subscribers.find(pages.links.read("p", token))
    except LinkError:
        return pages.not_ours(words)
    if subscriber is None:
        return pages.erased(words)
    words = words_of(subscriber.language)
    if subscriber.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED):
        return pages.say(
            words,
            words.gettext("No mail comes to you"),
            words.gettext("This subscription has ended, so there is nothing to set."),
        )
    if form is None:
        return _show_form(pages, subscriber)
    try:
        chosen = _choices(form, words)
    except _ChoiceError as error:
        return _show_form(pages, subscriber, problem=str(error), status=400)
    pages.subscribers.set_preferences(
        subscriber.id,
        timezone=chosen.timezone,
        send_at=chosen.send_at,
        days=chosen.days,
        papers=chosen.papers,
        language=chosen.language,
        now=pages.clock(),
        paused=form.get("pause") == "1",
    )
    return _show_form(pages, pages.subscribers.find(subscriber.id) or subscriber, saved=True)


class _ChoiceError(UsageError):
    """Something that cannot be chosen; its text is a sentence in the reader's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choices:
    """What a form asks for; without a language the old one stays."""

    send_at: str
    timezone: str
    days: str
    papers: int
    language: str | None


def _choices(form: dict[str, str], words: Words) -> _Choices:
    return _Choices(
        send_at=_send_at(form, words),
        timezone=_timezone(form, words),
        days=_days(form, words),
        papers=_papers(form, words),
        # A page that was opened before there was a choice says nothing of it.
        language=_language(form, words) if "language" in form else None,
    )


def _send_at(form: dict[str, str], words: Words) -> str:
    # Some browsers send seconds as well.
    asked = form.get("send_at", "")[:5]
    wrong = words.gettext("“%(asked)s” is not a time of day such as 07:00.")
    return _read(parse_time, asked, wrong).strftime("%H:%M")


def _timezone(form: dict[str, str], words: Words) -> str:
    asked = form.get("timezone", "").strip()[:60]
    return _read(zone, asked, words.gettext("“%(asked)s” is not a time zone such as Europe/Berlin.")).key


def _days(form: dict[str, str], words: Words) -> str:
    days = form.get("days", "")
    if days == "some":
        days = ",".join(name for name in WEEKDAYS if form.get(name) == "1")
        if not days:
            raise _ChoiceError(words.gettext("Choose at least one day."))
    return _read(canonical_days, days, words.gettext("“%(asked)s” does not name days."))


def _papers(form: dict[str, str], words: Words) -> int:
    asked = form.get("papers", "")
    if not (asked.isdecimal() and len(asked) <= 3 and 1 <= int(asked) <= _MOST_PAPERS):
        wrong = words.gettext("The number of papers goes from 1 to %(most)s.")
        raise _ChoiceError(wrong % {"most": _MOST_PAPERS})
    return int(asked)


def _language(form: dict[str, str], words: Words) -> str:
    wrong = words.gettext("“%(asked)s” is not a language of the mails.")
    return _read(parse_language, form["language"], wrong)


def _read(read: Callable[[str], _Meaning], asked: str, wrong: str) -> _Meaning:
    """Return what a text of a form means; raise what is ``wrong`` with it in the words of the reader, not in ours."""
    try:
        return read(asked)
    except UsageError as error:
        raise _ChoiceError(wrong % {"asked": asked}) from error


def _show_form(
    pages: Pages, subscriber: Subscriber, *, saved: bool = False, problem: str = "", status: int = 200
) -> Response:
    words, chosen = words_of(subscriber.language), weekdays(subscriber.days)
    return pages.show(
        "preferences",
        words,
        status=status,
        saved=saved,
        problem=problem,
        send_at=subscriber.send_at.strftime("%H:%M"),
        zone=subscriber.timezone,
        zones=sorted(available_timezones()),
        days=subscriber.days if subscriber.days in ("daily", "weekdays", "weekly") else "some",
        weekdays=[
            {
                "name": name,
                "label": words.weekday(_SOME_MONDAY + timedelta(days=number)),
                "chosen": number in chosen,
            }
            for number, name in enumerate(WEEKDAYS)
        ],
        languages=LANGUAGES,
        language=subscriber.language,
        papers=subscriber.papers,
        most_papers=_MOST_PAPERS,
        paused=subscriber.state == SubscriberState.PAUSED,
        unsubscribe=pages.links.unsubscribe(subscriber.id),
    )
