"""A fit keeps the rows of its papers, and gives new ones theirs without being made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit, fingerprint
from digestbot.ranking.rows import Rows
from tests.factories import NOW, paper
from tests.ranking.library import PROTEINS, ROBOTS, library, on

LIBRARY = library()
FIT = Fit.of(LIBRARY, Recipe(dimensions=4), NOW)
NEW = [on(ROBOTS, 901), on(PROTEINS, 902)]


def dense(rows: Rows) -> np.ndarray:
    """Return terms and place side by side."""
    return np.hstack([rows.terms.toarray(), rows.place])


def texts(*papers: Paper) -> dict[str, Paper]:
    return {one.id: one for one in papers}


def test_the_corpus_has_the_rows_that_its_papers_would_get_as_new_ones() -> None:
    assert FIT.unknown(LIBRARY) == []
    assert dense(FIT.rows) == pytest.approx(dense(FIT.features.rows(LIBRARY)), abs=1e-6)


def test_new_papers_are_only_transformed() -> None:
    extended = FIT.extended(NEW)
    assert extended.features is FIT.features
    assert (extended.fitted_at, extended.corpus, extended.fingerprint) == (FIT.fitted_at, len(LIBRARY), FIT.fingerprint)
    assert extended.unknown([*LIBRARY, *NEW]) == []
    assert dense(extended.rows_of(NEW)).tolist() == dense(FIT.features.rows(NEW)).tolist()
    assert dense(extended.rows_of(LIBRARY)).tolist() == dense(FIT.rows).tolist()


def test_a_fit_that_is_extended_by_nothing_stays_as_it_is() -> None:
    assert FIT.extended([]) is FIT


def test_papers_without_a_row_get_one_and_are_not_kept() -> None:
    assert (
        dense(FIT.rows_of([NEW[0], LIBRARY[3]])).tolist()
        == dense(FIT.extended(NEW).rows_of([NEW[0], LIBRARY[3]])).tolist()
    )
    assert FIT.unknown(NEW) == NEW


def test_a_paper_whose_text_changed_gets_a_new_row() -> None:
    old = LIBRARY[0]
    changed = replace(old, title="enzyme mutation", abstract=PROTEINS, revision=2)
    assert FIT.unknown([old, changed]) == [changed]
    extended = FIT.extended([changed])
    assert extended.unknown([changed]) == []
    assert dense(extended.rows_of([changed])).tolist() == dense(FIT.features.rows([changed])).tolist()
    assert dense(extended.rows_of([changed])).tolist() != dense(FIT.rows_of([old])).tolist()
    found, rows = extended.find([old.id], lambda ids: {})
    assert (found, dense(rows).tolist()) == ([old.id], dense(FIT.features.rows([changed])).tolist())


@given(st.lists(st.sampled_from(LIBRARY + NEW), max_size=8))
def test_rows_come_in_the_order_of_the_papers_asked_for(papers: list[Paper]) -> None:
    every = dense(FIT.extended(NEW).rows)
    places = [(LIBRARY + NEW).index(one) for one in papers]
    assert dense(FIT.rows_of(papers)).tolist() == every[places].tolist()


def test_ids_that_papers_had_before_are_found_by_their_texts() -> None:
    asked: list[Sequence[str]] = []

    def get(ids: Sequence[str]) -> Mapping[str, Paper]:
        asked.append(ids)
        return {"doi:10.5555/before": LIBRARY[5], NEW[0].id: NEW[0]}

    ids = [NEW[0].id, LIBRARY[7].id, "doi:10.5555/nobody", "doi:10.5555/before"]
    found, rows = FIT.find(ids, get)
    assert asked == [[NEW[0].id, "doi:10.5555/nobody", "doi:10.5555/before"]], "texts of known papers are not read"
    assert sorted(found) == sorted([NEW[0].id, LIBRARY[7].id, "doi:10.5555/before"])
    wanted = texts(NEW[0], LIBRARY[7]) | {"doi:10.5555/before": LIBRARY[5]}
    assert dense(rows) == pytest.approx(dense(FIT.features.rows([wanted[one] for one in found])), abs=1e-6)


@pytest.mark.parametrize("ids", [[], ["doi:10.5555/nobody"]])
def test_where_nothing_is_found_there_are_no_rows(ids: list[str]) -> None:
    found, rows = FIT.find(ids, lambda missing: {})
    assert (found, len(rows)) == ([], 0)
    assert rows.terms.shape[1] == len(FIT.features.terms)
    assert rows.place.shape[1] == 4


def test_a_corpus_without_a_word_cannot_be_fitted() -> None:
    with pytest.raises(ValueError):
        Fit.of([paper(1, title="1 + 1", abstract="", authors=(), categories=())], Recipe(), NOW)


revisions = st.lists(
    st.tuples(st.integers(1, 6).map(lambda number: f"arxiv:2505.{number:05d}"), st.integers(1, 12)),
    unique_by=lambda pair: pair[0],
)


@given(revisions, revisions, st.randoms(use_true_random=False))
def test_a_fingerprint_is_the_same_for_the_same_papers_and_for_no_others(
    some: list[tuple[str, int]], others: list[tuple[str, int]], shuffler: object
) -> None:
    shuffled = list(some)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fingerprint(shuffled) == fingerprint(some)
    assert (fingerprint(others) == fingerprint(some)) == (sorted(others) == sorted(some))
