"""How things are put in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.digest.wording import (
    author_line,
    counted,
    how_often,
    kind,
    lead,
    left_out,
    long_day,
    meta,
    preheader,
    sections,
    short_day,
    short_title,
    shorten,
    shown_authors,
    subject,
    summary,
)
from digestbot.models import Digest, DigestItem, Reason
from tests.factories import DAY, digest, paper

CUT = "\N{NO-BREAK SPACE}…"
words = st.text(st.sampled_from("ab .,:é界🦉"), max_size=200)


def test_a_long_text_is_cut_between_words_and_shows_it() -> None:
    assert shorten("dense sparse hybrid", 14) == f"dense sparse{CUT}"
    assert shorten("dense, sparse", 10) == f"dense{CUT}"
    assert shorten("short enough", 12) == "short enough"


def test_a_cut_text_does_not_end_on_a_little_word() -> None:
    assert shorten("Uncertainty for the checking of facts", 22) == f"Uncertainty{CUT}"
    assert shorten("Of the and for to with in on", 20).endswith(CUT)


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


def shown(authors: str, *followed: str) -> str:
    return "".join(
        f"{one.before}*{one.name}*" if one.followed else one.before + one.name
        for one in shown_authors(authors.split(", "), followed)
    )


def test_who_is_followed_stands_out_and_is_never_lost_in_the_ellipsis() -> None:
    names = "Ada Quill, Ben Ito, Cleo Marsh, Dan Oduya, Eva Lind, Finn Roe"
    assert shown(names, "Eva Lind") == "Ada Quill, Ben Ito, Cleo Marsh … *Eva Lind*, Finn Roe"
    assert shown(names, "D. Oduya", "Roe, Finn") == "Ada Quill, Ben Ito, Cleo Marsh, *Dan Oduya* … *Finn Roe*"
    assert shown(names, "Ben Ito") == "Ada Quill, *Ben Ito*, Cleo Marsh … Finn Roe"
    assert shown("Ada Quill, Ben Ito", "Ada M. Quill") == "*Ada Quill*, Ben Ito"
    crowd = [f"Ada{'a' * number} Quill" for number in range(100)]
    assert [one.followed for one in shown_authors(crowd, crowd)] == [True] * 8 + [False]
    # Another of the family, and a word that is followed, are no author.
    assert shown(names, "Gus Lind", "sparse retrieval") == "Ada Quill, Ben Ito, Cleo Marsh … Finn Roe"


@settings(deadline=None, max_examples=60)
@given(st.lists(words, max_size=30), st.lists(words, max_size=3))
def test_of_any_authors_the_first_three_and_the_last_are_shown(authors: list[str], followed: list[str]) -> None:
    made = shown_authors(authors, followed)
    assert len(made) == min(len(authors), 4) or any(one.followed for one in made)
    assert not made or made[0].before == ""
    assert all(one.before in (", ", " … ") and len(one.name) <= 80 for one in made[1:])


def test_the_subject_names_the_best_paper_how_many_more_and_the_day() -> None:
    assert subject(digest(paper(title="Owl"))) == "Owl (27 May)"
    assert subject(digest(paper(1, title="Owl"), paper(2))) == "Owl, and one more (27 May)"
    assert subject(digest(*map(paper, range(1, 16)))) == "Sparse retrieval, part 1, and 14 more (27 May)"


def test_no_two_subjects_of_consecutive_days_are_alike() -> None:
    one = digest(paper(title="Owl"))
    assert subject(one) != subject(replace(one, local_day=one.local_day + timedelta(days=1)))


def test_the_subject_of_a_long_title_still_says_how_many_more() -> None:
    made = subject(digest(paper(1, title="word " * 1000), paper(2)))
    assert made.endswith(" word…, and one more (27 May)")
    assert len(made) <= 100


def test_the_preheader_says_what_else_is_inside() -> None:
    titles = ["Owl", "Wren: small models", "A title that is rather longer than others and has no name", "Lark", "Kite"]
    papers = [paper(number, title=title) for number, title in enumerate(titles, 1)]
    assert preheader(digest(*papers[:1])) == "Your paper of the day."
    assert preheader(digest(*papers[:1], days="weekly")) == "Your paper of the week."
    assert preheader(digest(*papers[:2])) == "Also Wren."
    assert preheader(digest(papers[0], papers[1], papers[3])) == "Also Wren and Lark."
    assert (
        preheader(digest(*papers)) == f"Also Wren, A title that is rather longer than others{CUT}, Lark and one more."
    )


def test_a_title_that_begins_with_a_colon_still_has_a_short_form() -> None:
    assert short_title(": the missing name") == ": the missing name"
    assert short_title("Owl: a method") == "Owl"


def led(*kinds: str) -> str:
    items = [
        DigestItem(position=place, paper=paper(place), shown_id="", score=1.0, reason=Reason(kind=kind))  # type: ignore[arg-type]
        for place, kind in enumerate(kinds, 1)
    ]
    return lead(digest(items=tuple(items), number=2))


def test_the_lead_says_why_the_list_is_what_it_is() -> None:
    assert led("terms", "terms") == "Two papers that answer to the terms of what you liked. Best match first."
    assert led("terms", "trending").startswith("One paper that answers to")
    assert led("trending").startswith("One paper, the newest and most upvoted, as you have not liked any yet.")


def test_the_lead_says_in_which_order_papers_stand_where_they_do() -> None:
    by_match, followed = "Best match first.", "What you follow first, then by match."
    kinds = {
        ("terms", "liked"): by_match,
        ("terms", "follow", "terms"): by_match,
        ("follow", "follow", "terms"): followed,
        # In between, what fits outweighs what is followed.
        ("follow", "terms", "follow"): "",
        ("terms",): "",
        ("terms", "trending"): "",
        ("follow", "follow"): "",
    }
    for reasons, order in kinds.items():
        assert [one for one in (by_match, followed) if one in led(*reasons)] == [order] * bool(order), reasons


def announced(*days: int, **changes: Any) -> Digest:
    papers = [paper(number, announced=DAY - timedelta(days=day)) for number, day in enumerate(days, 1)]
    return digest(*papers, **{"number": 7} | changes)


def test_a_first_list_a_weekly_one_and_one_after_a_pause_say_what_they_are() -> None:
    assert [kind(announced(0, 0)), kind(announced(3, 0))] == ["daily", "daily"]
    assert kind(announced(6, 0)) == "catch-up"
    # From Tuesday to Monday nothing is missed by who reads on Mondays and Tuesdays.
    monday = DAY - timedelta(days=1)
    assert kind(announced(6, 1, days="mon,tue", local_day=monday)) == "daily"
    assert kind(announced(7, 1, days="mon,tue", local_day=monday)) == "catch-up"
    # What is known of the last list counts, not how old the papers are.
    yesterday, last_week = DAY - timedelta(days=1), DAY - timedelta(days=6)
    assert kind(announced(6, 0, last_delivered=yesterday)) == "daily"
    assert kind(announced(0, 0, last_delivered=last_week)) == "catch-up"
    assert kind(announced(0, days="mon,tue", local_day=monday, last_delivered=monday - timedelta(days=6))) == "daily"
    assert lead(announced(6, 0)).startswith("A few days at once, from 21 May to 27 May. Two papers")
    assert kind(announced(6, 0, days="weekly")) == kind(announced(0, days="mon")) == "weekly"
    assert lead(announced(6, 0, days="weekly")).startswith("The best of the week, by day. Two papers")
    assert kind(announced(6, 0, number=1, days="weekly")) == "first"
    assert lead(announced(0, number=1)).startswith("Your first list. One paper")
    assert lead(announced(6, 0, number=1, days="weekly")).startswith(
        "Your first list. The best of the week, by day. Two"
    )


def test_a_weekly_list_has_a_line_above_each_day() -> None:
    found = announced(6, 6, 1, 0, 0, days="weekly")
    assert sections(found) == ["Wednesday, 21 May", "", "Monday, 26 May", "Tuesday, 27 May", ""]
    assert "Best match first" not in lead(found)
    assert sections(announced(6, 0)) == ["", ""]
    # One that was composed in another order, before its reader asked for weekly lists, has none.
    assert sections(announced(0, 6, days="weekly")) == ["", ""]


def test_what_a_mail_has_no_room_for_is_counted() -> None:
    assert [left_out(0), left_out(1)] == ["", "One more paper on the page of this list"]
    assert left_out(40) == "40 more papers on the page of this list"


def test_where_a_paper_is_from_stands_with_its_categories_and_day() -> None:
    assert meta(paper(categories=("cs.IR", "cs.CL", "cs.LG"))) == "arXiv · cs.IR, cs.CL · 27 May"
    preprint = paper(categories=("genomics",), url="https://www.biorxiv.org/content/1")
    assert meta(replace(preprint, id="doi:10.1101/1")) == "bioRxiv · genomics · 27 May"
    assert meta(replace(preprint, id="feed:1", url="http://[", categories=())) == "27 May"


def test_the_lead_counts_what_is_there_because_of_likes_together() -> None:
    assert led("liked", "terms", "liked") == (
        "Three papers that answer to the terms of what you liked. Best match first."
    )


def test_in_a_weekly_a_try_stands_where_its_day_does() -> None:
    items = [
        DigestItem(
            position=place,
            paper=paper(place, announced=DAY - timedelta(days=3 - place)),
            shown_id="",
            score=1.0,
            reason=Reason(kind="explore" if place == 1 else "terms"),
        )
        for place in (1, 2, 3)
    ]
    said = lead(digest(items=tuple(items), number=2, days="weekly"))
    assert said.endswith("One is a try, off your usual path.")


def test_the_lead_says_what_is_followed_and_what_is_a_try() -> None:
    assert led("follow") == "One paper is here because of what you follow."
    assert led("follow", "follow", "trending") == "Two papers are here because of what you follow."
    assert led("follow", "terms", "explore") == (
        "One paper that answers to the terms of what you liked. One more is here because of what you follow. "
        "What you follow first, then by match. The last one is a try, off your usual path."
    )
    assert led("terms", "terms", "explore", "explore").endswith("The last two are tries, off your usual path.")


def test_who_has_tries_is_not_told_to_have_liked_nothing() -> None:
    # Who likes nothing yet explores nothing: here nothing answered to the likes.
    assert led("trending", "trending", "explore") == (
        "Three papers, the newest and most upvoted. The last one is a try, off your usual path."
    )
    assert led("explore") == "One paper to try, off your usual path."
    assert led("explore", "explore") == "Two papers to try, off your usual path."


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
    assert meta(paper(categories=())) == "arXiv · 27 May"
    assert meta(paper()) == "arXiv · cs.IR, cs.CL · 27 May"
