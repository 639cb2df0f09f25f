"""Why a paper is in a digest, in words: one of five phrases, and what it opens. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from digestbot.digest.readable import readable, visible
from digestbot.digest.spelling import as_written
from digestbot.digest.wording import number_word, shorten
from digestbot.digest.words import ENGLISH, Words
from digestbot.models import Paper, Reason

# Who follows much may have a paper for many reasons.
_MOST_NAMED = 3
_MAX_TITLE, _MAX_TERM = 90, 80


def reason(reason: Reason, paper: Paper, words: Words = ENGLISH) -> tuple[str, str]:
    """Return why a paper is in a digest: one of five phrases, and what it opens."""
    if reason.kind == "liked":
        # Translators: a title stands behind it.
        return words.gettext("Because you liked"), shorten(readable(reason.terms[0]), _MAX_TITLE)
    if reason.kind == "follow":
        # Translators: names, words and phrases stand behind it.
        return words.gettext("Because you follow"), _named(reason.terms[:_MOST_NAMED])
    named = _named([as_written(term, paper) for term in distinct(reason.terms)[:_MOST_NAMED]])
    if reason.kind == "terms" and named:
        return words.gettext("Your terms"), named
    if reason.kind == "trending":
        return words.gettext("Trending"), _upvoted(paper.upvotes, words)
    a_little = words.gettext("a little off your path: %(terms)s") % {"terms": named}
    return words.gettext("Exploring"), a_little if named else words.gettext("little in it is among your terms")


def distinct(terms: Sequence[str]) -> list[str]:
    """Return terms without those whose words another one has, in this order, and without the second of two."""
    padded = [f" {term.replace('-', ' ')} " for term in terms]
    return [
        term
        for place, (term, own) in enumerate(zip(terms, padded, strict=True))
        if own not in padded[:place] and not any(own in other and own != other for other in padded)
    ]


def _named(terms: Sequence[str]) -> str:
    # Each stays together on a line.
    return " · ".join(shorten(visible(term), _MAX_TERM).replace(" ", "\N{NO-BREAK SPACE}") for term in terms)


def _upvoted(upvotes: int, words: Words) -> str:
    if not upvotes:
        return words.gettext("among the newest")
    said = words.ngettext("one upvote", "%(number)s upvotes", upvotes)
    return said % {"number": number_word(upvotes, words)}
