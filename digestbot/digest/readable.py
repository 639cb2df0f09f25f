"""Titles and abstracts as people read them: one line of text, whatever a source sent.

The result is text, not HTML: "a < b" and "the <think> token" are in it, and templates escape them. Nothing in it hides,
turns the direction of writing, or ends a header's line.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from digestbot.digest.mathsigns import lowered, raised
from digestbot.digest.mathtext import prose_of

# No abstract is longer. LaTeX in a text that is stays as it is, and what is too long for a page is cut, so that time
# and memory stay bounded.
_LONGEST, _MOST = 20_000, 100_000

# Scripts in which a joiner between two letters changes how a word is written: Arabic and its neighbours, those of
# India, Sri Lanka and Burma, Khmer, Mongolian. Emoji are joined as well.
_JOINED = "\u0600-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_UNSEEN = re.compile(
    # Controls that are no blanks; soft hyphens, marks and overrides of direction, blanks of no width, fillers.
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U00013430-\U0001343f"
    # Halves of surrogates, private use, what is no character, tags.
    r"\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U0010ffff]"
    rf"|\u200c(?!(?<=[{_JOINED}]\u200c)[{_JOINED}])"
    rf"|\u200d(?!(?<=[{_JOINED}]\u200d)[{_JOINED}]|(?<=[{_EMOJI}\ufe0f]\u200d)[{_EMOJI}])"
    rf"|[\ufe0e\ufe0f](?<![#*0-9\u00a9\u00ae\u203c-\u3299{_EMOJI}].)"
)
# Accents in heaps cover the lines above and below; no language has four on a letter.
_HEAP = re.compile(r"([\u0300-\u036f\u20d0-\u20ff]{3})[\u0300-\u036f\u20d0-\u20ff]+")
# Letters of PDF files and of formulas that stand for ordinary ones; screen readers spell them.
_STYLED = re.compile(r"[\ufb00-\ufb06\U0001d400-\U0001d7ff]")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|center|dd|details|disp-formula|div|dl|dt|fig|figcaption|figure"
    "|footer|form|h[1-6]|head|header|hr|html|label|li|list|list-item|main|meta|nav|ol|p|pre|sec|section|summary|table"
    "|tbody|td|textarea|tfoot|th|thead|title|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|bold|button|cite|code|del|dfn|em|embed|ext-link|font|i|iframe|img|inline-formula"
    "|inline-graphic|input|ins|italic|kbd|link|mark|math|mfrac|mi|mn|mo|monospace|mrow|mspace|mstyle|msqrt|msub|msubsup"
    "|msup|mtext|named-content|noscript|object|q|roman|s|samp|sc|semantics|small|span|strike|strong|styled-content"
    "|svg|tex-math|time|tt|u|underline|var|video|wbr|xref"
)
# In "x<a and b>c" there is no tag: what follows a name in one is an attribute with its value, or a word of HTML's own.
_ATTRIBUTES = (
    r"(?:\s+(?:[\w:.\-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=]+)|async|checked|controls|defer|disabled))*"
)
_TAG = re.compile(
    rf"<(?=[/A-Za-z!])(?P<end>/?)(?:(?:jats|mml):)?(?:(?P<block>{_BLOCKS})|(?P<inline>{_INLINE})"
    rf"|(?P<kept>su[bp])|(?P<cut>script|style)){_ATTRIBUTES}\s*/?>|<!(?:doctype\s[^<>]*|\[CDATA\[)>?|\]\]>",
    re.IGNORECASE,
)
_SMALL = re.compile(r"<(su[bp])>([^<>]*)</\1>")
_LEFT = re.compile(r"</?su[bp]>")


def readable(text: str) -> str:
    """Return a title or abstract as one line of plain text, without LaTeX, HTML and what nobody sees.

    What cannot be understood stays as it is. The same paper goes into many mails: results are remembered.
    """
    if len(text) <= _LONGEST:
        return _remembered(text)
    return _cleaned(_without_html(_cleaned(text[:_MOST] + "…" * (len(text) > _MOST))))


def visible(text: str) -> str:
    """Return a name, or what else holds no markup, as one line without what nobody sees."""
    return _cleaned(text)


@lru_cache(maxsize=4096)
def _remembered(text: str) -> str:
    return _cleaned(prose_of(_without_html(_cleaned(text))))


def _cleaned(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        text = _STYLED.sub(lambda styled: unicodedata.normalize("NFKC", styled[0]), _UNSEEN.sub("", text))
        text = _HEAP.sub(r"\1", unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def _without_html(text: str) -> str:
    # Feeds that escape their HTML twice are common: what decoding brings out is looked at again.
    for _ in range(3):
        if not (_ENTITY.search(text) or _TAG.search(text) or "-->" in text):
            break
        decoded = _cleaned(_decoded(text))
        if decoded == text:
            break
        text = decoded
    return text


def _decoded(text: str) -> str:
    """Return HTML as text: subscripts and superscripts in characters of their own, scripts and comments gone."""
    import nh3  # noqa: PLC0415 - most texts need it not

    text = _without_comments(text)
    pieces: list[str] = []
    at = 0
    last = {name: text.lower().rfind(f"</{name}") for name in ("script", "style", "s")}
    for tag in _TAG.finditer(text):
        pieces += (_as_text(text[at : tag.start()]), _simplified(tag, last))
        at = tag.end()
    pieces.append(_as_text(text[at:]))
    clean: str = nh3.clean("".join(pieces), tags={"sub", "sup"})
    # Twice, for the x_{n_1} of HTML; more is a mistake.
    clean = _LEFT.sub("", _SMALL.sub(_in_small, _SMALL.sub(_in_small, clean)))
    return html.unescape(clean)


def _as_text(text: str) -> str:
    """Return what stands between tags so that nothing in it looks like one."""
    pieces: list[str] = []
    at = 0
    for entity in _ENTITY.finditer(text):
        pieces += (html.escape(text[at : entity.start()], quote=False), entity[0])
        at = entity.end()
    pieces.append(html.escape(text[at:], quote=False))
    return "".join(pieces)


def _without_comments(text: str) -> str:
    pieces: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start)) >= 0:
        pieces.append(text[at:start])
        at = end + 3
    return "".join(pieces) + text[at:]


def _simplified(tag: re.Match[str], last: dict[str, int]) -> str:
    """Return a tag without its attributes, a blank for one between blocks, nothing for one inside a line.

    Formatting tags do not reach the parser: it repairs those that overlap, in square time.
    """
    name = (tag["kept"] or tag["cut"] or tag["inline"] or "").lower()
    if tag["cut"] and tag.start() >= last[name] and not tag["end"]:
        # One that is talked about: taken as a tag, it would swallow the rest of the abstract.
        return html.escape(tag[0], quote=False)
    if name == "s" and last["s"] < 0:
        # The token at the beginning of a sentence.
        return html.escape(tag[0], quote=False)
    if tag["kept"] or tag["cut"]:
        return f"<{tag['end']}{name}>"
    return " " if tag["block"] else ""


def _in_small(found: re.Match[str]) -> str:
    inner = html.unescape(found[2])
    if not inner.strip() or inner.startswith("["):
        # The mark of a note: "as shown [1]" is as good on the line.
        return found[2]
    small = raised if found[1] == "sup" else lowered
    return html.escape(small(inner, following=found.string[found.end() : found.end() + 1]), quote=False)
