"""What names a paper and what does not, and what a merge does to what waits."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
import structlog

from digestbot.models import DISLIKE, LIKE, DeliveryState, RatingValue
from digestbot.store import Store
from tests.factories import DAY, NOW, described, paper
from tests.store.contract.merging import apart, one, send
from tests.store.scenes import LATER, held, join, mark, post

_TITLE = "Notes on sparse retrieval systems"
_NEXT_DAY = DAY + timedelta(days=1)


class IdentityContract:
    """What names a paper and what does not, and what a merge does to what waits."""

    # titles

    def test_a_post_that_comes_each_week_under_one_title_is_new_each_week(self, store: Store) -> None:
        weeks = [paper(id=f"weekly:{number}", title="Top papers of the week", url="") for number in range(3)]
        assert [store.papers.add([week], NOW).new for week in weeks] == [1, 1, 1]

    def test_a_doi_still_makes_one_of_two_entries_of_a_feed(self, store: Store) -> None:
        first, second = (paper(id=f"feed:{n}", title=f"Post {n}", doi="10.5555/1", url="") for n in (1, 2))
        assert store.papers.add([first, second], NOW).new == 1

    def test_a_title_that_two_papers_have_joins_a_third_to_none_of_them(self, store: Store) -> None:
        works = [paper(n, id=f"doi:10.5555/{n}", doi=f"10.5555/{n}", title=_TITLE, url="") for n in (1, 2)]
        for order in permutations(works):
            store.papers.add(order, NOW)
            assert store.papers.add([paper(3, title=_TITLE), paper(4, id="feed:1", title=_TITLE)], LATER).updated == 0
        assert store.papers.count() == 4

    def test_baryons_of_two_collaborations_stay_two_papers(self, store: Store) -> None:
        lambdas = paper(1, title=r"Lifetime of the $\Lambda_b^0$ baryon", authors=("LHCb Collaboration",))
        xis = paper(2, id="doi:10.5555/2", title=r"Lifetime of the $\Xi_b^0$ baryon", authors=("CMS Collaboration",))
        assert store.papers.add([lambdas, xis], NOW).new == 2

    # keys

    def test_a_preprint_and_the_journal_of_its_publisher_are_one_paper(self, store: Store) -> None:
        preprint = paper(id="doi:10.1101/2024.01.01.573000", doi="10.1101/2024.01.01.573000, 10.1101/gr.279000.124")
        store.papers.add([preprint, paper(id="doi:10.1101/gr.279000.124", doi="10.1101/gr.279000.124")], NOW)
        assert store.papers.count() == 1

    def test_what_a_mention_calls_a_known_paper_finds_it_though_nothing_of_it_changed(self, store: Store) -> None:
        known = paper(1, doi="10.5555/1", comment="12 pages")
        told = replace(known, doi="10.7777/9", title="What the journal called those notes")
        store.papers.add([known], NOW)
        assert store.papers.add([], LATER, mentions=[told]).updated == 0
        assert one(store, known.id) == known
        by_doi = paper(2, id="doi:10.7777/9", title="Anything", url="")
        by_title = paper(3, id="feed:9", title=told.title, url="")
        store.papers.add([by_doi, by_title], LATER)
        assert store.papers.resolve([by_doi.id, by_title.id]) == {by_doi.id: known.id, by_title.id: known.id}

    def test_a_mention_shows_that_two_known_papers_are_one(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        told = replace(
            preprint, id=published.id, title=post_of_it.title, url="", abstract="", categories=(), comment=""
        )
        store.papers.add([published, post_of_it], NOW)
        assert store.papers.add([], LATER, mentions=[replace(told, doi=published.doi)]).updated == 1
        assert store.papers.count() == 1

    def test_a_doi_of_a_whole_proceedings_names_none_of_its_papers(self, store: Store) -> None:
        papers = [paper(n, doi="10.5555/proceedings", title=f"Talk number {n}") for n in range(1, 1000)]
        started = time.perf_counter()
        assert store.papers.add(papers, NOW).new == len(papers)
        # Each with each would take twenty times as long.
        assert time.perf_counter() - started < 20
        book = paper(id="doi:10.5555/proceedings", title="The whole book", doi="10.5555/proceedings", url="")
        assert store.papers.add([book], LATER).new == 1

    # days

    def test_a_mention_never_moves_the_day_of_a_known_paper(self, store: Store) -> None:
        store.papers.add([paper(1)], NOW)
        store.papers.add([], LATER, mentions=[paper(1, announced=DAY - timedelta(days=90))])
        assert one(store, paper(1).id).announced == DAY

    def test_a_paper_first_known_by_a_mention_gets_the_day_of_its_own_source_when_that_is_earlier(
        self, store: Store
    ) -> None:
        store.papers.add([], NOW, mentions=[paper(1, announced=_NEXT_DAY)])
        assert one(store, paper(1).id).announced == _NEXT_DAY
        store.papers.add([paper(1)], LATER)
        assert one(store, paper(1).id).announced == DAY

    # what waits

    def test_a_digest_shows_the_ids_it_was_composed_with(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        made, _ = post(store, join(store), [published, paper(7)])
        other, _ = post(store, join(store), [post_of_it])
        store.papers.add([preprint], LATER)
        for before, shown in ((made, [published.id, paper(7).id]), (other, [post_of_it.id])):
            found = store.digests.find(before.id)
            assert found is not None
            assert [item.shown_id for item in found.items] == shown
            assert found.items[0].paper.id == preprint.id

    @pytest.mark.parametrize("deferred", [False, True])
    def test_what_was_sent_under_another_id_leaves_a_digest_that_waits(self, store: Store, deferred: bool) -> None:
        published, post_of_it, preprint = apart()
        reader, other = join(store), join(store)
        first = send(store, reader, [published, paper(7)])
        kept, _ = post(store, other, [post_of_it], _NEXT_DAY)
        waiting, delivery = post(store, reader, [paper(8), post_of_it, paper(9)], _NEXT_DAY)
        if deferred:
            mark(store, delivery, DeliveryState.DEFERRED, NOW, next_at=LATER)
        store.papers.add([preprint], LATER)
        shown = {made.id: store.digests.find(made.id) for made in (first, kept, waiting)}
        assert {made: [(i.position, i.paper.id) for i in found.items] for made, found in shown.items() if found} == {
            first.id: [(1, preprint.id), (2, paper(7).id)],
            kept.id: [(1, preprint.id)],
            waiting.id: [(1, paper(8).id), (3, paper(9).id)],
        }
        assert held(store, waiting).state == (DeliveryState.DEFERRED if deferred else DeliveryState.PENDING)

    def test_a_digest_that_waits_and_has_nothing_left_expires(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        reader = join(store)
        send(store, reader, [published])
        waiting, _ = post(store, reader, [post_of_it], _NEXT_DAY)
        store.papers.add([preprint], LATER)
        assert held(store, waiting).state == DeliveryState.EXPIRED

    def test_a_digest_that_may_have_arrived_stays_as_it_is(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        reader = join(store)
        send(store, reader, [published])
        waiting, delivery = post(store, reader, [post_of_it], _NEXT_DAY)
        mark(store, delivery, DeliveryState.DEFERRED, NOW, next_at=LATER, uncertain=True)
        store.papers.add([preprint], LATER)
        found = store.digests.find(waiting.id)
        assert found is not None
        assert len(found.items) == 1
        assert held(store, waiting).state == DeliveryState.DEFERRED

    # ratings and traces

    @pytest.mark.parametrize("cleared_first", [False, True])
    @pytest.mark.parametrize("value", [LIKE, DISLIKE])
    def test_what_was_cleared_last_stays_cleared(self, store: Store, cleared_first: bool, value: RatingValue) -> None:
        published, post_of_it, preprint = apart()
        store.papers.add([published, post_of_it], NOW)
        reader = join(store)
        moments = [NOW + timedelta(minutes=minute) for minute in range(3)]
        rated_at = moments[2] if cleared_first else moments[0]
        store.ratings.record(reader.id, {published.id: value}, now=rated_at, origin="cli")
        store.ratings.record(reader.id, {post_of_it.id: LIKE}, now=moments[0], origin="cli")
        store.ratings.record(reader.id, {post_of_it.id: 0}, now=moments[1], origin="cli")
        store.papers.add([preprint], LATER)
        found = [(rating.paper_id, rating.value) for rating in store.ratings.of([reader.id])[reader.id]]
        assert found == ([(preprint.id, value)] if cleared_first else [])

    def test_a_merge_names_both_ids_in_the_log(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        store.papers.add([published, post_of_it], NOW)
        with structlog.testing.capture_logs() as lines:
            store.papers.add([preprint], LATER)
        assert [(line["kept"], line["other"]) for line in lines] == [(preprint.id, post_of_it.id)]
        with structlog.testing.capture_logs() as lines:
            store.papers.add(described().values(), LATER)
        assert lines == []
