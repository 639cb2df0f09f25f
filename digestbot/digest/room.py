"""How much of a text a mail has room for, by the bytes that it takes there. Pure."""

from __future__ import annotations

import binascii
from bisect import bisect_right

from markupsafe import escape

# As many as a letter of Greek or Cyrillic takes, two bytes of three characters each. What takes more is a sign of
# Chinese, Japanese or Korean, as wide as two letters, or an emoji.
_BYTES_A_CHARACTER = 6
# Browsers, and the programs that guard mailboxes, are not at ease with longer ones.
_LONGEST_LINK = 2_000


def weight(text: str) -> int:
    """Return how many bytes a text takes in the HTML part of a mail: escaped, and quoted-printable."""
    return len(binascii.b2a_qp(escape(text).encode("utf-8", "replace"), istext=True))


def fitting(text: str, limit: int) -> int:
    """Return how many characters of a text there is room for: ``limit``, or fewer when they are heavy ones."""
    begun = text[:limit]
    # The heaviest of ASCII, escaped, take five bytes.
    if begun.isascii():
        return limit
    most = limit * _BYTES_A_CHARACTER
    if weight(begun) <= most:
        return limit
    return bisect_right(range(len(begun) + 1), most, key=lambda length: weight(begun[:length])) - 1


def link(address: str) -> str:
    """Return an address, nothing in place of one that is too long to be of use to anybody."""
    return address if weight(address) <= _LONGEST_LINK else ""
