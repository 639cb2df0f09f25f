"""From a paper's text to its terms: words, and pairs of neighbours, without markup."""

from __future__ import annotations

import html
import re
from itertools import pairwise

from sklearn.feature_extraction.text import strip_accents_unicode

from digestbot.models import Paper
from digestbot.ranking.words import STOP_WORDS

# A word begins with a letter: numbers and years say little about what a paper is about.
_WORD = re.compile(r"\b[^\W\d_][\w\-]+\b")
_ANY_MARKUP = re.compile(r"[\\$<&]|://")
_ADDRESS = re.compile(r"\b\w+://\S+")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>")
# An accent stands over the letter behind it: Poincar\'e, G\"{o}del.
_ACCENT = re.compile(r"\\[`'^\"~=.]\s*\{?\\?([A-Za-z])\}?")
# What a command prints is in its braces, or a symbol that says nothing: \textbf{deep}, \alpha, \mathcal O.
_COMMAND = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+\*?|\\.|[${}]")


def words_and_pairs(paper: Paper) -> list[str]:
    """Return the terms of a paper: words, and pairs of neighbours within the title or the abstract.

    The title counts double: it is short and says the most.
    """
    return 2 * terms_of(paper.title) + terms_of(paper.abstract)


def terms_of(text: str) -> list[str]:
    """Return the words that say something, in their order, and after them the pairs of neighbours."""
    if _ANY_MARKUP.search(text):
        text = _plain(text)
    words = [word for word in _WORD.findall(strip_accents_unicode(text.lower())) if word not in STOP_WORDS]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _plain(text: str) -> str:
    """Return text without LaTeX commands, tags, entities and addresses."""
    text = _TAG.sub(" ", html.unescape(_ADDRESS.sub(" ", text)))
    return _COMMAND.sub(" ", _ACCENT.sub(r"\1", text))
