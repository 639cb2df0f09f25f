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
    reason,
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


def led(*kinds: str) -> str:
    items = [
        DigestItem(position=place, paper=paper(place), shown_id="", score=1.0, reason=Reason(kind=kind))  # type: ignore[arg-type]
        for place, kind in enumerate(kinds, 1)
    ]
    return lead(digest(items=tuple(items)))


def test_the_lead_counts_what_is_there_because_of_likes_together() -> None:
    assert led("liked", "terms", "liked") == (
        "Three papers that answer to the terms of what you liked. Best match first."
    )


def test_the_lead_says_what_is_followed_and_what_is_a_try() -> None:
    assert led("follow") == "One paper is here because of what you follow."
    assert led("follow", "follow", "trending") == "Two papers are here because of what you follow."
    assert led("follow", "terms", "explore") == (
        "One paper that answers to the terms of what you liked. Best match first. "
        "One is here because of what you follow. The last one is a try, off your usual path."
    )
    assert led("terms", "terms", "explore", "explore").endswith("The last two are tries, off your usual path.")


def test_who_has_tries_is_not_told_to_have_liked_nothing() -> None:
    # Who likes nothing yet explores nothing: here nothing answered to the likes.
    assert led("trending", "trending", "explore") == (
        "Three papers, the newest and most upvoted. The last one is a try, off your usual path."
    )
    assert led("explore") == "One paper to try, off your usual path."
    assert led("explore", "explore") == "Two papers to try, off your usual path."


def because(kind: str, *terms: str, upvotes: int = 0) -> tuple[str, str]:
    return reason(Reason(kind=kind, terms=terms, amounts=(0.1,) * len(terms)), paper(upvotes=upvotes))  # type: ignore[arg-type]


def test_a_reason_names_terms_that_stay_together_on_a_line() -> None:
    assert because("terms", "sparse retrieval", "index") == (
        "Your terms",
        "sparse\N{NO-BREAK SPACE}retrieval · index",
    )


def test_a_reason_names_the_title_of_what_was_liked_shortened() -> None:
    assert because("liked", "Counting what the index forgets") == (
        "Because you liked",
        "Counting what the index forgets",
    )
    label, title = because("liked", "word " * 100)
    assert label == "Because you liked"
    assert title.endswith(CUT)
    assert len(title) <= 90


def test_a_reason_names_what_is_followed_and_of_much_the_first_three() -> None:
    assert because("follow", "Ada Quill", "owls") == ("Because you follow", "Ada\N{NO-BREAK SPACE}Quill · owls")
    assert because("follow", "a1", "b1", "c1", "d1") == ("Because you follow", "a1 · b1 · c1")


def test_a_try_names_the_terms_it_has_or_says_that_it_has_few() -> None:
    assert because("explore", "owls") == ("Exploring", "a little off your path: owls")
    assert because("explore") == ("Exploring", "little in it is among your terms")


def test_what_is_trending_is_upvoted_or_new() -> None:
    assert because("trending", upvotes=12) == ("Trending", "twelve upvotes")
    assert because("trending", upvotes=1) == ("Trending", "one upvote")
    assert because("trending") == ("Trending", "among the newest")


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
