"""Digests and notes become HTML and text by the templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import jinja2

from digestbot.digest import alerts, stoppages, wording
from digestbot.digest.columns import WIDTH, wrapped
from digestbot.digest.compose import best
from digestbot.digest.items import Items, Style
from digestbot.digest.molds import Fill
from digestbot.digest.parts import Parts
from digestbot.digest.pieces import Pieces
from digestbot.digest.words import ENGLISH, Words, words_of
from digestbot.links import Links
from digestbot.models import Digest, Subscriber
from digestbot.schedule import local_day, next_due

# One for each language and local day that there is at a time, more only for what mails leave out.
_FRAMES_KEPT = 64
# What a frame is tried with.
_LONG = '<Long> & "words" % ' * 20
_TRIAL: Mapping[str, Any] = {
    **dict.fromkeys(("subject", "preheader", "email", "all", "preferences", "unsubscribe"), _LONG),
    **dict.fromkeys(("number", "chosen", "considered", "folio", "folio_line"), _LONG),
    **dict.fromkeys(("lead", "lead_lines", "how_often", "because", "because_lines"), _LONG),
    "items": [],
    "papers": Pieces(["<i>one\n", "two\n"]),
}
_CLOSING = (
    "Look at its source: SPF, DKIM and DMARC should say pass. If it lay among the spam, say that it is none; mails to"
    " others may lie there too."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A mail's subject and its two parts."""

    subject: str
    html_pieces: Pieces
    text_pieces: Pieces

    @property
    def html(self) -> str:
        """The HTML part, whole."""
        return str(self.html_pieces)

    @property
    def text(self) -> str:
        """The text part, whole."""
        return str(self.text_pieces)


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
    *(Brevity(summary=0, papers=most) for most in (20, 15, 10, 5, 3, 1)),
)


class Renderer:
    """Renders mails from the templates of one folder, with the links of one installation."""

    def __init__(self, templates: jinja2.Environment, links: Links, *, postal_address: str = "") -> None:
        self._links = links
        self._postal_address = postal_address
        self._parts = Parts(templates)
        self._items = Items(self._parts, links)
        self._frame = lru_cache(maxsize=_FRAMES_KEPT)(self._make_frame)

    def digest(self, digest: Digest, subscriber: Subscriber, brevity: Brevity = FULL) -> Rendered:
        """Render one digest. The result depends on the arguments, templates, keys and settings alone."""
        # The mail says the same whatever the subscriber chooses meanwhile.
        words = words_of(digest.language)
        feedback = self._links.feedback(digest.id)
        # It speaks of what it shows, of nothing that is left out.
        shown = best(digest, brevity.papers)
        sections = wording.sections(shown, words)
        style = Style(words=words, summary=brevity.summary, level=3 if any(sections) else 2)
        items = [
            self._items.made(item, section, feedback, style)
            for item, section in zip(shown.items, sections, strict=True)
        ]
        subject = wording.subject(shown, words)
        own = {
            "subject": subject,
            "preheader": wording.preheader(shown, words),
            "email": subscriber.email,
            "items": items,
            "all": feedback,
            "preferences": self._links.preferences(subscriber.id),
            "unsubscribe": self._links.unsubscribe(subscriber.id),
            **_numbers(shown, words),
            **_lines(shown, subscriber, words),
        }
        left_out = wording.left_out(len(digest.items) - len(shown.items), words)
        html, text = self._frame(words, digest.local_day, wording.heading(shown, words), left_out)
        return Rendered(
            subject=subject,
            html_pieces=html({**own, "papers": Pieces(chain.from_iterable(item.html for item in items))}),
            text_pieces=text({**own, "papers": Pieces(chain.from_iterable(item.text for item in items))}),
        )

    def _make_frame(self, words: Words, day: date, heading: str, left_out: str) -> tuple[Fill, Fill]:
        known = {
            "lang": words.language,
            "day": words.long_day(day),
            "heading": heading,
            "left_out": left_out,
            "postal_address": self._postal_address,
        }
        return self._parts.fillings("digest", words, lambda own: {**known, **own}, _TRIAL)

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
            alerts.subject(concerns, now),
            {
                "concerns": [
                    {
                        "source": one.source,
                        "headline": wording.begun(alerts.headline(one)),
                        "meaning": alerts.meaning(one, now),
                        "facts": alerts.facts(one),
                    }
                    for one in concerns
                ],
                "steps": alerts.steps(concerns),
                "arxiv": any(one.source == "arxiv" for one in concerns),
                "closing": alerts.CLOSING,
                "email": address,
            },
        )

    def stopped(self, stoppage: stoppages.Stoppage, address: str) -> Rendered:
        """Render the mail that tells the admin why no mail went out."""
        headline = stoppages.headline(stoppage)
        what = {
            "headline": wording.begun(headline),
            "meaning": stoppages.meaning(stoppage),
            "facts": stoppages.facts(stoppage),
        }
        return self._render(
            "alert",
            ENGLISH,
            f"digestbot: {headline}",
            {
                "concerns": [what],
                "steps": stoppages.STEPS,
                "arxiv": False,
                "closing": stoppages.CLOSING,
                "email": address,
            },
        )

    def trial(self, subject: str, facts: Sequence[tuple[str, str]]) -> Rendered:
        """Render the mail that the admin sends to see what comes of it; ``facts`` is what it tells of itself."""
        return self._render("test", ENGLISH, subject, {"facts": facts, "closing": _CLOSING})

    def _render(self, name: str, words: Words, subject: str, values: Mapping[str, Any]) -> Rendered:
        html, text = self._parts.made(name, words, {"lang": words.language, "subject": subject, **values})
        return Rendered(subject=subject, html_pieces=Pieces([html]), text_pieces=Pieces([text]))


def _numbers(digest: Digest, words: Words) -> dict[str, Any]:
    chosen = wording.number_word(len(digest.items), words)
    numbers = {"number": digest.number, "chosen": chosen, "considered": words.number(digest.considered)}
    folio = words.gettext("No. %(number)s, %(chosen)s of %(considered)s") % numbers
    return {**numbers, "folio": folio, "folio_line": folio.rjust(WIDTH)}


def _lines(digest: Digest, subscriber: Subscriber, words: Words) -> dict[str, str]:
    """Return why a mail came and why it holds what it holds, as sentences and as lines of the text part."""
    lead, how_often = wording.lead(digest, words), wording.how_often(digest.days, words)
    because = words.gettext("You get this mail %(how_often)s because you signed up with %(email)s.") % {
        "how_often": how_often,
        "email": subscriber.email,
    }
    return {
        "lead": lead,
        "lead_lines": wrapped(f"{wording.heading(digest, words)}: {lead}"),
        "how_often": how_often,
        "because": because,
        "because_lines": wrapped(because),
    }
