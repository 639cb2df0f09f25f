"""Quoted-printable (RFC 2045 section 6.7), line by line: no line depends on its neighbours.

So texts can be encoded in pieces of whole lines, and those that many mails share once.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence

from digestbot.digest.pieces import Shared


def quoted_printable(text: str | Sequence[str]) -> bytes:
    """Return a text, or the pieces of one, as ASCII lines of at most 76 characters; whatever ended lines is CR LF."""
    pieces = [text] if isinstance(text, str) else text
    if not all(piece.endswith("\n") for piece in pieces[:-1]):
        # Lines that go on in the next piece could become too long.
        pieces = ["".join(pieces)]
    return b"".join([_shared(piece) if type(piece) is Shared else _encoded(piece) for piece in pieces])


def _shared(piece: Shared) -> bytes:
    if piece.encoded is None:
        piece.encoded = _encoded(piece)
    return piece.encoded


def _encoded(piece: str) -> bytes:
    # b2a_qp keeps the line ends it is given, a lone CR too, and folds at 76 by "=" LF; all become CR LF.
    if "\r" in piece:
        piece = piece.replace("\r\n", "\n").replace("\r", "\n")
    return binascii.b2a_qp(piece.encode("utf-8"), istext=True).replace(b"\n", b"\r\n")
