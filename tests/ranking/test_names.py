"""Who may be whom, by name alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.ranking.names import Name, may_be, parse_name, readings


def name(text: str) -> Name:
    read = parse_name(text)
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("text", "given", "particles", "family"),
    [
        ("Ada M. Quill", ("ada", "m"), (), "quill"),
        ("Quill, Ada M.", ("ada", "m"), (), "quill"),
        ("Wei-Chen Chiu III", ("weichen",), (), "chiu"),
        ("Berg, Jan van der", ("jan",), ("van", "der"), "berg"),
        ("Di Wang", ("di",), (), "wang"),
        ("The Owl Consortium", (), (), "owlconsortium"),
        ("王 小明", ("小明",), (), "王"),
        ("Jr.", (), (), "jr"),
    ],
)
def test_a_name_is_read_into_its_parts(
    text: str, given: tuple[str, ...], particles: tuple[str, ...], family: str
) -> None:
    read = name(text)
    assert (read.given, read.particles, read.family) == (given, particles, family)


@pytest.mark.parametrize("text", ["", " , ", "--", "(Ada Quill)"])
def test_what_holds_no_name_is_none(text: str) -> None:
    assert parse_name(text) is None
    assert readings(text) == ()


@pytest.mark.parametrize(
    ("followed", "author", "expected"),
    [
        ("A. Quill", "Quill", False),
        ("Quill", "A. Quill", True),
        ("Ada Quill", "Bela Quill", False),
        ("Ada Quill", "Ada Bela Quill", True),
        ("A. B. Quill", "Ada Bela Quill", True),
        ("A. B. Quill", "Ada Carl Quill", False),
    ],
)
def test_names_of_one_family_are_told_apart(followed: str, author: str, expected: bool) -> None:
    assert may_be(name(followed), name(author)) is expected


@given(st.text())
def test_any_text_is_a_name_that_may_be_itself_or_none(text: str) -> None:
    read = parse_name(text)
    if read is not None:
        assert may_be(read, read)
        assert read.family
        assert readings(text)[0] == read
