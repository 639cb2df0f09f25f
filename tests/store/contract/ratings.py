"""Ratings: the latest wins."""

from __future__ import annotations

import pytest

from digestbot.errors import NotFoundError
from digestbot.models import (
    DISLIKE,
    LIKE,
)
from digestbot.store import Store
from tests.factories import NOW, paper
from tests.store.scenes import LATER, join


class RatingsContract:
    """Ratings: the latest wins."""

    def test_the_latest_rating_wins_and_a_clear_takes_it_away(self, store: Store) -> None:
        store.papers.add([paper(1), paper(2)], NOW)
        reader = join(store)
        one, two = paper(1).id, paper(2).id
        assert store.ratings.record(reader.id, {one: LIKE, two: LIKE}, now=NOW, origin="mail") == {one: 0, two: 0}
        assert store.ratings.record(reader.id, {one: DISLIKE}, now=LATER, origin="mail") == {one: 1}
        assert [(r.paper_id, r.value, r.rated_at) for r in store.ratings.of([reader.id])[reader.id]] == [
            (one, DISLIKE, LATER),
            (two, LIKE, NOW),
        ]
        assert store.ratings.record(reader.id, {one: 0}, now=LATER, origin="cli") == {one: -1}
        assert [rating.paper_id for rating in store.ratings.of([reader.id])[reader.id]] == [two]

    def test_the_same_rating_again_changes_nothing(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reader = join(store)
        store.ratings.record(reader.id, {paper().id: LIKE}, now=NOW, origin="mail")
        assert store.ratings.record(reader.id, {paper().id: LIKE}, now=LATER, origin="mail") == {}
        assert store.ratings.of([reader.id])[reader.id][0].rated_at == NOW

    def test_one_unknown_paper_records_none_of_the_ratings(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reader = join(store)
        with pytest.raises(NotFoundError, match=r"arxiv:0000\.00000"):
            store.ratings.record(reader.id, {paper().id: LIKE, "arxiv:0000.00000": LIKE}, now=NOW, origin="cli")
        assert store.ratings.of([reader.id]) == {reader.id: []}

    def test_ratings_are_each_readers_own(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        ada, bela = join(store), join(store)
        store.ratings.record(ada.id, {paper().id: LIKE}, now=NOW, origin="cli")
        found = store.ratings.of([bela.id, ada.id])
        assert found[bela.id] == []
        assert [(one.subscriber_id, one.value) for one in found[ada.id]] == [(ada.id, LIKE)]
