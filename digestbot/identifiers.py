"""Ids of papers, and what shows that two descriptions are of one paper. Pure.

Ids are text throughout: 2503.02130 is not 2503.0213.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import quote, unquote, urlsplit

from digestbot.models import Paper, PaperId

# The archives that had ids of the old scheme, until March 2007.
_OLD_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga"
    "|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph"
    "|q-alg|q-bio|quant-ph|solv-int|stat|supr-con"
)
_ARXIV_NUMBER = rf"((?:{_OLD_ARCHIVES})(?:\.[A-Z]{{2}})?/\d{{7}}|\d{{4}}\.\d{{4,5}})(?:v\d+)?"
_ARXIV = re.compile(
    r"(?:oai:arXiv\.org:|https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|(?i:arxiv):\s*"
    r"|(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.48550/(?i:arxiv)\.)?"
    + _ARXIV_NUMBER
    + r"(?:\.pdf)?/?(?:[?#]\S*)?\Z",
    re.ASCII,
)
# A prefix, and whatever the registrant likes but blanks and brackets (the DOI Handbook, section 2.2); in ASCII here.
_DOI = re.compile(
    r"(?:https?://(?:dx\.|www\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/[!#-;=?-~]+)\Z", re.ASCII | re.IGNORECASE
)
# bioRxiv and medRxiv; the same prefixes are also of journals (10.1101/gr.279000.124).
_PREPRINT = re.compile(r"10\.(?:1101|64898)/(?:\d{4}\.\d{2}\.\d{2}\.)?\d{6,8}\Z", re.ASCII)

_SITES = {"arxiv.org": "arXiv", "biorxiv.org": "bioRxiv", "medrxiv.org": "medRxiv", "huggingface.co": "Hugging Face"}

# LaTeX that only says how something looks, and signs that are no letters where a title is written without LaTeX.
_LOOKS = re.compile(
    r"\\(?:rm|bf|it|sl|sc|tt|sf|cal|em|emph|text|textrm|textbf|textit|textsl|textsc|texttt|textsf|textnormal"
    r"|textsuperscript|textsubscript|mathrm|mathbf|mathit|mathsf|mathtt|mathcal|mathbb|mathfrak|mathscr"
    r"|mathnormal|boldsymbol|bm|operatorname|ensuremath|mbox|hbox|left|right|big|Big|bigl|bigr|Bigl|Bigr|quad"
    r"|qquad|limits|displaystyle|to|rightarrow|longrightarrow|leftarrow|leftrightarrow|Rightarrow|sqrt|times"
    r"|cdot|cdots|dots|ldots|pm|mp|sim|simeq|approx|equiv|ll|gg|infty|circ|langle|rangle"
    r"|partial|nabla|sum|prod|int|in|otimes|oplus)(?![a-zA-Z])"
)
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_SUPERSCRIPT = re.compile(r"\^\s*(\{[^{}]*\}|[-+*])")
_RAISED = str.maketrans({"-": " minus ", "*": " star "})
# A hyphen is punctuation, save where it ends a word (K-); the minus sign is never a hyphen.
_SIGNS = (
    (re.compile(r"\+"), " plus "),
    (re.compile(r"(?<=\w)#"), " sharp "),
    (re.compile(r"\N{MINUS SIGN}|(?<=\w)-(?![\w-])"), " minus "),
)
# P = NP is not P ≠ NP.
_RELATIONS = (
    (re.compile(r"<|\\lt(?![a-zA-Z])"), " lt "),
    (re.compile(r">|\\gt(?![a-zA-Z])"), " gt "),
    (re.compile(r"≤|\\leq?(?![a-zA-Z])"), " le "),
    (re.compile(r"≥|\\geq?(?![a-zA-Z])"), " ge "),
    (re.compile(r"≠|\\neq?(?![a-zA-Z])"), " ne "),
)
_SIGN_NAMES = frozenset(("plus", "minus", "star", "sharp", "lt", "gt", "le", "ge", "ne"))
# Letters that NFKD does not take apart, in lower case.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ß": "ss"}
)
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_GROUPS = frozenset(("collaboration", "group", "team", "consortium"))


def arxiv_id(text: str) -> PaperId | None:
    """Return the id of the paper that an arXiv id, address or DOI names, whatever its version; ``None`` if none.

    Old ids may carry a subject class that is not part of them: info.arxiv.org/help/arxiv_identifier.html.
    """
    found = _ARXIV.match(text.strip())
    return "arxiv:" + re.sub(r"\.[A-Z]{2}/", "/", found.group(1)) if found else None


def doi_of(text: str) -> str | None:
    """Return a DOI in its one form, lower case and without address; ``None`` if the text is none."""
    text = text.strip()
    if text.startswith(("http://", "https://")):
        text = re.split(r"[?#]", text, maxsplit=1)[0]
    found = _DOI.match(unquote(text))
    return found.group(1).rstrip(".,;").lower() if found else None


def paper_id(text: str) -> PaperId | None:
    """Return the id of the paper that an arXiv id, a DOI or the address of either names; ``None`` if none."""
    named = arxiv_id(text)
    if named is None and (doi := doi_of(text)) is not None:
        named = f"doi:{doi}"
    return named


def address_of(identifier: PaperId) -> str:
    """Return the page that a paper id stands for, empty when the id alone does not tell."""
    if identifier.startswith("arxiv:") and arxiv_id(identifier) == identifier:
        return f"https://arxiv.org/abs/{identifier.removeprefix('arxiv:')}"
    if identifier.startswith("doi:10."):
        return "https://doi.org/" + quote(identifier.removeprefix("doi:"), safe="/:;().,-_~")
    return ""


def keys_of(paper: Paper) -> tuple[str, ...]:
    """Return what other descriptions of the same paper share with this one, the surest first.

    arXiv id, DOIs (arXiv's own counts as its id), then the title with the first author's family name.
    """
    keys = []
    for text in (paper.id, *re.split(r"[,;\s]+", paper.doi)):
        named = paper_id(text)
        if named is not None:
            keys.append(named)
    title = title_key(paper.title, paper.authors)
    return tuple(
        dict.fromkeys([*sorted(keys, key=lambda key: not key.startswith("arxiv:")), *([title] if title else [])])
    )


def title_key(title: str, authors: tuple[str, ...]) -> str:
    """Return a key of a normalised title and the first author; empty when they say too little.

    Case, accents, punctuation and markup do not count, but the names of symbols and the signs of K^+ and C++ do. A
    title of fewer than four words ("Reply", "Erratum to") names no paper.
    """
    words = _title_words(title)
    family = _family(authors[0]) if authors else ""
    if sum(word not in _SIGN_NAMES for word in words) < 4 or not family:
        return ""
    digest = hashlib.blake2b(f"{' '.join(words)}|{family}".encode(), digest_size=12).hexdigest()
    return f"title:{digest}"


def may_be_one(one: PaperId, other: PaperId, *, by_title: bool = False) -> bool:
    """Return whether two ids may name one paper: two of arXiv's, or two preprints of one server, do not.

    Two ids of any other source may, but not ``by_title`` alone: a feed gives each week's post the same one.
    """
    if one == other or _place(one) != _place(other):
        return True
    return not by_title and one.partition(":")[0] not in ("arxiv", "doi")


def _place(identifier: PaperId) -> str:
    """Return who gave this id."""
    kind, _, rest = identifier.partition(":")
    if kind != "doi":
        return kind
    return "preprint server" if _PREPRINT.match(rest) else rest.partition("/")[0]


def _title_words(title: str) -> list[str]:
    for sign, name in _RELATIONS:
        title = sign.sub(name, title)
    text = title if title.isascii() else _plain(title)
    if "^" in text:
        text = _SUPERSCRIPT.sub(lambda found: f" {found.group(1).translate(_RAISED)} ", text)
    if "\\" in text:
        text = _COMMAND.sub(r" \1 ", _LOOKS.sub(" ", text))
    for sign, name in _SIGNS:
        text = sign.sub(name, text)
    return _words(text)


def _family(author: str) -> str:
    """Return the last word of the family name of ``Ada van Quill Jr.`` or ``van Quill, A.``, without accents.

    A group is known by its whole name: that it is a Collaboration says nothing.
    """
    family, _, given = author.partition(",")
    names = ["".join(_words(name)) for name in family.split()]
    names = [name for name in names if name and name not in _SUFFIXES]
    if not names:
        return ""
    if names[-1] in _GROUPS:
        whole = [name for name in _words(given) + names if name != "the"]
        return "".join(whole)
    return names[-1]


def _words(text: str) -> list[str]:
    if text.isascii():
        return re.findall(r"[a-z0-9]+", text.lower())
    return re.findall(r"[^\W_]+", _plain(text).casefold().translate(_LETTERS))


def _plain(text: str) -> str:
    """Return text without accents and ligatures; K⁺ becomes K+."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(character for character in apart if not unicodedata.combining(character))


def site_of(url: str) -> str:
    """Return what people call the site of an address: ``bioRxiv``, or its host; nothing when it has none."""
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        # https://[x/
        return ""
    return _SITES.get(host, host)
