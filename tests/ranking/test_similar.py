"""What resembles what, and two orders made one."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from digestbot.ranking.features import Features
from digestbot.ranking.reasons import Carriers
from digestbot.ranking.similar import by_score, fused, shared_terms, similarities, strongest_terms
from tests.factories import DAY, paper

NAMES = np.array(["gripper", "gripper force", "owl", "owls"], dtype=object)


def matrix(*rows: list[float]) -> csr_matrix:
    return csr_matrix(np.array(rows, dtype=np.float32))


def test_the_same_text_is_nearest_and_another_subject_is_nothing() -> None:
    papers = [
        paper(1, title="Owls hunt mice at night", abstract="Barn owls hunt by hearing mice in the dark of night."),
        paper(2, title="Owls hunt mice at night", abstract="Barn owls hunt by hearing mice in the dark of night."),
        paper(3, title="Mice flee", abstract="At night mice hear owls and flee into the dark of a barn."),
        paper(4, title="Grippers learn force", abstract="Robot grippers learn contact force from touch."),
    ]
    features = Features.fit(papers)
    rows = features.transform(papers)
    scores = similarities(rows[[0]], rows)
    assert scores[0] == scores[1] > scores[2] > 0
    assert scores[3] == 0
    assert by_score(papers, scores) == [0, 1, 2]


def test_a_likeness_does_not_depend_on_how_much_the_first_paper_says() -> None:
    rows = matrix([0.5, 0.2, 0, 0], [0.3, 0, 0.3, 0])
    assert similarities(rows[[0]], rows).tolist() == similarities(rows[[0]] * 0.01, rows).tolist()


def test_of_two_as_near_the_one_that_says_more_is_first_but_only_a_little() -> None:
    short, long = similarities(matrix([1, 1, 0, 0]), matrix([0.2, 0.2, 0, 0], [0.5, 0.5, 0, 0]))
    assert short < long
    assert short / long == pytest.approx((0.2 / 0.5) ** 0.5, abs=1e-5)


@pytest.mark.parametrize("rows", [matrix([0, 0, 0, 0]), matrix([0, 0, 1, 1])])
def test_without_a_common_term_there_is_no_likeness(rows: csr_matrix) -> None:
    assert similarities(matrix([1, 1, 0, 0]), rows).tolist() == [0]
    assert similarities(matrix([0, 0, 0, 0]), rows).tolist() == [0]


def test_of_no_papers_none_is_near() -> None:
    assert similarities(matrix([1, 0, 0, 0]), matrix([1, 0, 0, 0])[:0]).tolist() == []


def test_ties_go_to_the_newer_paper_then_to_the_smaller_id() -> None:
    papers = [paper(3), paper(2), paper(1, announced=DAY - timedelta(days=1)), paper(4)]
    assert by_score(papers, [0.5, 0.5, 0.5, 0.7]) == [3, 1, 0, 2]


@given(st.permutations(range(6)))
def test_the_order_does_not_depend_on_the_order_papers_came_in(order: list[int]) -> None:
    papers = [paper(number, announced=DAY - timedelta(days=number % 2)) for number in order]
    scores = [[0.5, 0.2, 0.5, 0.0, 0.2, 0.5][number] for number in order]
    assert [papers[n].id[-1] for n in by_score(papers, scores)] == ["0", "2", "5", "4", "1"]


def test_a_paper_that_both_orders_put_high_is_first() -> None:
    scores = fused([["a", "b", "c"], ["b", "c", "d"]])
    assert sorted(scores, key=lambda one: -scores[one]) == ["b", "c", "a", "d"]
    assert scores["a"] == 1 / 61
    assert fused([]) == {}


@given(st.lists(st.text(max_size=2), unique=True))
def test_one_order_alone_stays_as_it_is(order: list[str]) -> None:
    scores = fused([order])
    assert sorted(order, key=lambda one: -scores[one]) == order


def test_the_strongest_terms_come_first_and_equal_ones_in_their_order() -> None:
    row = matrix([0.1, 0.4, 0, 0.4])
    assert strongest_terms(NAMES, row, 2) == ["gripper force", "owls"]
    assert strongest_terms(NAMES, row, 9) == ["gripper force", "owls", "gripper"]


def test_shared_terms_are_of_both_stand_in_the_text_and_none_repeats_another() -> None:
    names = np.array(["force", "gripper", "gripper force", "mice", "owls"], dtype=object)
    one, other = matrix([0.3, 0.5, 0.5, 0.3, 0.2]), matrix([0.3, 0.5, 0.4, 0, 0.3])

    def shared(wanted: csr_matrix, title: str) -> list[str]:
        carriers = Carriers(other, names, [paper(1, title=title, abstract="")])
        return [names[term] for term in shared_terms(wanted, carriers, 0)]

    assert shared(one, "Gripper force of owls") == ["gripper force", "owls"]
    assert shared(one, "Gripper (force) of owls") == ["gripper", "force", "owls"]
    assert shared(matrix([0, 0, 0, 0.3, 0]), "Gripper force of owls") == []
