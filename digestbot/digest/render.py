"""Digests and notes become HTML and text by the templates."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from digestbot.digest import alerts, wording
from digestbot.digest.inlining import Inliner
from digestbot.digest.readable import readable
from digestbot.errors import RenderError
from digestbot.links import Links
from digestbot.models import Digest, DigestItem, Paper, Subscriber
from digestbot.schedule import local_day, next_due

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

    HTML is escaped, text is not, and a name that a template misspells is an error. Templates of mails get the looks of
    their classes as inline styles when they are loaded.
    """
    if override is not None and not override.is_dir():
        raise RenderError(f"{override}: there is no such folder; make it, or set 'templates' to \"\"")
    folders = [override, folder] if override else [folder]
    made = jinja2.Environment(
        loader=_InliningLoader([str(one) for one in folders]),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default_for_string=True, default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["wrapped"] = wrapped
    return made


class _InliningLoader(jinja2.FileSystemLoader):
    """Loads templates; those of mails with inline styles."""

    _inliner: Inliner | None = None

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, is_current = super().get_source(environment, template)
        if not (template.startswith("email/") and template.endswith(".html.j2")):
            return source, path, is_current
        if self._inliner is None:
            look, screen = (
                super(_InliningLoader, self).get_source(environment, f"email/{name}.css")[0]
                for name in ("_look", "_screen")
            )
            self._inliner = Inliner(look, screen)
        return self._inliner.inline(source), path, is_current


def wrapped(text: str, indent: str = "", rest: str | None = None) -> str:
    """Return text folded to 72 columns; addresses and long words stay whole."""
    line = _BLANKS.sub(" ", text).strip(" ")
    if len(indent) + len(line) <= _TEXT_WIDTH:
        return f"{indent}{line}"
    return textwrap.fill(
        line,
        _TEXT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Brevity:
    """How much a mail says of a digest: so many characters of each abstract, of so many papers."""

    summary: int
    papers: int | None = None


# Four lines of a column.
FULL = Brevity(summary=290)
# What is said less when a mail becomes too large: shorter abstracts first, then fewer papers.
SHORTER = (*(Brevity(summary=most) for most in (200, 110, 0)), *(Brevity(summary=0, papers=most) for most in (20, 10)))


@dataclass(frozen=True, slots=True)
class _Block:
    """What every mail of a day says of a paper."""

    values: Mapping[str, Any]
    html: Markup
    text: str


class Renderer:
    """Renders mails from the templates of one folder, with the links of one installation."""

    def __init__(self, templates: jinja2.Environment, links: Links, *, postal_address: str = "") -> None:
        self._templates = templates
        self._links = links
        self._postal_address = postal_address
        # The same paper goes into many mails.
        self._block = lru_cache(maxsize=4096)(self._render_block)

    def digest(self, digest: Digest, subscriber: Subscriber, brevity: Brevity = FULL) -> Rendered:
        """Render one digest. The result depends on the arguments, templates, keys and settings alone."""
        feedback = self._links.feedback(digest.id)
        shown = digest.items[: brevity.papers]
        sections = wording.sections(digest)
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
                "items": [
                    self._item(item, feedback, section, brevity.summary, level=3 if any(sections) else 2)
                    for item, section in zip(shown, sections, strict=False)
                ],
                "left_out": wording.left_out(len(digest.items) - len(shown)),
                "all": feedback,
                "email": subscriber.email,
                "how_often": wording.how_often(digest.days),
                "preferences": self._links.preferences(subscriber.id),
                "unsubscribe": self._links.unsubscribe(subscriber.id),
                "postal_address": self._postal_address,
            },
        )

    def confirm(self, subscriber: Subscriber, link: str) -> Rendered:
        """Render the mail that asks whether the sign-up was meant."""
        return self._note("confirm", "Please confirm: a daily mail of new papers", subscriber, confirm=link)

    def welcome(self, subscriber: Subscriber, now: datetime) -> Rendered:
        """Render the mail that greets a new subscriber and says when the first list comes."""
        comes = next_due(now, subscriber, None)
        first = wording.soon(local_day(comes, subscriber.timezone), local_day(now, subscriber.timezone))
        return self._note(
            "welcome",
            f"Welcome: your first list comes {first}",
            subscriber,
            first=first,
            send_at=subscriber.send_at.strftime("%H:%M"),
            timezone=subscriber.timezone,
        )

    def goodbye(self, subscriber: Subscriber) -> Rendered:
        """Render the last mail."""
        return self._note("goodbye", "Goodbye: no more mails of new papers", subscriber)

    def quiet(self, subscriber: Subscriber, now: datetime) -> Rendered:
        """Render the mail of a day without a paper worth sending."""
        day = local_day(now, subscriber.timezone)
        title = f"A quiet day: nothing new for you ({wording.short_day(day)})"
        return self._note("quiet", title, subscriber, day=wording.long_day(day))

    def _note(self, name: str, subject: str, subscriber: Subscriber, **values: Any) -> Rendered:
        known = {
            "email": subscriber.email,
            "how_often": wording.how_often(subscriber.days),
            "preferences": self._links.preferences(subscriber.id),
            "unsubscribe": self._links.unsubscribe(subscriber.id),
            "postal_address": self._postal_address,
        }
        return self._render(name, subject, known | values)

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

    def _item(self, item: DigestItem, feedback: str, section: str, summary: int, *, level: int) -> dict[str, Any]:
        # The mail says the same whatever the paper is called by now.
        paper = replace(item.paper, id=item.shown_id)
        phrase, why = wording.reason(item.reason, paper)
        followed = item.reason.terms if item.reason.kind == "follow" else ()
        block = self._block(paper, followed, summary, level)
        return {
            "position": item.position,
            "section": section,
            "paper": block.html,
            "text": block.text,
            # For templates of one's own.
            **block.values,
            "phrase": phrase,
            "why": why,
            "like": f"{feedback}?like={item.position}",
            "dislike": f"{feedback}?dislike={item.position}",
            "similar": self._links.paper(paper.id),
        }

    def _render_block(self, paper: Paper, followed: tuple[str, ...], summary: int, level: int) -> _Block:
        authors = wording.shown_authors(paper.authors, followed)
        values = {
            "title": wording.shorten(wording.title(paper), _MAX_TITLE),
            "url": paper.url,
            "id": paper.id.removeprefix("arxiv:"),
            "authors": authors,
            "author_line": "".join(one.before + one.name for one in authors),
            "meta": wording.meta(paper),
            "summary": wording.summary(readable(paper.abstract), summary),
            "level": level,
        }
        html, text = self._parts("_paper", {"paper": values})
        return _Block(values, Markup(html), text)  # noqa: S704 - the template has escaped what is in it

    def _render(self, name: str, subject: str, values: Mapping[str, Any]) -> Rendered:
        html, text = self._parts(name, {"lang": "en", "subject": subject, **values})
        return Rendered(subject=subject, html=html, text=text)

    def _parts(self, name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        try:
            html = self._templates.get_template(f"email/{name}.html.j2").render(values)
            text = self._templates.get_template(f"email/{name}.txt.j2").render(values)
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            where = f"email/{name}" if not isinstance(error, jinja2.TemplateSyntaxError) else error.filename
            raise RenderError(f"template {where}: {error}") from error
        return html, text
