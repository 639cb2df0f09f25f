"""The text part's lines."""

from __future__ import annotations

import re
import textwrap

from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.digest.columns import aligned, wrapped

WORDS = ["a", "word", "so-called", "·", "a\N{NO-BREAK SPACE}b", " ", "  ", "\t", "\r\n", "\f"]
INDENTS = st.sampled_from(["", "    ", "  > "])


@settings(deadline=None)
@given(text=st.lists(st.sampled_from(WORDS), max_size=100).map("".join), first=INDENTS, rest=INDENTS)
@example(text="a" * 80 + " b", first="    ", rest="")
@example(text="", first="  > ", rest="")
def test_text_is_folded_as_the_standard_library_does(text: str, first: str, rest: str) -> None:
    one_line = re.sub(r"[ \t\r\n\f]+", " ", text).strip(" ")
    expected = textwrap.fill(
        one_line,
        72,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    assert wrapped(text, first, rest) == (expected or first)


def test_what_is_joined_by_a_no_break_space_stays_on_one_line() -> None:
    made = wrapped("a " * 34 + "sparse\N{NO-BREAK SPACE}retrieval")
    assert made.splitlines() == [("a " * 34).strip(), "sparse\N{NO-BREAK SPACE}retrieval"]
    assert wrapped("one\r\ntwo\t three ", "> ", "  ") == "> one two three"


def test_what_stands_behind_names_begins_in_one_column() -> None:
    assert aligned(["one", "three", "four"]) == ["one    ", "three  ", "four   "]
