"""Text as sources send it, made clean: one line, no markup, nothing unseen."""

from __future__ import annotations

import html
import re

# Control characters, and those that turn the writing direction of what follows.
UNSEEN = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")
# What XML 1.0 does not allow (section 2.2).
NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_BLOCK = re.compile(r"</?(?:p|br|div|li|ul|ol|h[1-6]|tr|td|jats:(?:p|sec|title))\b[^<>]*>", re.IGNORECASE)
_TAGS = (
    "a|abbr|article|aside|b|blockquote|body|br|button|caption|center|cite|code|col|dd|del|details|div|dl|dt|em|embed"
    "|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|li|link|main|mark|math"
    "|meta|nav|noscript|object|ol|p|picture|pre|q|s|samp|script|section|small|source|span|strike|strong|style|sub"
    "|summary|sup|svg|table|tbody|td|textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr|jats:[a-z-]+"
)
# A "<" that begins no tag is a sign of mathematics: "if x<y and y>z".
_NO_TAG = re.compile(rf"<(?!(?:/?(?:{_TAGS})(?:\s[^<>]*)?/?>|!--))", re.IGNORECASE)


def one_line(text: str) -> str:
    """Return text as one line: white space collapsed, nothing unseen in it."""
    return " ".join(UNSEEN.sub(" ", text).split())


def without_markup(text: str) -> str:
    """Return HTML as one line of plain text; scripts and styles go with what is in them."""
    import nh3  # noqa: PLC0415 - only sources that send HTML need it

    marked = _NO_TAG.sub("&lt;", _BLOCK.sub(" ", one_line(text)))
    bare: str = nh3.clean(marked, tags=set())
    return one_line(html.unescape(bare))


def web_address(text: str) -> str:
    """Return an address that a reader may safely click, empty when it is none."""
    text = text.strip()
    safe = text.startswith(("https://", "http://")) and not re.search(r"[\s\"<>\\]|[^\x20-\x7e]", text)
    return text if safe else ""
