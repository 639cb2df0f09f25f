"""How things are put in every language there is: nothing is left to be filled in."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.digest import wording
from digestbot.digest.reasons import reason
from digestbot.digest.words import ENGLISH, Words, words_of
from digestbot.models import LANGUAGES, WEEKDAYS, Digest, DigestItem, Reason
from tests.factories import DAY, digest, paper

GERMAN = words_of("de")
KINDS = ("terms", "liked", "follow", "trending", "explore")

every_language = st.sampled_from([words_of(code) for code in LANGUAGES])
days = st.dates(date(2000, 1, 1), date(2100, 1, 1))
texts = st.text(st.sampled_from("ab %({})s:é界"), min_size=1, max_size=40)


def test_a_language_that_is_not_there_is_english() -> None:
    assert words_of("") is words_of("xx") is words_of("../de") is words_of("en") is ENGLISH
    assert words_of("de") is words_of("de")


def test_english_mails_need_no_babel() -> None:
    program = (
        "import sys\nfrom digestbot.digest.words import words_of\n"
        "words_of('en')\nassert 'babel' not in sys.modules\nwords_of('de')\nassert 'babel' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_days_are_written_as_the_language_writes_them() -> None:
    day = date(2025, 5, 7)
    assert wording.long_day(day, GERMAN) == "Mittwoch, 7. Mai 2025"
    assert wording.short_day(day, GERMAN) == "7. Mai"
    assert wording.soon(day, day, GERMAN) == "heute"
    assert wording.soon(day, day - timedelta(days=1), GERMAN) == "morgen"
    assert wording.soon(day, day - timedelta(days=2), GERMAN) == "am Mittwoch, dem 7. Mai"
    assert wording.meta(paper(), GERMAN) == "arXiv · cs.IR, cs.CL · 27. Mai"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("daily", "jeden Tag"),
        ("weekdays", "von Montag bis Freitag"),
        ("weekly", "freitags"),
        ("mon,wed,sun", "montags, mittwochs und sonntags"),
    ],
)
def test_how_often_the_mail_comes_in_german(chosen: str, expected: str) -> None:
    assert wording.how_often(chosen, GERMAN) == expected


def with_kinds(*kinds: str, **changes: Any) -> Digest:
    items = [
        DigestItem(position=place, paper=paper(place), shown_id="", score=1 / place, reason=Reason(kind=kind))  # type: ignore[arg-type]
        for place, kind in enumerate(kinds, 1)
    ]
    values: dict[str, Any] = {"items": tuple(items), "number": 2, "language": "de"}
    return digest(**values | changes)


def test_a_german_lead_says_why_the_list_is_what_it_is() -> None:
    assert wording.lead(with_kinds("terms", "terms", number=1), GERMAN) == (
        "Die erste Liste. Zwei Arbeiten passen zu dem, was Ihnen bisher gefiel. Die passendste steht oben."
    )
    assert wording.lead(with_kinds("terms", "follow", "explore"), GERMAN) == (
        "Eine Arbeit passt zu dem, was Ihnen bisher gefiel."
        " Eine weitere ist dabei, weil Sie einem Namen oder Begriff darin folgen. Die passendste steht oben."
        " Die letzte ist ein Seitenblick, abseits des Gewohnten."
    )
    assert "Zuerst, wem oder was Sie folgen, dann das Passendste." in wording.lead(
        with_kinds("follow", "terms"), GERMAN
    )
    assert wording.lead(with_kinds("trending", "trending"), GERMAN).startswith(
        "Zwei Arbeiten, die neuesten und die mit den meisten Stimmen, denn noch"
    )
    assert wording.lead(with_kinds("explore"), GERMAN) == "Eine Arbeit als Seitenblick, abseits des Gewohnten."


def test_a_german_subject_and_preheader_say_what_is_inside() -> None:
    papers = [paper(number, title=title) for number, title in enumerate(["Owl", "Wren: models", "Lark", "Kite", "Jay"])]
    made = digest(*papers, language="de")
    assert wording.subject(made, GERMAN) == "Owl, dazu vier weitere (27. Mai)"
    assert wording.subject(digest(*papers[:2]), GERMAN) == "Owl, dazu eine weitere (27. Mai)"
    assert wording.subject(digest(papers[0]), GERMAN) == "Owl (27. Mai)"
    assert wording.preheader(made, GERMAN) == "Außerdem: Wren, Lark, Kite und eine weitere."


def filled(text: str, *given: str) -> bool:
    """Return whether nothing of a sentence waits to be filled in; what came in may look like anything."""
    for one in sorted(given, key=len, reverse=True):
        text = text.replace(one, "")
    return not re.search(r"%|[{}]", text)


@settings(deadline=None)
@given(every_language, st.integers(0, 60), days, days, st.sets(st.sampled_from(WEEKDAYS), min_size=1))
def test_small_words_are_whole_in_every_language(
    words: Words, number: int, day: date, today: date, chosen: set[str]
) -> None:
    said = [
        wording.number_word(number, words),
        wording.left_out(number + 1, words),
        wording.long_day(day, words),
        wording.short_day(day, words),
        wording.soon(day, today, words),
        *(wording.how_often(each, words) for each in ("daily", "weekdays", "weekly", ",".join(chosen))),
    ]
    assert all(said)
    assert all(filled(one) for one in said)
    assert wording.left_out(0, words) == ""


@st.composite
def digests(draw: st.DrawFn) -> tuple[Digest, list[str]]:
    titles = draw(st.lists(texts.filter(str.strip), min_size=1, max_size=15))
    shown = [
        paper(
            number,
            title=title,
            abstract="",
            upvotes=draw(st.integers(0, 20)),
            announced=DAY - timedelta(days=draw(st.integers(0, 6))),
        )
        for number, title in enumerate(titles, 1)
    ]
    terms = draw(st.lists(texts, min_size=1, max_size=3))
    made = digest(*shown, number=draw(st.integers(1, 3)), days=draw(st.sampled_from(["daily", "weekly", "mon,thu"])))
    items = tuple(
        replace(item, reason=Reason(kind=draw(st.sampled_from(KINDS)), terms=tuple(terms))) for item in made.items
    )
    return replace(made, items=items), [*titles, *terms]


@settings(deadline=None)
@given(every_language, digests())
def test_what_is_said_of_any_digest_is_whole_in_every_language(words: Words, given: tuple[Digest, list[str]]) -> None:
    made, _ = given
    assert wording.lead(made, words).endswith(".")
    assert filled(wording.lead(made, words))
    assert wording.subject(made, words)
    assert wording.preheader(made, words).endswith(".")
    assert all(filled(one) for one in wording.sections(made, words))
    for item in made.items:
        phrase, why = reason(item.reason, item.paper, words)
        assert filled(phrase)
        assert why or item.reason.kind in ("follow", "liked")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_looks_like_something_to_fill_in_stays_as_it_is(language: str) -> None:
    odd, words = "%(day)s of 100%d", words_of(language)
    one = with_kinds("follow")
    item = replace(one.items[0], paper=paper(title=odd), reason=Reason(kind="follow", terms=(odd,)))
    assert reason(item.reason, item.paper, words)[1] == odd.replace(" ", "\N{NO-BREAK SPACE}")
    assert wording.subject(replace(one, items=(item,)), words).startswith(f"{odd} (")
