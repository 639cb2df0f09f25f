"""The feedback page: all papers of one mail, with buttons. Opening it changes nothing."""

from __future__ import annotations

import re
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from digestbot.digest import wording
from digestbot.digest.words import Words, words_of
from digestbot.errors import LinkError
from digestbot.models import DISLIKE, LIKE, Digest, DigestItem, PaperId, RatingValue
from digestbot.web.languages import asked_for
from digestbot.web.pages import FormError, Pages, read_form

_CHOICES: dict[str, RatingValue | Literal[0]] = {"like": LIKE, "dislike": DISLIKE, "none": 0}
_NAMES = {value: name for name, value in _CHOICES.items()}
_FIELD = re.compile(r"p([1-9]\d{0,2})\Z")


async def feedback(request: Request) -> Response:
    """GET and HEAD show the digest's papers, POST records what is marked."""
    pages: Pages = request.app.state.pages
    words = asked_for(request)
    try:
        form = await read_form(request) if request.method == "POST" else None
    except FormError:
        return pages.no_form(words)
    return await run_in_threadpool(
        _answer, pages, words, request.path_params["token"], dict(request.query_params), form
    )


def _answer(pages: Pages, words: Words, token: str, query: dict[str, str], form: dict[str, str] | None) -> Response:
    try:
        digest = pages.digests.find(pages.links.read("f", token))
    except LinkError:
        return pages.not_ours(words)
    if digest is None:
        return pages.say(
            words,
            words.gettext("Nothing to do here"),
            words.gettext("This list is not kept any more, or was only a preview."),
        )
    # As its mail does, whatever the reader chooses meanwhile.
    words = words_of(digest.language)
    return _ask(pages, words, digest, query) if form is None else _record(pages, words, digest, form)


def _ask(pages: Pages, words: Words, digest: Digest, query: dict[str, str]) -> Response:
    current = _current(pages, digest)
    asked = _asked(digest, query)
    rows = []
    for item in digest.items:
        stored = chosen = _NAMES[current.get(item.paper.id, 0)]
        if asked and asked[0] == item.position:
            chosen = asked[1]
        rows.append(
            {
                "position": item.position,
                "title": _title(item),
                "url": item.paper.url,
                "authors": wording.shorten(wording.author_line(item.paper.authors), 300),
                "category": item.paper.categories[0] if item.paper.categories else "",
                "choice": chosen,
                "stored": stored,
            }
        )
    first = [row for row in rows if asked and row["position"] == asked[0]]
    return pages.show(
        "feedback",
        words,
        day=words.day(digest.local_day),
        asked={"like": words.gettext("Like"), "dislike": words.gettext("Not for me")}[asked[1]] if asked else "",
        first=first,
        others=[row for row in rows if row not in first],
    )


def _asked(digest: Digest, query: dict[str, str]) -> tuple[int, str] | None:
    """Return the position and the choice that a link of the mail preselects."""
    # Positions may have gaps: of two papers that turned out to be one, the first stays.
    positions = {str(item.position): item.position for item in digest.items}
    for choice in ("like", "dislike"):
        if (position := query.get(choice, "")) in positions:
            return positions[position], choice
    return None


def _record(pages: Pages, words: Words, digest: Digest, form: dict[str, str]) -> Response:
    papers = {item.position: item.paper for item in digest.items}
    # A place is empty when its paper turned out to be one with that of another place.
    ours = any((found := _FIELD.match(name)) and int(found.group(1)) in papers for name in form)
    values: dict[PaperId, RatingValue | Literal[0]] = {}
    for name, choice in form.items():
        found = _FIELD.match(name)
        if found is None:
            continue
        position = int(found.group(1))
        if position not in papers and ours:
            continue
        if position not in papers or choice not in _CHOICES:
            return pages.say(
                words,
                words.gettext("That did not work"),
                words.gettext("The form is not of this list. Nothing was recorded."),
                status=400,
            )
        # What the page showed as recorded, and the reader left as it was, is not an opinion: another
        # page of the same list may have changed it meanwhile.
        if form.get(f"w{position}") == choice:
            continue
        values[papers[position].id] = _CHOICES[choice]
    before = pages.ratings.record(digest.subscriber_id, values, now=pages.clock(), origin="mail", digest_id=digest.id)
    if not before and _left_out(pages, digest, values):
        return pages.say(
            words,
            words.gettext("This was not counted"),
            words.gettext(
                "Every paper of this mail was marked as liked and as not liked within seconds. Mail scanners do that:"
                " they press every button they find. So none of it was kept. If it was you, wait a minute and mark"
                " them again."
            ),
        )
    changed: list[dict[str, Any]] = [
        {
            "position": item.position,
            "title": _title(item),
            "url": item.paper.url,
            "now": _NAMES[values[item.paper.id]],
            "before": _NAMES[_value(before[item.paper.id])],
        }
        for item in digest.items
        if item.paper.id in before
    ]
    return pages.show(
        "recorded",
        words,
        day=words.day(digest.local_day),
        changed=changed,
        undone=form.get("undo") == "1",
        others=len(digest.items) - len(changed),
        others_word=wording.number_word(len(digest.items) - len(changed), words),
    )


def _title(item: DigestItem) -> str:
    return wording.shorten(wording.title(item.paper), 300)


def _left_out(pages: Pages, digest: Digest, values: dict[PaperId, RatingValue | Literal[0]]) -> bool:
    """Return whether what was marked does not hold: the store took it for a scanner's. The page must not say else."""
    current = _current(pages, digest)
    return any(current.get(paper_id, 0) != value for paper_id, value in values.items())


def _current(pages: Pages, digest: Digest) -> dict[PaperId, RatingValue]:
    ratings = pages.ratings.of([digest.subscriber_id])[digest.subscriber_id]
    return {rating.paper_id: rating.value for rating in ratings}


def _value(number: int) -> RatingValue | Literal[0]:
    return LIKE if number > 0 else DISLIKE if number < 0 else 0
