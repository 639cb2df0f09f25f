"""Bytes of a feed as text, whatever encoding they have and whatever encoding they say they have.

One byte that is wrong costs one letter: it is marked, so that a text can still be read and an id is not made of it.
"""

from __future__ import annotations

import codecs
import re

from digestbot.errors import SourceFormatError
from digestbot.sources.text import NOT_IN_XML

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
# Only encodings of text that keep ASCII: Python knows others that run code points through a program, or take ages.
_ENCODINGS = re.compile(r"iso8859-\d+|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|euc_jp|euc_kr|mac-roman")

# A byte that could not be decoded stands as one character of this private range until the text is shown.
_FIRST_MARK = 0xF780
_MARKS = re.compile("[\\uf780-\\uf7ff]")
_TO_MARK = {0xDC80 + offset: _FIRST_MARK + offset for offset in range(128)}
_FROM_MARK = {_FIRST_MARK + offset: bytes([0x80 + offset]).decode("cp1252", "replace") for offset in range(128)}


def text_of(body: bytes) -> str:
    """Return the text, without characters that XML forbids, and with marks for bytes that could not be decoded.

    What can be read as UTF-8 is UTF-8 even where something else is declared: that is the usual mistake.
    Raises ``SourceFormatError`` for broken UTF-16 and UTF-32, which have no letters to save.
    """
    return NOT_IN_XML.sub("", _decoded(body))


def has_marks(text: str) -> bool:
    """Return whether some of the text could not be decoded."""
    return _MARKS.search(text) is not None


def mended(text: str) -> str:
    """Return the text with its marks replaced by what the bytes most often mean, Windows' letters of the West."""
    return text.translate(_FROM_MARK) if has_marks(text) else text


def _decoded(body: bytes) -> str:
    encoding = _evident(body)
    for candidate in (encoding or "utf-8", _declared(body)):
        if candidate is not None:
            try:
                return body.decode(candidate).removeprefix("\ufeff")
            except UnicodeDecodeError as error:
                if candidate.startswith(("utf-16", "utf-32")):
                    raise SourceFormatError(f"is not the {candidate} that it seems to be: {error.reason}") from error
    return body.decode("utf-8", "surrogateescape").translate(_TO_MARK)


def _evident(body: bytes) -> str | None:
    """Return the encoding that the first bytes show (XML 1.0, appendix F)."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return encoding
    if body[:2] in (b"<\0", b"{\0"):
        return "utf-16-le"
    if body[:2] in (b"\0<", b"\0{"):
        return "utf-16-be"
    return None


def _declared(body: bytes) -> str | None:
    found = _DECLARED.match(body)
    if found is None:
        return None
    try:
        name = codecs.lookup(found.group(1).decode("ascii")).name
    except (LookupError, ValueError):
        return None
    if name == "gb2312":
        # The same with more letters, which those who declare it use.
        name = "gb18030"
    return name if _ENCODINGS.fullmatch(name) else None
