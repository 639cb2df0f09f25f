"""The rated papers as they are met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from digestbot.models import RatingValue
from digestbot.ranking.features import Features
from digestbot.ranking.rated import Rated
from digestbot.ranking.rows import kernel
from tests.factories import DAY
from tests.ranking.library import PROTEINS, ROBOTS, SPEECH, Shelf, library, on

FEATURES = Features.fit(library())
CANDIDATES = [on(subject, 900 + number) for number, subject in enumerate([ROBOTS, PROTEINS, SPEECH])]
ROWS = FEATURES.rows(CANDIDATES)
LIBRARY = library()
# What four papers take beside these candidates, in bytes.
ROOM = 4 * len(CANDIDATES) * 4

Given = tuple[str, RatingValue, date]


def rated(**limits: int) -> Rated:
    known = [*LIBRARY, *CANDIDATES]
    return Rated(
        ROWS,
        {one.id: number for number, one in enumerate(CANDIDATES)},
        FEATURES.background,
        Shelf(FEATURES, {one.id: one for one in known}, {}),
        np.unique(ROWS.terms.indices),
        **limits,
    )


def ratings(*numbers: int, value: RatingValue = 1, age: int = 0) -> list[Given]:
    return [(LIBRARY[number].id, value, DAY - timedelta(days=age)) for number in numbers]


def sums(known: Rated, own: Sequence[Given], half_life: float = 0.0) -> tuple[NDArray[np.float64], list[object]]:
    """Return the sum of what the ratings have in common with each candidate, and what else is known of them."""
    known.meet(paper for paper, _, _ in own)
    values = known.values([own], [DAY], half_life)
    numbers = values.indices.tolist()
    facts: list[object] = [
        [known.papers[number] for number in numbers],
        known.evidence[numbers].tolist(),
        known.terms[numbers].toarray().tolist(),
        known.place[numbers].tolist(),
    ]
    return np.asarray(values @ known.kernel.direct - values @ known.kernel.common), facts


@given(st.lists(st.lists(st.integers(0, 35), min_size=1, max_size=6, unique=True), min_size=1, max_size=6))
@settings(deadline=None)
def test_what_was_forgotten_is_worked_out_again_to_the_same(readers: list[list[int]]) -> None:
    roomy, narrow, most = rated(), rated(most_bytes=ROOM), 4
    for numbers in readers:
        most = max(most, len(numbers))
        own = ratings(*numbers)
        (plenty, known), (little, same) = sums(roomy, own), sums(narrow, own)
        assert np.array_equal(plenty, little)
        assert known == same
        # No more is kept than there is room for, but what one reader needs.
        assert len(narrow.papers) <= most
        assert (
            len(narrow.kernel.direct)
            == len(narrow.kernel.common)
            == len(narrow.papers)
            == len(narrow.evidence)
            == len(narrow.among)
        )
    assert set(roomy.papers) == {LIBRARY[number].id for numbers in readers for number in numbers}


def test_each_rated_paper_has_in_common_with_each_candidate_what_the_kernel_says() -> None:
    known = rated()
    known.meet(one.id for one in LIBRARY[4:9])
    known.meet(one.id for one in LIBRARY[:6])
    expected = kernel(FEATURES.rows(LIBRARY[:9]), ROWS, FEATURES.background)
    order = [known.papers.index(one.id) for one in LIBRARY[:9]]
    assert np.array_equal(known.kernel.direct[order], expected.direct)
    assert np.array_equal(known.kernel.common[order], expected.common)
    assert len(known.papers) == 9


def test_a_paper_without_a_text_counts_for_nothing_and_is_looked_for_once() -> None:
    asked: list[str] = []

    class Watched(Shelf):
        def rows(self, ids: Sequence[str]):  # type: ignore[no-untyped-def]
            asked.extend(ids)
            return super().rows(ids)

    shelf = Watched(FEATURES, {LIBRARY[0].id: LIBRARY[0]}, {})
    known = Rated(ROWS, {}, FEATURES.background, shelf, np.unique(ROWS.terms.indices))
    for _ in range(2):
        known.meet([LIBRARY[0].id, "file:gone"])
    assert sorted(asked) == [LIBRARY[0].id, "file:gone"]
    values = known.values([[*ratings(0), ("file:gone", 1, DAY)], [("file:gone", -1, DAY)]], [DAY, DAY], 0.0)
    assert values.toarray().tolist() == [[1], [0]]


def test_before_anything_was_met_there_is_nothing() -> None:
    known = rated()
    known.meet([])
    assert known.kernel.direct.shape == known.kernel.common.shape == (0, 3)
    assert known.terms.shape[0] == len(known.place) == len(known.evidence) == len(known.among) == 0
    assert known.values([[], []], [DAY, DAY], 30.0).shape == (2, 0)


def test_a_rated_candidate_is_known_by_its_number() -> None:
    known = rated()
    known.meet([CANDIDATES[2].id, LIBRARY[0].id])
    assert dict(zip(known.papers, known.among.tolist(), strict=True)) == {CANDIDATES[2].id: 2, LIBRARY[0].id: -1}


@pytest.mark.parametrize(("age", "expected"), [(0, 1.0), (-3, 1.0), (10, 0.5), (20, 0.25), (5, 0.5**0.5)])
def test_a_rating_counts_half_after_each_half_life(age: int, expected: float) -> None:
    known = rated()
    own = [*ratings(0, age=age), *ratings(1, value=-1, age=age)]
    known.meet(paper for paper, _, _ in own)
    assert known.values([own], [DAY], 10.0).toarray()[0] == pytest.approx([expected, -expected])
    assert known.values([own], [DAY], 0.0).toarray()[0].tolist() == [1, -1]


@given(st.integers(0, 100_000), st.floats(1e-6, 10_000))
def test_a_rating_of_whatever_age_still_counts(age: int, half_life: float) -> None:
    known = rated()
    own = ratings(0, age=age)
    known.meet([own[0][0]])
    (value,) = known.values([own], [DAY], half_life).data
    assert 1e-20 < value <= 1


def test_ratings_stand_in_the_order_of_ids_whatever_was_met_before() -> None:
    known = rated()
    known.meet([LIBRARY[5].id])
    known.meet([one.id for one in LIBRARY[:8]])
    shuffled = ratings(5, 2, 7, 0)
    found = known.values([shuffled, sorted(shuffled)], [DAY, DAY], 0.0)
    names = [known.papers[number] for number in found.indices]
    assert names == 2 * [LIBRARY[number].id for number in (0, 2, 5, 7)]
