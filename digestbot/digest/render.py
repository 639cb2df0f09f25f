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
from markupsafe import Markup, escape

from digestbot.digest import alerts, wording
from digestbot.digest.inlining import Inliner
from digestbot.digest.readable import readable
from digestbot.digest.words import ENGLISH, Words, words_of
from digestbot.errors import RenderError
from digestbot.links import Links
from digestbot.models import LANGUAGES, Digest, DigestItem, Paper, Subscriber
from digestbot.schedule import local_day, next_due

_MAX_TITLE = 300
_CLOSING = (
    "Look at its source: SPF, DKIM and DMARC should say pass. If it lay among the spam, say that it is none; mails to"
    " others may lie there too."
)
_TEXT_WIDTH = 72
# Without the no-break space, which keeps together what it joins.
_BLANKS = re.compile(r"[ \t\r\n]+")
# A sentence without names, by itself.
_SAID = re.compile(r"""\{\{ _\("(?P<message>[^"\\]*)"\) \}\}""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail's subject and its two parts."""

    subject: str
    html: str
    text: str


def environment(folder: Path, override: Path | None = None) -> jinja2.Environment:
    """Return the template environment; files in ``override`` replace ours one by one.

    HTML is escaped, text is not, and a name that a template misspells is an error. Templates of mails get the looks of
    their classes as inline styles when they are loaded, and speak the language of the ``words`` they are rendered with.
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
    made.filters["aligned"] = aligned
    made.add_extension("jinja2.ext.i18n")
    # In place of the extension's own, each of which makes four calls of one.
    made.globals.update({"_": _said, "gettext": _said, "ngettext": _said_of_many})
    vars(made)["newstyle_gettext"] = True
    return made


@jinja2.pass_context
def _said(context: jinja2.runtime.Context, message: str, /, **values: Any) -> str:
    """Return a sentence in the language of the mail, its names filled in; it is text: what is markup is escaped."""
    words = _words_in(context)
    if not values:
        return _whole(words, message)
    return _sentence(words, message, bool(context.eval_ctx.autoescape)) % values


@jinja2.pass_context
def _said_of_many(context: jinja2.runtime.Context, one: str, many: str, number: int, /, **values: Any) -> str:
    """Return a sentence of one or of many; without a name of its own the number is called ``num``."""
    said = _words_in(context).ngettext(one, many, number)
    return (Markup.escape(said) if context.eval_ctx.autoescape else said) % {"num": number, **values}


def _words_in(context: jinja2.runtime.Context) -> Words:
    words = context.resolve_or_missing("words")
    return words if isinstance(words, Words) else ENGLISH


@lru_cache(maxsize=1024)
def _sentence(words: Words, message: str, escaped: bool) -> str:
    return Markup.escape(words.gettext(message)) if escaped else words.gettext(message)


@lru_cache(maxsize=1024)
def _whole(words: Words, message: str) -> str:
    # As in sentences with names, %% is a %.
    return words.gettext(message) % {}


def speaking(templates: jinja2.Environment, words: Words) -> jinja2.Environment:
    """Return the environment with templates of mails that say in one language what they say without names."""
    folders = getattr(templates.loader, "searchpath", [])
    return templates.overlay(loader=_InliningLoader(folders, words))


class _InliningLoader(jinja2.FileSystemLoader):
    """Loads templates; those of mails with inline styles, and with what they say without names said already."""

    _inliner: Inliner | None = None

    def __init__(self, folders: Sequence[str], words: Words | None = None) -> None:
        super().__init__(folders)
        self._words = words

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, is_current = super().get_source(environment, template)
        if self._words and template.startswith("email/"):
            source = _said_already(source, self._words, escaped=template.endswith(".html.j2"))
        if not (template.startswith("email/") and template.endswith(".html.j2")):
            return source, path, is_current
        if self._inliner is None:
            look, screen = (
                super(_InliningLoader, self).get_source(environment, f"email/{name}.css")[0]
                for name in ("_look", "_screen")
            )
            self._inliner = Inliner(look, screen)
        return self._inliner.inline(source), path, is_current


def _said_already(source: str, words: Words, *, escaped: bool) -> str:
    def said(found: re.Match[str]) -> str:
        text = _whole(words, found["message"])
        # Jinja would obey it.
        if "{" in text:
            return found[0]
        return str(escape(text)) if escaped else text

    return _SAID.sub(said, source)


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


def aligned(names: Sequence[str]) -> list[str]:
    """Return names with blanks behind them, so that what follows begins in one column."""
    width = max(map(len, names)) + 2
    return [name.ljust(width) for name in names]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brevity:
    """How much a mail says of a digest: so many characters of each abstract, of so many papers."""

    summary: int
    papers: int | None = None


# Four lines of a column.
FULL = Brevity(summary=290)
# What is said less when a mail becomes too large: shorter abstracts first, then fewer papers.
SHORTER = (
    *(Brevity(summary=most) for most in (200, 110, 0)),
    *(Brevity(summary=0, papers=most) for most in (20, 15, 10)),
)


@dataclass(frozen=True, slots=True)
class _Block:
    """What every mail of a day says of a paper."""

    values: Mapping[str, Any]
    html: Markup
    text: str


class Renderer:
    """Renders mails from the templates of one folder, with the links of one installation."""

    def __init__(self, templates: jinja2.Environment, links: Links, *, postal_address: str = "") -> None:
        self._links = links
        self._postal_address = postal_address
        self._templates = lru_cache(maxsize=len(LANGUAGES))(lambda words: speaking(templates, words))
        # The same paper goes into many mails.
        self._block = lru_cache(maxsize=4096)(self._render_block)

    def digest(self, digest: Digest, subscriber: Subscriber, brevity: Brevity = FULL) -> Rendered:
        """Render one digest. The result depends on the arguments, templates, keys and settings alone."""
        feedback = self._links.feedback(digest.id)
        shown = digest.items[: brevity.papers]
        # The mail says the same whatever the subscriber chooses meanwhile.
        words = words_of(digest.language)
        sections = wording.sections(digest, words)
        return self._render(
            "digest",
            words,
            wording.subject(digest, words),
            {
                "day": words.long_day(digest.local_day),
                "number": digest.number,
                "chosen": wording.number_word(len(digest.items), words),
                "considered": digest.considered,
                "preheader": wording.preheader(digest, words),
                "lead": wording.lead(digest, words),
                "items": [
                    self._item(item, words, feedback, section, brevity.summary, level=3 if any(sections) else 2)
                    for item, section in zip(shown, sections, strict=False)
                ],
                "left_out": wording.left_out(len(digest.items) - len(shown), words),
                "all": feedback,
                "email": subscriber.email,
                "how_often": wording.how_often(digest.days, words),
                "preferences": self._links.preferences(subscriber.id),
                "unsubscribe": self._links.unsubscribe(subscriber.id),
                "postal_address": self._postal_address,
            },
        )

    def confirm(self, subscriber: Subscriber, link: str) -> Rendered:
        """Render the mail that asks whether the sign-up was meant."""
        subject = words_of(subscriber.language).gettext("Please confirm: mails of new papers")
        return self._note("confirm", subject, subscriber, confirm=link)

    def welcome(self, subscriber: Subscriber, now: datetime) -> Rendered:
        """Render the mail that greets a new subscriber and says when the first list comes."""
        words, comes = words_of(subscriber.language), next_due(now, subscriber, None)
        first = wording.soon(local_day(comes, subscriber.timezone), local_day(now, subscriber.timezone), words)
        return self._note(
            "welcome",
            words.gettext("Welcome: your first list comes %(first)s") % {"first": first},
            subscriber,
            first=first,
            send_at=subscriber.send_at.strftime("%H:%M"),
            timezone=subscriber.timezone,
        )

    def goodbye(self, subscriber: Subscriber) -> Rendered:
        """Render the last mail."""
        words = words_of(subscriber.language)
        return self._note("goodbye", words.gettext("Goodbye: no more mails of new papers"), subscriber)

    def quiet(self, subscriber: Subscriber, now: datetime) -> Rendered:
        """Render the mail of a day without a paper worth sending."""
        words, day = words_of(subscriber.language), local_day(now, subscriber.timezone)
        title = words.gettext("A quiet day: nothing new for you (%(day)s)") % {"day": words.short_day(day)}
        return self._note("quiet", title, subscriber, day=words.long_day(day))

    def _note(self, name: str, subject: str, subscriber: Subscriber, **values: Any) -> Rendered:
        words = words_of(subscriber.language)
        known = {
            "email": subscriber.email,
            "how_often": wording.how_often(subscriber.days, words),
            "preferences": self._links.preferences(subscriber.id),
            "unsubscribe": self._links.unsubscribe(subscriber.id),
            "postal_address": self._postal_address,
        }
        return self._render(name, words, subject, known | values)

    def alert(self, concerns: Sequence[alerts.Concern], address: str, now: datetime) -> Rendered:
        """Render the mail that tells the admin which sources bring nothing."""
        return self._render(
            "alert",
            # Who runs the program reads its logs and its command line in English, too.
            ENGLISH,
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

    def trial(self, subject: str, facts: Sequence[tuple[str, str]]) -> Rendered:
        """Render the mail that the admin sends to see what comes of it; ``facts`` is what it tells of itself."""
        return self._render("test", ENGLISH, subject, {"facts": facts, "closing": _CLOSING})

    def _item(
        self, item: DigestItem, words: Words, feedback: str, section: str, summary: int, *, level: int
    ) -> dict[str, Any]:
        # The mail says the same whatever the paper is called by now.
        paper = replace(item.paper, id=item.shown_id)
        phrase, why = wording.reason(item.reason, paper, words)
        followed = item.reason.terms if item.reason.kind == "follow" else ()
        block = self._block(paper, words, followed, summary, level)
        return {
            "position": item.position,
            "section": section,
            "paper": block.html,
            "text": block.text,
            # For templates of one's own.
            **block.values,
            "phrase": phrase,
            "why": why,
            **wording.labels(item.position, words),
            "like": f"{feedback}?like={item.position}",
            "dislike": f"{feedback}?dislike={item.position}",
            "similar": self._links.paper(paper.id),
        }

    def _render_block(self, paper: Paper, words: Words, followed: tuple[str, ...], summary: int, level: int) -> _Block:
        authors = wording.shown_authors(paper.authors, followed)
        values = {
            "title": wording.shorten(wording.title(paper), _MAX_TITLE),
            "url": paper.url,
            "id": paper.id.removeprefix("arxiv:"),
            "authors": authors,
            "author_line": "".join(one.before + one.name for one in authors),
            "meta": wording.meta(paper, words),
            "summary": wording.summary(readable(paper.abstract), summary),
            "level": level,
        }
        html, text = self._parts("_paper", words, {"paper": values})
        return _Block(values, Markup(html), text)  # noqa: S704 - the template has escaped what is in it

    def _render(self, name: str, words: Words, subject: str, values: Mapping[str, Any]) -> Rendered:
        html, text = self._parts(name, words, {"lang": words.language, "subject": subject, **values})
        return Rendered(subject=subject, html=html, text=text)

    def _parts(self, name: str, words: Words, values: Mapping[str, Any]) -> tuple[str, str]:
        templates = self._templates(words)
        try:
            html = templates.get_template(f"email/{name}.html.j2").render(values, words=words)
            text = templates.get_template(f"email/{name}.txt.j2").render(values, words=words)
        except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            where = f"email/{name}" if not isinstance(error, jinja2.TemplateSyntaxError) else error.filename
            raise RenderError(f"template {where}: {error}") from error
        return html, text
