"""What a mail says of each paper: what is the same for all readers made once, what is one's own filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from digestbot.digest import wording
from digestbot.digest.columns import wrapped
from digestbot.digest.molds import Fill
from digestbot.digest.parts import Parts
from digestbot.digest.pieces import Pieces
from digestbot.digest.readable import readable, visible
from digestbot.digest.reasons import reason
from digestbot.digest.room import link
from digestbot.digest.words import Words
from digestbot.links import Links
from digestbot.models import LANGUAGES, DigestItem, Paper

_MAX_TITLE, _MAX_ID = 300, 300
# About 10 kB each.
_PAPERS_KEPT = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a mail tells of a paper: in which words, with how many characters of its abstract, below which heading."""

    words: Words
    summary: int
    level: int


@dataclass(frozen=True, slots=True)
class Item:
    """A paper in one mail: its two parts, and, for templates of one's own, the values that they are made of."""

    html: Pieces
    text: Pieces
    own: Mapping[str, Any]
    known: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.own[name] if name in self.own else self.known[name]


@dataclass(frozen=True, slots=True)
class _Known:
    """What every mail of a day says of a paper, and what makes the whole of it."""

    values: Mapping[str, Any]
    html: Fill
    text: Fill


class Items:
    """Makes what mails say of papers, with the links of one installation."""

    def __init__(self, parts: Parts, links: Links) -> None:
        self._parts = parts
        self._links = links
        # The same paper goes into many mails.
        self._known = lru_cache(maxsize=_PAPERS_KEPT)(self._make_known)

    def made(self, item: DigestItem, section: str, feedback: str, style: Style) -> Item:
        """Return what a mail says of a paper, with ``section`` as a heading above it."""
        # The mail says the same whatever the paper is called by now.
        paper = item.paper if item.paper.id == item.shown_id else replace(item.paper, id=item.shown_id)
        # By who is shown and not by who is followed, which is different for each reader.
        followed = item.reason.terms if item.reason.kind == "follow" else ()
        authors = tuple(wording.shown_authors(paper.authors, followed)) if followed else None
        known = self._known(paper, section, authors, style)
        own = _own(item.position, *reason(item.reason, paper, style.words), feedback, style.words)
        return Item(known.html(own), known.text(own), own, known.values)

    def _make_known(
        self, paper: Paper, section: str, authors: tuple[wording.Author, ...] | None, style: Style
    ) -> _Known:
        words, shown = style.words, wording.shown_authors(paper.authors) if authors is None else authors
        values = {
            "section": section,
            "title": wording.shorten(wording.title(paper), _MAX_TITLE),
            "url": link(paper.url),
            "id": wording.shorten(visible(paper.id).removeprefix("arxiv:"), _MAX_ID),
            "authors": shown,
            "author_line": "".join(one.before + one.name for one in shown),
            "meta": wording.meta(paper, words),
            "summary": wording.summary(readable(paper.abstract), style.summary),
            "similar": link(self._links.paper(paper.id)),
            "level": style.level,
        }
        trial = _own(99_999, "<Long>", 'words & "more" % ' * 20, "https://example.org/f/x", words)
        return _Known(values, *self._parts.fillings("_item", words, lambda own: {"paper": values, "item": own}, trial))


def _own(position: int, phrase: str, why: str, feedback: str, words: Words) -> dict[str, Any]:
    """Return what differs from reader to reader."""
    return {
        "position": position,
        # As wide as the indent of the lines below.
        "numeral": f"{position:2d}.",
        "phrase": phrase,
        "why": why,
        "reason_lines": wrapped(f"{phrase}: {why}", "  > ", "    "),
        "like": f"{feedback}?like={position}",
        "dislike": f"{feedback}?dislike={position}",
        **_labels(position, words),
    }


@lru_cache(maxsize=64 * len(LANGUAGES))
def _labels(position: int, words: Words) -> dict[str, str]:
    """Return what the links of a paper are called where they are read aloud: each begins with its visible word."""
    return {
        "like_label": words.gettext("Like paper %(position)s") % {"position": position},
        "dislike_label": words.gettext("Not for me: paper %(position)s") % {"position": position},
        "similar_label": words.gettext("Similar to paper %(position)s") % {"position": position},
    }
