"""How often each term stands in each paper."""

from __future__ import annotations

from collections import Counter as Times

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.counting import Counter, Counts, counted
from digestbot.ranking.text import terms_of
from tests.factories import paper

# Words that are beginnings of one another, with a hyphen, in other scripts, and none at all.
WORDS = [
    "a-b",
    "time",
    ",",
    "2d-time",
    "ab",
    "abc",
    "agent",
    "agents",
    "agent-based",
    "großes",
    "słowo",
    "слово",
    "2025",
    "the",
    "\\emph{x}",
]
papers = st.lists(
    st.builds(
        lambda title, abstract: paper(1, title=" ".join(title), abstract=" ".join(abstract)),
        st.lists(st.sampled_from(WORDS), max_size=4),
        st.lists(st.sampled_from(WORDS), max_size=8),
    ),
    max_size=5,
)


def by_hand(one: Paper) -> dict[str, float]:
    times = Times([*terms_of(one.title), *terms_of(one.title), *terms_of(one.abstract)])
    return {term: many * 0.75 if "time" in term.split() else many for term, many in times.items()}


def names_of(counts: Counts) -> list[str]:
    return counts.names(np.arange(len(counts.terms), dtype=np.intp))


def named(counts: Counts) -> list[dict[str, float]]:
    names = names_of(counts)
    dense = counts.matrix.toarray()
    return [{names[number]: row[number] for number in row.nonzero()[0]} for row in dense]


@given(papers)
def test_terms_are_counted_as_often_as_they_stand_there_and_those_of_the_title_twice(some: list[Paper]) -> None:
    assert named(counted(some, word_order=True)) == [by_hand(one) for one in some]


@given(papers)
def test_terms_come_in_the_order_of_their_texts(some: list[Paper]) -> None:
    assert names_of(counted(some, word_order=True)) == sorted({term for one in some for term in by_hand(one)})


@given(papers)
def test_a_bag_of_words_has_no_pairs_and_its_title_counts_once(some: list[Paper]) -> None:
    wanted = [
        dict(Times(term for term in terms_of(one.title) + terms_of(one.abstract) if " " not in term)) for one in some
    ]
    assert named(counted(some, word_order=False)) == wanted


@given(
    papers,
    st.lists(
        st.sampled_from(["agent", "agents", "agent agents", "ab abc", "слово ab", "time ab"]), unique=True, min_size=1
    ),
)
def test_of_known_terms_those_are_counted_in_the_order_they_are_known_in(some: list[Paper], terms: list[str]) -> None:
    found = Counter(terms, word_order=True).count(some).toarray()
    assert found.tolist() == [[by_hand(one).get(term, 0) for term in terms] for one in some]


@pytest.mark.parametrize("between", ["unheard", "unheard of"])
def test_words_on_both_sides_of_an_unknown_one_are_no_neighbours(between: str) -> None:
    one = paper(1, title="", abstract=f"agent {between} memory")
    assert Counter(["agent memory", "agent"], word_order=True).count([one]).toarray().tolist() == [[0, 1]]


def test_a_pair_with_a_word_that_is_no_term_alone_counts_less() -> None:
    one = paper(1, title="time series", abstract="time series, time and series")
    assert named(counted([one], word_order=True)) == [{"series": 4, "series series": 1, "time series": 2.25}]


def test_the_last_word_of_the_title_and_the_first_of_the_abstract_are_no_neighbours() -> None:
    one = paper(1, title="agent", abstract="memory")
    assert list(by_hand(one)) == ["agent", "memory"]
    assert named(counted([one], word_order=True)) == [{"agent": 2, "memory": 1}]
