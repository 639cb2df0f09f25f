"""How things are put in words."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.digest.wording import (
    author_line,
    counted,
    how_often,
    lead,
    long_day,
    meta,
    preheader,
    short_day,
    short_title,
    shorten,
    subject,
    summary,
)
from digestbot.models import DigestItem, Reason
from tests.factories import digest, paper

CUT = "\N{NO-BREAK SPACE}…"
words = st.text(st.sampled_from("ab .,:é界🦉"), max_size=200)


def test_a_long_text_is_cut_between_words_and_shows_it() -> None:
    assert shorten("dense sparse hybrid", 14) == f"dense sparse{CUT}"
    assert shorten("dense, sparse", 10) == f"dense{CUT}"
    assert shorten("short enough", 12) == "short enough"


def test_one_long_word_is_cut_inside() -> None:
    assert shorten("x" * 50, 10) == "x" * 8 + CUT


@settings(deadline=None, max_examples=60)
@given(words, st.integers(3, 60))
def test_a_shortened_text_is_never_longer_than_asked_for(text: str, limit: int) -> None:
    made = shorten(text, limit)
    assert len(made) <= limit
    assert text.startswith(made.removesuffix(CUT))


def test_a_summary_ends_where_a_sentence_does() -> None:
    text = "We rank papers. It is quick. " + "And there is much more to say about it " * 20 + "."
    assert summary(text, 60) == "We rank papers. It is quick."


@pytest.mark.parametrize(
    "text",
    [
        "See e.g. Quill for what has been done",
        "Some tasks, i.e. Those of readers who are",
        "We follow Quill et al. Their work is old",
        "This is due to J. Quill who lives in Ulm",
        "It costs 3.5 Euro a day and no more than that",
    ],
)
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert summary(text, 28) == shorten(text, 28)


def test_one_long_sentence_is_cut_between_words() -> None:
    made = summary("never " * 100, 40)
    assert made.endswith(f"never{CUT}")
    assert len(made) <= 40


def test_a_short_abstract_stands_whole_and_an_empty_one_stays_empty() -> None:
    assert summary("Short. And whole.") == "Short. And whole."
    assert summary("") == ""


@settings(deadline=None, max_examples=60)
@given(words)
def test_a_summary_fits_and_is_a_beginning_of_the_abstract(text: str) -> None:
    made = summary(text, 50)
    assert len(made) <= 50
    assert " ".join(text.split()).startswith(" ".join(made.removesuffix(CUT).split()))


def test_up_to_four_authors_are_named_and_of_more_the_last() -> None:
    assert author_line([]) == ""
    assert author_line(["A", "B", "C", "D"]) == "A, B, C, D"
    assert author_line(["A", "B", "C", "D", "E"]) == "A, B, C … E"


def test_the_subject_names_the_best_paper_and_how_many_more() -> None:
    assert subject(digest(paper(title="Owl"))) == "Owl"
    assert subject(digest(paper(1, title="Owl"), paper(2))) == "Owl, and one more"
    assert subject(digest(*map(paper, range(1, 16)))) == "Sparse retrieval, part 1, and 14 more"


def test_the_subject_of_a_long_title_still_says_how_many_more() -> None:
    made = subject(digest(paper(1, title="word " * 1000), paper(2)))
    assert made.endswith(" word…, and one more")
    assert len(made) <= 100


def test_the_preheader_says_what_else_is_inside() -> None:
    titles = ["Owl", "Wren: small models", "A title that is rather longer than others and has no name", "Lark", "Kite"]
    papers = [paper(number, title=title) for number, title in enumerate(titles, 1)]
    assert preheader(digest(*papers[:1])) == "Your paper of the day."
    assert preheader(digest(*papers[:2])) == "Also Wren."
    assert preheader(digest(papers[0], papers[1], papers[3])) == "Also Wren and Lark."
    assert (
        preheader(digest(*papers)) == f"Also Wren, A title that is rather longer than others{CUT}, Lark and one more."
    )


def test_a_title_that_begins_with_a_colon_still_has_a_short_form() -> None:
    assert short_title(": the missing name") == ": the missing name"
    assert short_title("Owl: a method") == "Owl"


def test_the_lead_says_why_the_list_is_what_it_is() -> None:
    def made(*kinds: str) -> str:
        items = [
            DigestItem(position=place, paper=paper(place), shown_id="", score=1.0, reason=Reason(kind=kind))  # type: ignore[arg-type]
            for place, kind in enumerate(kinds, 1)
        ]
        return lead(digest(items=tuple(items)))

    assert made("terms", "terms") == "Two papers that answer to the terms of what you liked. Best match first."
    assert made("terms", "trending").startswith("One paper that answers to")
    assert made("trending").startswith("One paper, the newest and most upvoted, as you have not liked any yet.")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("daily", "every day"),
        ("weekdays", "each working day"),
        ("weekly", "on Fridays"),
        ("thu,mon", "on Mondays and Thursdays"),
        ("mon,wed,sun", "on Mondays, Wednesdays and Sundays"),
    ],
)
def test_how_often_the_mail_comes_in_words(days: str, expected: str) -> None:
    assert how_often(days) == expected


def test_days_and_numbers_in_words() -> None:
    assert long_day(date(2025, 5, 7)) == "Wednesday, 7 May 2025"
    assert short_day(date(2025, 5, 7)) == "7 May"
    assert [counted(number, "paper") for number in (0, 1, 12, 13)] == [
        "no papers",
        "one paper",
        "twelve papers",
        "13 papers",
    ]
    assert meta(paper(categories=())) == "27 May"
    assert meta(paper()) == "cs.IR · 27 May"
