"""From a paper's text to its terms: words, and pairs of neighbours, without markup."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from sklearn.feature_extraction.text import strip_accents_unicode

from digestbot.models import Paper
from digestbot.ranking.words import PAIR_WORDS, STOP_WORDS

# A word begins with a letter: numbers and years say little about what a paper is about. L_2 and x_i are symbols.
_WORD = re.compile(r"\b[^\W\d_](?!_)[\w\-]+\b")
# What is between words and no blank, of ASCII: translating and splitting takes half the time of a regular expression.
_APART = {code: "," for code in range(128) if not re.match(r"[\w\-\s]", chr(code))}
_RUN = re.compile(r"[\w\-]+|[^\w\-\s]")
_LEAST_TO_TELL_ORDER, _MOST_TO_TELL_ORDER, _LEAST_COUNT = 200, 1000, 3
_LARGEST_SHARE_OF_THE_RARER = 0.2
_ANY_MARKUP = re.compile(r"[\\$<&]|://")
_ADDRESS = re.compile(r"\b\w+://[^\s{}<>\"]+")
# The names of HTML and of JATS, with or without attributes: in "a < b and c > d" there is no tag.
_TAG = re.compile(
    r"</?(?:(?:jats|mml|xlink):[\w\-]+|a|abbr|article-title|b|big|blockquote|bold|br|center|cite|code|dd|del|disp-formula"
    r"|div|dl|dt|em|ext-link|fig|font|h[1-6]|hr|i|img|inline-formula|inline-graphic|ins|italic|kbd|label|li|list"
    r"|list-item|math|m[ion]|mrow|msu[bp]|msubsup|mfrac|mtext|monospace|named-content|ol|p|pre|q|roman|s|sc|sec|section"
    r"|small|span|strike|strong|styled-content|su[bp]|table|tbody|td|tex-math|th|thead|title|tr|tt|u|ul|underline|var"
    r"|xref)(?:\s+[\w:.\-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=]+))*\s*/?>",
    re.IGNORECASE,
)
# An accent stands over the letter behind it: Poincar\'e, G\"{o}del.
_ACCENT = re.compile(r"\\[`'^\"~=.]\s*\{?\\?([A-Za-z])\}?")
# Names of other places, which nobody reads: \cite[p. 3]{quill2020}, \label{fig:one}, \href{...} but not its text.
_NAMES_OF_PLACES = re.compile(
    r"\\(?:begin|end|label|url|href|includegraphics|input|bibliography(?:style)?|[A-Za-z]{0,9}(?:cite|ref)[A-Za-z]{0,9})\*?"
    r"\s*(?:\[[^\[\]]*\]\s*)*\{[^{}]*\}"
)
# Below and above the line: x_i, L_{\mathrm{max}}, 10^{th}, H<sub>2</sub>O.
_SCRIPT = re.compile(r"[_^]\s*\{(?:[^{}]|\{[^{}]*\}){0,200}\}|<(su[bp])>[^<>]{0,200}</\1>", re.IGNORECASE)
# What a command prints is in its braces, or a symbol that says nothing: \textbf{deep}, \alpha, \mathcal O.
_COMMAND = re.compile(r"\\[A-Za-z]+\*?|\\[^_%&#]|[{}]")


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
    pairs = Counter(pair for text in texts for pair in pairwise(_words_alone(runs_of(text))))
    rarer = total = 0
    for (first, second), count in pairs.items():
        turned = pairs.get((second, first), 0)
        # Each of two orders once, and no word twice.
        if (first < second or (first > second and not turned)) and count + turned >= _LEAST_COUNT:
            rarer += min(count, turned)
            total += count + turned
    return rarer <= _LARGEST_SHARE_OF_THE_RARER * total


def terms_of(text: str) -> list[str]:
    """Return the words that say something alone, in their order, and after them the pairs.

    Those are two such words with none between them, whatever else is, which tells papers apart better than what stands
    side by side alone; and two words side by side, of which one says something only in company: "time series".
    """
    runs = runs_of(text)
    words = _words_alone(runs)
    pairs = [*pairwise(words), *(pair for pair in _side_by_side(runs) if not PAIR_WORDS.isdisjoint(pair))]
    return words + [" ".join(pair) for pair in pairs]


def said_in(text: str) -> frozenset[str]:
    """Return the terms that a reader finds in a text: of the pairs those with nothing but blanks between the words."""
    runs = runs_of(text)
    return frozenset((*_words_alone(runs), *map(" ".join, _side_by_side(runs))))


def runs_of(text: str) -> list[str]:
    """Return the runs of letters, digits and hyphens, and the marks between them.

    Each run holds one word or none: ``word_in`` says which. What stands side by side in the list has nothing but blanks
    in between.
    """
    folded = _folded(text)
    return folded.translate(_APART).replace(",", " , ").split() if folded.isascii() else _RUN.findall(folded)


@lru_cache(maxsize=100_000)
def word_in(run: str) -> str | None:
    """Return the word of a run, ``None`` when there is none that says something, alone or in a pair."""
    found = _WORD.search(run)
    return found[0] if found and found[0] not in STOP_WORDS else None


def _words_alone(runs: Sequence[str]) -> list[str]:
    words = map(word_in, runs)
    return [word for word in words if word is not None and word not in PAIR_WORDS]


def _side_by_side(runs: Sequence[str]) -> list[tuple[str, str]]:
    # In "fast 3d-models" a reader does not find "fast models".
    words = [run if word_in(run) == run else None for run in runs]
    return [(first, second) for first, second in pairwise(words) if first is not None and second is not None]


def _folded(text: str) -> str:
    if _ANY_MARKUP.search(text):
        text = _plain(text)
    return str(strip_accents_unicode(text.lower()))


def _plain(text: str) -> str:
    """Return text without LaTeX commands, tags, entities and addresses."""
    text = _SCRIPT.sub(" ", _NAMES_OF_PLACES.sub(" ", html.unescape(text)))
    text = _TAG.sub(" ", _ADDRESS.sub(" ", text))
    return _COMMAND.sub(" ", _ACCENT.sub(r"\1", text))
