"""Quoted-printable: what is decoded is the text, in pieces or whole."""

from __future__ import annotations

import quopri

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.digest.pieces import Pieces, Shared
from digestbot.mail.quoted import quoted_printable

# What the encoding has rules for, among what it has none for.
TEXTS = st.text(st.sampled_from("ab=.F \t\n\r·🦉\0") | st.characters(exclude_categories=["Cs"]), max_size=200)


def decoded(encoded: bytes) -> str:
    return quopri.decodestring(encoded.replace(b"\r\n", b"\n")).decode()


@settings(deadline=None)
@given(text=TEXTS)
@example(text="x" * 75 + "=")
@example(text="x" * 76 + "\n" + "x" * 77)
@example(text="=" * 100)
@example(text="🦉" * 100)
@example(text=".\n..\nFrom me\n. ")
@example(text="end \nend\t\n \n")
def test_any_text_is_decoded_as_it_was_and_stands_in_short_lines_that_end_in_no_blank(text: str) -> None:
    encoded = quoted_printable(text)
    assert decoded(encoded) == text.replace("\r\n", "\n").replace("\r", "\n")
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert line not in (b".", b"\r", b"\n")
        assert not line.endswith((b" ", b"\t"))
        assert not set(line) - set(range(32, 127)) - {9}


@settings(deadline=None)
@given(texts=st.lists(TEXTS, max_size=5), whole_lines=st.booleans(), shared=st.booleans())
@example(texts=["x" * 70, "y" * 70], whole_lines=False, shared=True)
def test_pieces_are_encoded_as_the_whole_is(texts: list[str], whole_lines: bool, shared: bool) -> None:
    ended = [text.replace("\r", "") + "\n" * whole_lines for text in texts]
    pieces = Pieces([Shared(text) if shared else text for text in ended])
    whole = quoted_printable("".join(ended))
    assert quoted_printable(pieces) == whole
    # And again, when shared ones are encoded already.
    assert quoted_printable(pieces) == whole


def test_half_of_a_surrogate_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        quoted_printable("a \ud800")
