"""Why a paper is in a digest, in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.digest.reasons import distinct, reason
from digestbot.digest.spelling import as_written
from digestbot.models import Reason
from tests.factories import paper

CUT = "\N{NO-BREAK SPACE}…"


def test_a_term_is_spelt_as_in_its_paper() -> None:
    one = paper(title="Vision-Language Models (VLMs)", abstract="We use mRNA \n display. Robots grasp.")
    told = reason(Reason(kind="terms", terms=("vlms", "mrna display", "robots")), one)
    assert told == ("Your terms", "VLMs · mRNA\N{NO-BREAK SPACE}display · robots")


@pytest.mark.parametrize(
    ("title", "term", "written"),
    [
        ("An Agent for QA", "qa", "QA"),
        ("R1-Router: a T5 that routes", "t5", "T5"),
        ("Retrieval-Augmented Generation", "retrieval-augmented generation", "retrieval-augmented generation"),
        ("RAG-Based Agents", "rag-based", "RAG-based"),
        ("Step-wise RioRAG", "riorag", "RioRAG"),
        ("A Plan B", "a plan", "a plan"),
        ("COUNTING WHAT THE INDEX FORGETS", "index", "index"),
    ],
)
def test_capitals_of_a_title_are_those_of_a_term_where_they_spell_it(title: str, term: str, written: str) -> None:
    assert as_written(term, paper(title=title, abstract="")) == written


def test_a_term_that_another_one_contains_is_not_said_twice() -> None:
    assert because("terms", "retrieval-augmented generation", "retrieval-augmented", "qa", "agents", "routing")[1] == (
        "retrieval-augmented\N{NO-BREAK SPACE}generation · qa · agents"
    )
    assert because("explore", "index", "sparse index")[1].endswith(": sparse\N{NO-BREAK SPACE}index")
    assert distinct(["retrieval augmented", "retrieval-augmented"]) == ["retrieval augmented"]
    # Part of a word is another word; and what is followed was named so.
    assert distinct(["agent", "agentic"]) == ["agent", "agentic"]
    assert because("follow", "index", "sparse index")[1] == "index · sparse\N{NO-BREAK SPACE}index"


@given(st.lists(st.lists(st.sampled_from(("sparse", "index", "of", "terms")), min_size=1, max_size=3).map(" ".join)))
def test_of_any_terms_each_is_said_by_one_that_stays(terms: list[str]) -> None:
    kept = distinct(terms)
    assert all(any(f" {term} " in f" {one} " for one in kept) for term in terms)
    assert distinct(kept) == kept
    assert len(set(kept)) == len(kept)


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
