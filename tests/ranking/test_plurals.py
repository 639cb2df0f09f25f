"""What counts as one of a thing and several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.ranking.plurals import forms_of


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("model", "models"),
        ("transformer", "transformers"),
        ("gan", "gans"),
        ("gpu", "gpus"),
        ("class", "classes"),
        ("box", "boxes"),
        ("approach", "approaches"),
        ("cache", "caches"),
        ("code", "codes"),
        ("case", "cases"),
        ("query", "queries"),
        ("survey", "surveys"),
        ("movie", "movies"),
        ("potato", "potatoes"),
        ("matrix", "matrices"),
        ("vertex", "vertices"),
        ("hypothesis", "hypotheses"),
        ("axis", "axes"),
        ("heuristic", "heuristics"),
    ],
)
def test_one_and_several_are_the_same_word(one: str, several: str) -> None:
    assert several in forms_of(one)
    assert one in forms_of(several)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("new", "news"),
        ("semantic", "semantics"),
        ("robotic", "robotics"),
        ("it", "its"),
        ("cod", "codes"),
        ("les", "less"),
        ("transform", "transformers"),
    ],
)
def test_words_that_only_look_like_it_are_two(one: str, other: str) -> None:
    assert other not in forms_of(one)
    assert one not in forms_of(other)


@given(st.text(alphabet="aceihosxyz", min_size=1, max_size=9))
def test_it_is_mutual_and_holds_for_the_word_itself(word: str) -> None:
    forms = forms_of(word)
    assert forms[0] == word
    assert all(word in forms_of(form) for form in forms)
