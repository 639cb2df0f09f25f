"""From a paper's text to its terms: words, and pairs of neighbours, without markup."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from sklearn.feature_extraction.text import strip_accents_unicode

from digestbot.models import Paper
from digestbot.ranking.words import STOP_WORDS

# A word begins with a letter: numbers and years say little about what a paper is about.
_WORD = re.compile(r"\b[^\W\d_][\w\-]+\b")
# What cannot be in a word, of ASCII: translating and splitting takes half the time of a regular expression.
_BLANKS = {code: " " for code in range(128) if not re.match(r"[\w\-]", chr(code))}
_LEAST_TO_TELL_ORDER, _MOST_TO_TELL_ORDER, _LEAST_COUNT = 200, 1000, 3
_LARGEST_SHARE_OF_THE_RARER = 0.2
_ANY_MARKUP = re.compile(r"[\\$<&]|://")
_ADDRESS = re.compile(r"\b\w+://\S+")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>")
# An accent stands over the letter behind it: Poincar\'e, G\"{o}del.
_ACCENT = re.compile(r"\\[`'^\"~=.]\s*\{?\\?([A-Za-z])\}?")
# What a command prints is in its braces, or a symbol that says nothing: \textbf{deep}, \alpha, \mathcal O.
_COMMAND = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+\*?|\\.|[${}]")


def has_word_order(papers: Sequence[Paper]) -> bool:
    """Return whether texts are written, and not bags of words whose order was lost.

    In a written text "neural network" is common and "network neural" is not; in a bag both are as likely. Of the pairs
    that stand three times or more in a sample, this looks at the share of the rarer order: 0.27 to 0.32 for bags and
    0.03 to 0.11 for abstracts, as long as there are some hundred papers.
    """
    if len(papers) < _LEAST_TO_TELL_ORDER:
        return True
    sample = papers[:: -(-len(papers) // _MOST_TO_TELL_ORDER)]
    # The title counts double, as it does for the terms.
    texts = (text for paper in sample for text in (paper.title, paper.title, paper.abstract))
    pairs = Counter(pair for text in texts for pair in pairwise(words_of(text)))
    rarer = total = 0
    for (first, second), count in pairs.items():
        turned = pairs.get((second, first), 0)
        # Each of two orders once, and no word twice.
        if (first < second or (first > second and not turned)) and count + turned >= _LEAST_COUNT:
            rarer += min(count, turned)
            total += count + turned
    return rarer <= _LARGEST_SHARE_OF_THE_RARER * total


def terms_of(text: str) -> list[str]:
    """Return the words that say something, in their order, and after them the pairs of neighbours."""
    words = words_of(text)
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def words_of(text: str) -> list[str]:
    """Return the words that say something, in their order."""
    return [word for word in _WORD.findall(_folded(text)) if word not in STOP_WORDS]


def runs_of(text: str) -> list[str]:
    """Return the runs of letters, digits and hyphens, each of which holds one word or none: ``word_in`` says which."""
    folded = _folded(text)
    return folded.translate(_BLANKS).split() if folded.isascii() else _WORD.findall(folded)


def word_in(run: str) -> str | None:
    """Return the word of a run, ``None`` when there is none that says something."""
    found = _WORD.search(run)
    return found[0] if found and found[0] not in STOP_WORDS else None


def _folded(text: str) -> str:
    if _ANY_MARKUP.search(text):
        text = _plain(text)
    return str(strip_accents_unicode(text.lower()))


def _plain(text: str) -> str:
    """Return text without LaTeX commands, tags, entities and addresses."""
    text = _TAG.sub(" ", html.unescape(_ADDRESS.sub(" ", text)))
    return _COMMAND.sub(" ", _ACCENT.sub(r"\1", text))
