"""What may be followed or muted, and the one way to write it."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digestbot.errors import UsageError
from digestbot.ranking.folding import fold, words_of
from digestbot.ranking.interests import LONGEST, parse


@pytest.mark.parametrize(
    ("text", "kind", "canonical"),
    [
        ("Ada Quill", "either", "Ada Quill"),
        ("  Ada \t Quill ", "either", "Ada Quill"),
        ("author:Ada Quill", "author", "author:Ada Quill"),
        ("AUTHOR :  Ada  Quill", "author", "author:Ada Quill"),
        ("Word: Zero-Shot", "word", "word:Zero-Shot"),
        ("word:author:x", "word", "word:author:x"),
        ("Title: a story", "either", "Title: a story"),
        (unicodedata.normalize("NFD", "Zoë Quill"), "either", "Zoë Quill"),
        ("语言模型", "either", "语言模型"),
        ("C++", "either", "C++"),
        ("x" * LONGEST, "either", "x" * LONGEST),
        ("a" + " " * LONGEST + "b", "either", "a b"),
    ],
)
def test_an_interest_has_one_way_to_be_written(text: str, kind: str, canonical: str) -> None:
    interest = parse(text)
    assert (interest.kind, interest.canonical) == (kind, canonical)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no word in it"),
        ("   ", "has no word in it"),
        ("author:", "has no word in it"),
        ("word: -- ?! _", "has no word in it"),
        ("🦉", "has no word in it"),
        ("x" * (LONGEST + 1), "at most 100 characters"),
        ("word:" + "x" * (LONGEST - 4), "at most 100 characters"),
        ("Ada\nQuill", "has a line break"),
        ("Ada Quill\r\n", "has a line break"),
        ("Ada\N{LINE SEPARATOR}Quill", "has a line break"),
        ("Ada\x1b[2J Quill", "cannot be shown"),
        ("Ada \N{RIGHT-TO-LEFT OVERRIDE}Quill", "cannot be shown"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        parse(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("one", "other"),
    [("Zoë Quill", "ZOE  QUILL"), ("zero-shot", "Zero Shot"), ("word:Łódź", "WORD:lodz"), ("straße", "STRASSE")],
)
def test_case_accents_and_hyphens_make_no_other_interest(one: str, other: str) -> None:
    assert parse(one) == parse(other)
    assert len({parse(one), parse(other)}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("Ada Quill", "author:Ada Quill"), ("word:Quill", "author:Quill"), ("C", "C++"), ("C#", "C++")]
)
def test_what_is_meant_makes_another(one: str, other: str) -> None:
    assert parse(one) != parse(other)


@given(st.text(max_size=120))
@example("author:author:x")
@example("\ud800")
def test_any_text_is_an_interest_that_reads_back_or_a_usage_error(text: str) -> None:
    try:
        interest = parse(text)
    except UsageError:
        return
    again = parse(interest.canonical)
    assert (again, again.canonical) == (interest, interest.canonical)
    assert interest.canonical.isprintable()
    assert 0 < len(interest.canonical) <= LONGEST


@given(st.text())
def test_words_do_not_depend_on_case_or_on_how_unicode_writes_them(text: str) -> None:
    for other in (text.upper(), text.lower(), *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))):
        assert fold(other) == fold(text)
    assert words_of(fold(text)) == words_of(fold(fold(text)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pre-training of $k$-means, again", ["pre", "training", "of", "k", "means", "again"]),
        (r"Schr{\"o}dinger and Erd\H{o}s, Poincar\'e", ["schrodinger", "and", "erdos", "poincare"]),
        (r"\textbf{Deep} \emph{learning} of $\alpha$", ["deep", "learning", "of", "alpha"]),
        ("From C++17 to C# and back", ["from", "c++", "17", "to", "c#", "and", "back"]),
        ("2+2 in Notepad++", ["2", "2", "in", "notepad"]),
        ("BERT和语言", ["bert", "和", "语", "言"]),
        ("Квантовый ЁЖ", ["квантовыи", "еж"]),
        ("trans\N{SOFT HYPHEN}former", ["transformer"]),
    ],
)
def test_words_are_what_a_reader_sees(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_interests_are_read_without_the_libraries_of_the_ranking() -> None:
    # The command line checks what is typed, and must not take a second to load.
    program = "import sys, digestbot.ranking.interests; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
