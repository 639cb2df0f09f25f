"""Rows of papers: taking and stacking them, and what two have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.rows import Background, Rows, cosines, inverse, kernel, lengths, located, scaled, stacked
from tests.factories import paper
from tests.ranking.library import library

FEATURES = Features.fit(library(), Recipe(dimensions=4))
ROWS = FEATURES.rows(library())

# Tables with many zeros, and with rows and columns of nothing else.
tables = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0]), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def matrix(table: list[list[float]]) -> csr_matrix:
    return csr_matrix(np.array(table, dtype=np.float32))


@given(tables)
def test_lengths_are_those_of_the_rows_also_where_nothing_is_in_one(table: list[list[float]]) -> None:
    assert lengths(matrix(table)) == pytest.approx(np.linalg.norm(np.array(table), axis=1))


@given(tables, st.data())
def test_each_row_is_scaled_by_its_own_factor(table: list[list[float]], data: st.DataObject) -> None:
    many = len(table)
    factors = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=many, max_size=many)))
    made = scaled(matrix(table), factors)
    assert made.toarray().tolist() == (np.array(table) * factors[:, None]).tolist()
    assert made.dtype == np.float32


def test_nothing_has_no_inverse_but_nothing() -> None:
    assert inverse(np.array([0.0, 2.0])).tolist() == [0.0, 0.5]


@given(st.lists(st.integers(0, 35), max_size=6), st.lists(st.integers(0, 35), max_size=6))
def test_rows_taken_apart_and_stacked_are_those_that_were(some: list[int], others: list[int]) -> None:
    numbers = np.array(some, dtype=np.intp), np.array(others, dtype=np.intp)
    both = stacked([ROWS.take(part) for part in numbers])
    assert len(both) == len(some) + len(others)
    assert both.terms.toarray().tolist() == ROWS.terms.toarray()[some + others].tolist()
    assert both.place.tolist() == ROWS.place[some + others].tolist()


def test_the_place_of_papers_is_their_product_with_the_directions() -> None:
    assert ROWS.place == pytest.approx(ROWS.terms.toarray() @ FEATURES.background.directions, abs=1e-6)
    assert ROWS.place.dtype == np.float32


def test_the_kernel_is_the_inner_product_less_what_is_common() -> None:
    background = FEATURES.background
    terms, directions = ROWS.terms.toarray(), background.directions
    common = directions @ np.diag(background.discount) @ directions.T
    wanted = terms @ (np.eye(len(common)) - common) @ terms.T
    found = kernel(ROWS, ROWS, background)
    assert found.direct - found.common == pytest.approx(wanted, abs=1e-5)


def test_without_directions_the_kernel_is_the_inner_product() -> None:
    nothing = Background(np.zeros((3, 0), dtype=np.float32), np.zeros(0, dtype=np.float32))
    rows = located(matrix([[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]), nothing)
    found = kernel(rows, rows, nothing)
    assert found.direct.tolist() == [[1.25, 0.0], [0.0, 0.0]]
    assert not found.common.any()


@given(st.lists(st.integers(0, 35), min_size=1, max_size=9))
def test_papers_have_the_same_in_common_alone_and_among_others(numbers: list[int]) -> None:
    every = kernel(ROWS, ROWS, FEATURES.background)
    some: Any = ROWS.take(numbers)
    for name in ("direct", "common"):
        whole = getattr(every, name)
        assert getattr(kernel(some, ROWS, FEATURES.background), name).tolist() == whole[numbers].tolist()
        assert getattr(kernel(ROWS, some, FEATURES.background), name).tolist() == whole[:, numbers].tolist()


def test_a_paper_is_like_itself_and_one_without_a_word_like_none() -> None:
    papers = [*library()[:3], paper(901, title="1 + 1", abstract="", authors=(), categories=())]
    found = cosines(FEATURES.rows(papers))
    assert np.diag(found) == pytest.approx([1.0, 1.0, 1.0, 0.0], abs=1e-6)
    assert found[3].tolist() == [0.0] * 4
    assert found == pytest.approx(found.T)


def test_the_evidence_of_papers_is_how_long_their_rows_are() -> None:
    empty = Rows(matrix([[0.0, 0.0]]), np.zeros((1, 0), dtype=np.float32))
    assert empty.evidence.tolist() == [0.0]
    assert ((ROWS.evidence > 0) & (ROWS.evidence < 1)).all()
