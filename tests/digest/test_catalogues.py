"""The catalogues: every sentence is translated, by the same names."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from babel.messages.catalog import Message

from digestbot.digest import wording
from digestbot.digest.words import words_of
from digestbot.models import LANGUAGES, WEEKDAYS
from tests.digest import catalogues

OTHERS = [code for code in LANGUAGES if code != "en"]
NAMES = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def current() -> dict[str, catalogues.Catalogue]:
    """The catalogues as ``make messages`` would write them."""
    return {language: catalogues.updated(language) for language in catalogues.languages()}


def test_there_is_a_catalogue_for_each_language_but_the_one_of_the_code() -> None:
    assert catalogues.languages() == sorted(OTHERS)
    assert {code: words_of(code).language for code in LANGUAGES} == {code: code for code in LANGUAGES}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_code_and_templates_is_translated_and_none_is_fuzzy(
    current: dict[str, catalogues.Catalogue], language: str
) -> None:
    assert len(current[language]) > 60
    assert catalogues.missing(current[language]) == []
    assert list(current[language].obsolete) == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_committed_files_are_what_make_messages_writes(
    current: dict[str, catalogues.Catalogue], language: str
) -> None:
    path = catalogues.source(language)
    assert path.read_bytes() == catalogues.as_text(current[language])
    assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(current[language])


def named_wrongly(message: Message) -> list[str]:
    """Return what a translation names, or lacks, otherwise than its sentence; that of one may leave out the number."""
    if isinstance(message.id, str):
        return [said for said in catalogues.translations(message) if Counter(names(said)) != Counter(names(message.id))]
    one, many = map(set, map(names, message.id))
    said = catalogues.translations(message)
    return [text for text in said[:-1] if not one <= set(names(text)) <= many] + [
        text for text in said[-1:] if set(names(text)) != many
    ]


def names(text: str) -> list[str]:
    return NAMES.findall(text)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_what_its_sentence_names(current: dict[str, catalogues.Catalogue], language: str) -> None:
    for message in current[language]:
        if message.id:
            assert named_wrongly(message) == [], message.id
            # What is left must be nothing that % would stumble over.
            for text in catalogues.translations(message):
                assert not re.search(r"[{}]", text)
                assert "%" not in NAMES.sub("", text).replace("%%", "")


def test_a_translation_that_loses_a_name_is_found() -> None:
    assert named_wrongly(Message("on %(day)s", "am %(tag)s"))
    assert named_wrongly(Message(("one of %(all)s", "%(number)s of %(all)s"), ("eine", "%(number)s von %(all)s")))
    assert not named_wrongly(Message(("one", "%(number)s"), ("eine", "%(number)s")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_of_words_have_as_many_words_as_in_english(language: str) -> None:
    words = words_of(language)
    numbers = [wording.number_word(number, words) for number in range(14)]
    assert len(set(numbers)) == 14
    assert numbers[13] == "13"
    assert not any(part.isdecimal() for part in numbers[:13])
    assert len({wording.how_often(name, words) for name in WEEKDAYS}) == 7
