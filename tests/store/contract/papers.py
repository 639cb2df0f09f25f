"""Papers: each one once, with the day it was announced."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from digestbot.models import (
    Paper,
)
from digestbot.store import Store
from tests.factories import DAY, NOW, paper
from tests.store.scenes import LATER


class PapersContract:
    """Papers: each one once, with the day it was announced."""

    def test_a_paper_comes_back_as_it_was_given(self, store: Store) -> None:
        given = paper(
            authors=("Zoë “Z” Öz", "O'Neil, B."),
            categories=(),
            abstract="",
            url="https://example.org/?a=1&b=2",
            pdf_url="https://example.org/p.pdf",
            doi="10.1000/x",
            comment="two\tpages",
            upvotes=2**40,
            title="<b>🙂</b> & שלום",
        )
        assert store.papers.add([given], NOW).new == 1
        assert store.papers.get([given.id, "arxiv:0000.00000"]) == {given.id: given}

    @pytest.mark.parametrize(
        "identifier", ["arxiv:2503.02130", "arxiv:2503.10000", "x:007", "x:1e5", "doi:10.1101/1.10"]
    )
    def test_an_id_that_looks_like_a_number_stays_text(self, store: Store, identifier: str) -> None:
        store.papers.add([paper(id=identifier)], NOW)
        assert list(store.papers.get([identifier])) == [identifier]
        assert store.papers.announced(DAY, DAY)[0].id == identifier

    def test_loading_twice_adds_nothing(self, store: Store) -> None:
        papers = [paper(number) for number in range(1, 6)]
        first = store.papers.add(papers, NOW)
        again = store.papers.add(reversed(papers), LATER)
        assert (first.new, first.updated) == (5, 0)
        assert (again.new, again.updated) == (0, 0)
        assert store.papers.count() == 5

    def test_a_reworded_paper_keeps_the_day_it_was_announced(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reworded = paper(title="Sparse retrieval, revised", announced=DAY + timedelta(days=9))
        assert store.papers.add([reworded], LATER).updated == 1
        found = store.papers.get([reworded.id])[reworded.id]
        assert (found.title, found.announced, found.revision) == ("Sparse retrieval, revised", DAY, 2)

    def test_upvotes_change_without_a_new_revision(self, store: Store) -> None:
        store.papers.add([paper(upvotes=1)], NOW)
        assert store.papers.add([paper(upvotes=8)], LATER).updated == 1
        found = store.papers.get([paper().id])[paper().id]
        assert (found.upvotes, found.revision) == (8, 1)

    def test_replacements_change_known_papers_and_announce_none(self, store: Store) -> None:
        store.papers.add([paper(1)], NOW)
        added = store.papers.add([], LATER, replacements=[paper(1, abstract="Shorter."), paper(2)])
        assert (added.new, added.updated) == (0, 1)
        assert store.papers.count() == 1
        assert store.papers.get([paper(1).id])[paper(1).id].abstract == "Shorter."

    def test_papers_come_by_day_and_id_whatever_the_order_they_came_in(self, store: Store) -> None:
        papers = [paper(number, announced=DAY - timedelta(days=number % 3)) for number in (5, 2, 9, 1, 4)]
        store.papers.add(papers, NOW)
        expected = sorted(papers, key=lambda one: (one.announced, one.id))
        assert store.papers.announced(DAY - timedelta(days=2), DAY) == expected
        assert store.papers.announced(DAY, DAY) == [one for one in expected if one.announced == DAY]
        newest = store.papers.newest(2, until=DAY - timedelta(days=1))
        assert [one.id for one in newest] == ["arxiv:2505.00001", "arxiv:2505.00004"]

    def test_revisions_of_the_newest_tell_when_a_text_has_changed(self, store: Store) -> None:
        store.papers.add([paper(number, announced=DAY - timedelta(days=number)) for number in (1, 2, 3)], NOW)
        store.papers.add([paper(2, title="Reworded"), paper(3, upvotes=7)], LATER)
        assert store.papers.newest_revisions(2, until=DAY) == [(paper(1).id, 1), (paper(2).id, 2)]
        for until in (DAY, DAY - timedelta(days=2)):
            newest = [(one.id, one.revision) for one in store.papers.newest(9, until=until)]
            assert store.papers.newest_revisions(9, until=until) == newest

    def test_a_broken_batch_adds_nothing_of_itself(self, store: Store) -> None:
        def broken() -> Iterable[Paper]:
            yield paper(1)
            raise OSError("the source went away")

        with pytest.raises(OSError, match="went away"):
            store.papers.add(broken(), NOW)
        assert store.papers.count() == 0
        assert store.papers.add([paper(1)], NOW).new == 1

    def test_a_source_that_says_less_takes_nothing_away(self, store: Store) -> None:
        rich = paper(comment="12 pages", pdf_url="https://example.org/p.pdf", doi="10.1/x", upvotes=40)
        store.papers.add([rich], NOW)
        assert store.papers.add([paper(abstract="", authors=(), categories=())], LATER).updated == 0
        assert store.papers.get([rich.id]) == {rich.id: rich}
