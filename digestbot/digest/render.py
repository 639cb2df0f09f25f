"""Digests and notes become HTML and text by the templates."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from digestbot.digest import alerts, wording
from digestbot.errors import RenderError
from digestbot.links import Links
from digestbot.models import Digest, DigestItem, Subscriber

_MAX_TITLE = 300
_TEXT_WIDTH = 72
# Without the no-break space, which keeps together what it joins.
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail's subject and its two parts."""

    subject: str
    html: str
    text: str


def environment(folder: Path, override: Path | None = None) -> jinja2.Environment:
    """Return the template environment; files in ``override`` replace ours one by one.

    HTML is escaped, text is not, and a name that a template misspells is an error.
    """
    if override is not None and not override.is_dir():
        raise RenderError(f"{override}: there is no such folder; make it, or set 'templates' to \"\"")
    folders = [override, folder] if override else [folder]
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(one) for one in folders]),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default_for_string=True, default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["wrapped"] = wrapped
    return made


def wrapped(text: str, indent: str = "", rest: str | None = None) -> str:
    """Return text folded to 72 columns; addresses and long words stay whole."""
    return textwrap.fill(
        _BLANKS.sub(" ", text).strip(" "),
        _TEXT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


class Renderer:
    """Renders mails from the templates of one folder, with the links of one installation."""

    def __init__(self, templates: jinja2.Environment, links: Links, *, postal_address: str = "") -> None:
        self._templates = templates
        self._links = links
        self._postal_address = postal_address

    def digest(self, digest: Digest, subscriber: Subscriber) -> Rendered:
        """Render one digest. The result depends on the arguments, templates, keys and settings alone."""
        feedback = self._links.feedback(digest.id)
        return self._render(
            "digest",
            wording.subject(digest),
            {
                "day": wording.long_day(digest.local_day),
                "number": digest.number,
                "chosen": wording.number_word(len(digest.items)),
                "considered": digest.considered,
                "preheader": wording.preheader(digest),
                "lead": wording.lead(digest),
                "items": [_item(item, feedback) for item in digest.items],
                "email": subscriber.email,
                "how_often": wording.how_often(digest.days),
                "preferences": self._links.preferences(subscriber.id),
                "unsubscribe": self._links.unsubscribe(subscriber.id),
                "postal_address": self._postal_address,
            },
        )

    def confirm(self, subscriber: Subscriber, link: str) -> Rendered:
        """Render the mail that asks whether the sign-up was meant."""
        return self._render(
            "confirm",
            "Please confirm: a daily mail of new papers",
            {
                "email": subscriber.email,
                "how_often": wording.how_often(subscriber.days),
                "confirm": link,
                "postal_address": self._postal_address,
            },
        )

    def alert(self, concerns: Sequence[alerts.Concern], address: str, now: datetime) -> Rendered:
        """Render the mail that tells the admin which sources bring nothing."""
        return self._render(
            "alert",
            alerts.subject(concerns),
            {
                "concerns": [
                    {
                        "source": one.source,
                        "headline": alerts.headline(one),
                        "meaning": alerts.meaning(one, now),
                        "facts": alerts.facts(one),
                    }
                    for one in concerns
                ],
                "arxiv": any(one.source == "arxiv" for one in concerns),
                "closing": alerts.CLOSING,
                "email": address,
            },
        )

    def _render(self, name: str, subject: str, values: Mapping[str, Any]) -> Rendered:
        try:
            html = self._templates.get_template(f"email/{name}.html.j2").render(values, subject=subject)
            text = self._templates.get_template(f"email/{name}.txt.j2").render(values, subject=subject)
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            where = f"email/{name}" if not isinstance(error, jinja2.TemplateSyntaxError) else error.filename
            raise RenderError(f"template {where}: {error}") from error
        return Rendered(subject=subject, html=html, text=text)


def _item(item: DigestItem, feedback: str) -> dict[str, Any]:
    paper = item.paper
    phrase, why = wording.reason(item.reason, paper)
    return {
        "position": item.position,
        "title": wording.shorten(paper.title, _MAX_TITLE),
        "url": paper.url,
        "id": item.shown_id,
        "authors": wording.shorten(wording.author_line(paper.authors), _MAX_TITLE),
        "meta": wording.meta(paper),
        "summary": wording.summary(paper.abstract),
        "phrase": phrase,
        "why": why,
        "like": f"{feedback}?like={item.position}",
        "dislike": f"{feedback}?dislike={item.position}",
    }
