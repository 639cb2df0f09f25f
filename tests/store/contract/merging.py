"""One paper from two places is one paper, whatever came first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, count, permutations

import pytest

from digestbot.digest.compose import digest_delivery
from digestbot.models import DISLIKE, LIKE, DeliveryState, Digest, Paper, PaperId, Subscriber
from digestbot.store import Store
from tests.factories import DAY, NOW, described, digest, paper
from tests.store.scenes import LATER, join, mark, post, sent_papers

_WORKS = count(1)
_NEXT_DAY = DAY + timedelta(days=1)


def one(store: Store, identifier: PaperId) -> Paper:
    [found] = store.papers.get([identifier]).values()
    return found


def apart() -> tuple[Paper, Paper, Paper]:
    """Two descriptions that nothing connects, and arXiv's, which shows that they are of one work."""
    places = described()
    return places["doi"], places["feed"], places["arxiv"]


def send(store: Store, reader: Subscriber, papers: list[Paper], day_number: int = 0) -> Digest:
    made, delivery = post(store, reader, papers, DAY + timedelta(days=day_number))
    mark(store, delivery, DeliveryState.SENT, NOW)
    return made


def with_id(made: Digest, identifiers: dict[PaperId, PaperId]) -> Digest:
    """Return a digest whose papers have other ids, and nothing else of what a mail shows is different."""
    return replace(
        made,
        items=tuple(
            replace(item, paper=replace(item.paper, id=identifiers.get(item.paper.id, item.paper.id)))
            for item in made.items
        ),
    )


def as_shown(made: Digest | None) -> Digest:
    """Return a digest as far as mails show it: links and counts of today and the number of a text are not."""
    assert made is not None
    return replace(
        made,
        items=tuple(
            replace(
                item,
                paper=replace(item.paper, links=(), comment_count=0, revision=0, comment="", doi="", pdf_url=""),
            )
            for item in made.items
        ),
    )


class MergingContract:
    """One paper from two places is one paper, whatever came first."""

    # found

    @pytest.mark.parametrize("place", ["doi", "hub", "feed"])
    def test_a_known_paper_from_another_place_is_not_a_new_one(self, store: Store, place: str) -> None:
        places = described()
        store.papers.add([places["arxiv"]], NOW)
        added = store.papers.add([places[place]], LATER)
        assert (added.new, added.updated, store.papers.count()) == (0, 1, 1)
        found = one(store, places[place].id)
        assert found == one(store, places["arxiv"].id)
        assert (found.id, found.url) == (places["arxiv"].id, places["arxiv"].url)
        assert found.links == (places[place].url,)

    @pytest.mark.parametrize("places", [some for n in (1, 2, 3) for some in combinations(("doi", "hub", "feed"), n)])
    def test_the_order_in_which_places_are_asked_changes_nothing(self, store: Store, places: tuple[str, ...]) -> None:
        results = []
        for order in permutations(("arxiv", *places)):
            number = next(_WORKS)
            work = described(number)
            for place in order:
                store.papers.add([work[place]], NOW)
            ids = {place: store.papers.resolve([work[place].id])[work[place].id] for place in order}
            assert set(ids.values()) == {work["arxiv"].id}
            found = one(store, work["arxiv"].id)
            assert found.announced == min(work[place].announced for place in order)
            assert set(found.links) == {work[place].url for place in places}
            assert (found.title, found.authors) == (work["arxiv"].title, work["arxiv"].authors)
            assert (found.abstract, found.categories) == (work["arxiv"].abstract, work["arxiv"].categories)
            results.append((found.announced - DAY, len(found.links), found.upvotes, found.comment_count, found.comment))
        assert len(set(results)) == 1
        assert store.papers.count() == len(results)

    def test_the_same_places_again_change_nothing_in_any_order(self, store: Store) -> None:
        places = described()
        for order in permutations(places):
            store.papers.add([places[place] for place in order], NOW)
            before = one(store, places["arxiv"].id)
            again = store.papers.add([places[place] for place in order], LATER)
            assert (again.new, again.updated) == (0, 0)
            assert one(store, places["arxiv"].id) == before

    def test_two_papers_of_arxiv_are_two_though_title_and_doi_are_the_same(self, store: Store) -> None:
        first = paper(1, title="Notes on sparse retrieval systems", doi="10.5555/1")
        second = paper(2, title="Notes on sparse retrieval systems", doi="10.5555/1")
        assert store.papers.add([first, second], NOW).new == 2
        assert store.papers.get([first.id, second.id]) == {first.id: first, second.id: second}

    def test_what_belongs_to_one_of_two_equal_titles_does_not_join_them(self, store: Store) -> None:
        places, other = described(), paper(99, title=described()["arxiv"].title, authors=("Zoë Quill",))
        store.papers.add([places["feed"], places["arxiv"], other, places["hub"]], NOW)
        assert store.papers.count() == 2
        assert store.papers.resolve([places["feed"].id, places["hub"].id, other.id]) == {
            places["feed"].id: places["arxiv"].id,
            places["hub"].id: places["arxiv"].id,
            other.id: other.id,
        }

    def test_an_equal_title_does_not_join_papers_whose_dois_one_publisher_gave(self, store: Store) -> None:
        title = "Notes on sparse retrieval systems"
        preprint = paper(1, title=title, doi="10.5555/1")
        other = paper(2, id="doi:10.5555/2", title=title, doi="10.5555/2")
        published = paper(3, id="doi:10.5555/1", title="Sparse retrieval systems", doi="10.5555/1")
        for order in permutations((preprint, other, published)):
            store.papers.add(order, NOW)
            assert store.papers.resolve([one.id for one in order]) == {
                preprint.id: preprint.id,
                published.id: preprint.id,
                other.id: other.id,
            }

    def test_a_doi_says_more_than_a_title(self, store: Store) -> None:
        places = described()
        same_title = paper(2, title="Some words that two papers share")
        store.papers.add([same_title, places["arxiv"]], NOW)
        store.papers.add([replace(places["doi"], title=same_title.title, authors=same_title.authors)], LATER)
        assert store.papers.resolve([places["doi"].id]) == {places["doi"].id: places["arxiv"].id}
        assert store.papers.count() == 2

    def test_a_doi_that_names_another_paper_of_arxiv_keeps_nobody_away(self, store: Store) -> None:
        places = described()
        store.papers.add([replace(places["arxiv"], doi="10.48550/arXiv.2505.00002"), paper(2)], NOW)
        assert store.papers.count() == 2
        store.papers.add([places["hub"]], LATER)
        assert one(store, places["hub"].id).id == places["arxiv"].id

    def test_a_title_and_an_author_from_two_places_find_a_third(self, store: Store) -> None:
        places = described()
        store.papers.add([replace(places["arxiv"], authors=()), places["doi"], places["feed"]], NOW)
        assert one(store, places["feed"].id).id == places["arxiv"].id

    def test_a_title_and_an_author_of_two_that_were_merged_find_a_third(self, store: Store) -> None:
        places = described()
        named = replace(places["hub"], title="What was written on the hub", doi="")
        store.papers.add([replace(places["arxiv"], authors=()), named], NOW)
        assert store.papers.count() == 2
        store.papers.add([replace(named, doi=places["hub"].doi)], LATER)
        store.papers.add([places["feed"]], LATER)
        assert store.papers.resolve([named.id, places["feed"].id]) == dict.fromkeys(
            [named.id, places["feed"].id], places["arxiv"].id
        )

    def test_a_short_title_names_no_paper(self, store: Store) -> None:
        given = [paper(id=f"feed:{number}", title="Reply to all", url="") for number in range(3)]
        assert store.papers.add(given, NOW).new == 3

    # said

    def test_another_place_fills_what_is_empty_and_words_nothing_anew(self, store: Store) -> None:
        places = described()
        store.papers.add([places["arxiv"]], NOW)
        store.papers.add([replace(places["feed"], abstract="Read more", categories=("blog",), comment="A post")], LATER)
        found = one(store, places["arxiv"].id)
        assert replace(found, links=(), comment="") == places["arxiv"]
        assert found.comment == "A post"

    def test_votes_and_comments_come_from_any_place_and_nothing_said_is_not_none(self, store: Store) -> None:
        places = described()
        store.papers.add([places["arxiv"], places["hub"]], NOW)
        store.papers.add([replace(places["hub"], upvotes=20, comment_count=5), places["arxiv"]], LATER)
        found = one(store, places["arxiv"].id)
        assert (found.upvotes, found.comment_count) == (20, 5)

    def test_a_better_id_becomes_the_papers_own_and_brings_its_text(self, store: Store) -> None:
        places = described()
        store.papers.add([places["feed"]], NOW)
        store.papers.add([places["arxiv"]], LATER)
        found = one(store, places["feed"].id)
        assert (found.id, found.title, found.url) == (
            places["arxiv"].id,
            places["arxiv"].title,
            places["arxiv"].url,
        )
        assert found.links == (places["feed"].url,)
        # An older revision is what digests of the old name show.
        assert found.revision == 2
        assert store.papers.announced(DAY, DAY) == [found]

    def test_only_an_announcement_makes_the_day_earlier(self, store: Store) -> None:
        places = described()
        store.papers.add([places["arxiv"]], NOW)
        store.papers.add([], LATER, replacements=[places["doi"]])
        assert one(store, places["doi"].id).announced == DAY
        store.papers.add([places["doi"]], LATER)
        assert one(store, places["doi"].id).announced == places["doi"].announced

    def test_a_replacement_finds_its_paper_by_what_they_share(self, store: Store) -> None:
        places = described()
        store.papers.add([places["feed"]], NOW)
        added = store.papers.add([], LATER, replacements=[places["arxiv"], paper(77)])
        assert (added.new, added.updated, store.papers.count()) == (0, 1, 1)
        assert one(store, places["feed"].id).id == places["arxiv"].id

    def test_links_are_the_pages_besides_the_papers_own_in_order_and_at_most_20(self, store: Store) -> None:
        pages = tuple(f"https://example.org/{number}" for number in range(30))
        store.papers.add([paper(url=pages[3], links=pages[:5])], NOW)
        assert one(store, paper().id).links == (*pages[:3], pages[4])
        store.papers.add([paper(url=pages[3], links=pages)], NOW)
        assert one(store, paper().id).links == (*pages[:3], *pages[4:21])

    def test_an_address_that_changes_stays_as_a_link(self, store: Store) -> None:
        store.papers.add([paper(url="https://example.org/old")], NOW)
        store.papers.add([paper(url="https://example.org/new")], NOW)
        found = one(store, paper().id)
        assert (found.url, found.links) == ("https://example.org/new", ("https://example.org/old",))

    # merged

    def test_papers_that_show_to_be_one_are_merged_into_the_better_id(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        assert store.papers.add([published, post_of_it], NOW).new == 2
        added = store.papers.add([preprint], LATER)
        assert (added.new, added.updated, store.papers.count()) == (0, 1, 1)
        found = one(store, post_of_it.id)
        assert found.id == preprint.id
        assert store.papers.resolve([published.id, post_of_it.id, preprint.id, "x:1"]) == dict.fromkeys(
            [published.id, post_of_it.id, preprint.id], preprint.id
        )
        assert store.papers.known([published.id, "x:1"]) == {published.id: published.announced}
        assert set(found.links) == {published.url, post_of_it.url}
        assert found.comment == published.comment

    def test_of_two_equal_ids_the_one_loaded_first_stays(self, store: Store) -> None:
        late, early = (paper(id=f"feed:{name}", title=f"Some words about {name}", url="") for name in ("a", "b"))
        store.papers.add([early, late], NOW)
        store.papers.add([replace(late, doi="10.5555/1"), replace(early, doi="10.5555/1")], LATER)
        assert store.papers.resolve([late.id]) == {late.id: early.id}
        assert one(store, late.id).title == early.title

    def test_other_ids_of_a_paper_that_is_merged_go_along(self, store: Store) -> None:
        first, second = (paper(id=f"{name}:1", title="A post about that index", url="") for name in ("feed", "blog"))
        store.papers.add([first, second, paper(1)], NOW)
        assert store.papers.count() == 2
        store.papers.add([replace(first, doi="10.48550/arXiv.2505.00001")], LATER)
        assert store.papers.resolve([first.id, second.id]) == {first.id: paper(1).id, second.id: paper(1).id}

    def test_merging_fills_what_is_empty_and_keeps_the_greater_counts(self, store: Store) -> None:
        poor = paper(1, abstract="", categories=(), upvotes=3, comment_count=9, url="", announced=_NEXT_DAY)
        rich = paper(
            2, id="feed:1", upvotes=8, pdf_url="https://example.org/p.pdf", comment="2 pages", url="https://x.org/"
        )
        store.papers.add([poor, rich], NOW)
        store.papers.add([replace(rich, doi="10.48550/arXiv.2505.00001", upvotes=0)], LATER)
        assert store.papers.count() == 1
        found = one(store, rich.id)
        assert replace(found, revision=1) == replace(
            rich, id=poor.id, title=poor.title, comment_count=9, doi="10.48550/arXiv.2505.00001"
        )

    def test_the_latest_rating_of_two_that_become_one_wins(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        store.papers.add([published, post_of_it], NOW)
        ada, bela, cy = join(store), join(store), join(store)
        store.ratings.record(ada.id, {published.id: LIKE}, now=NOW, origin="mail")
        store.ratings.record(ada.id, {post_of_it.id: DISLIKE}, now=LATER, origin="mail")
        store.ratings.record(bela.id, {post_of_it.id: LIKE, published.id: DISLIKE}, now=NOW, origin="mail")
        store.ratings.record(cy.id, {post_of_it.id: LIKE}, now=NOW, origin="mail")
        store.papers.add([preprint], LATER)
        found = store.ratings.of([ada.id, bela.id, cy.id])
        assert {reader: [(r.paper_id, r.value, r.rated_at) for r in own] for reader, own in found.items()} == {
            ada.id: [(preprint.id, DISLIKE, LATER)],
            bela.id: [(preprint.id, DISLIKE, NOW)],
            cy.id: [(preprint.id, LIKE, NOW)],
        }

    def test_every_rating_and_sent_mark_survives_whatever_came_first(self, store: Store) -> None:
        for order in permutations(("arxiv", "doi", "feed")):
            number = next(_WORKS)
            work = described(number)
            readers = {place: join(store) for place in order}
            for place in order:
                store.papers.add([work[place]], NOW)
                shown = one(store, work[place].id)
                send(store, readers[place], [shown])
                store.ratings.record(readers[place].id, {work[place].id: LIKE}, now=NOW, origin="mail")
            for reader in readers.values():
                assert sent_papers(store, reader.id) == {work["arxiv"].id}
                assert [r.paper_id for r in store.ratings.of([reader.id])[reader.id]] == [work["arxiv"].id]

    def test_digests_read_as_they_were_composed_after_their_papers_became_one(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        ada, bela = join(store), join(store)
        made = [send(store, ada, [paper(7), published]), send(store, bela, [post_of_it, paper(8)])]
        reworded = replace(post_of_it, abstract="A longer post.", announced=DAY, upvotes=5)
        store.papers.add([reworded], LATER)
        made.append(send(store, ada, [paper(9), one(store, post_of_it.id)], 1))
        store.papers.add([preprint], LATER)
        ids = {published.id: preprint.id, post_of_it.id: preprint.id}
        for before in made:
            assert as_shown(store.digests.find(before.id)) == as_shown(with_id(before, ids))
        # What comes later gets a number of its own.
        current = one(store, preprint.id)
        made.append(send(store, join(store), [current]))
        store.papers.add([replace(preprint, title="Counting what the index forgets, revised")], LATER)
        for before in made:
            assert as_shown(store.digests.find(before.id)) == as_shown(with_id(before, ids))

    def test_a_digest_names_the_day_it_named_when_an_earlier_one_is_known(self, store: Store) -> None:
        made = send(store, join(store), [paper(1)])
        store.papers.add([paper(1, announced=DAY - timedelta(days=1))], LATER)
        assert one(store, paper(1).id).announced == DAY - timedelta(days=1)
        assert store.digests.find(made.id) == made

    def test_a_digest_that_held_both_shows_the_first_and_leaves_the_place_of_the_other(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        reader = join(store)
        made = send(store, reader, [paper(7), post_of_it, published, paper(8)])
        store.papers.add([preprint], LATER)
        found = store.digests.find(made.id)
        assert found is not None
        assert [(item.position, item.paper.id, item.paper.title) for item in found.items] == [
            (1, paper(7).id, paper(7).title),
            (2, preprint.id, post_of_it.title),
            (4, paper(8).id, paper(8).title),
        ]
        assert sent_papers(store, reader.id) == {paper(7).id, preprint.id, paper(8).id}

    def test_a_digest_composed_before_its_paper_was_renamed_is_not_taken(self, store: Store) -> None:
        places = described()
        reader = join(store)
        store.papers.add([places["feed"], paper(7)], NOW)
        stale = digest(paper(7), places["feed"], reader=reader)
        store.papers.add([places["arxiv"]], LATER)
        assert store.digests.add([(stale, digest_delivery(stale, reader, domain="example.org"))]) == []
        assert store.digests.last_day(reader.id) is None
        fresh = digest(paper(7), one(store, places["feed"].id), reader=reader)
        assert store.digests.add([(fresh, digest_delivery(fresh, reader, domain="example.org"))]) == [fresh.id]

    def test_a_paper_is_rated_by_any_of_its_ids(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        store.papers.add([published, post_of_it, preprint], NOW)
        reader = join(store)
        assert store.ratings.record(reader.id, {post_of_it.id: LIKE}, now=NOW, origin="cli") == {preprint.id: 0}
        assert store.ratings.record(reader.id, {published.id: LIKE}, now=LATER, origin="cli") == {}
        both = {published.id: LIKE, preprint.id: DISLIKE}
        assert store.ratings.record(reader.id, both, now=LATER, origin="cli") == {preprint.id: 1}

    def test_what_was_merged_in_a_broken_batch_is_apart_again(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        reader = join(store)
        made = send(store, reader, [published, post_of_it])
        store.ratings.record(reader.id, {published.id: LIKE, post_of_it.id: LIKE}, now=NOW, origin="cli")

        def broken() -> Iterator[Paper]:
            yield preprint
            raise OSError("the source went away")

        with pytest.raises(OSError, match="went away"):
            store.papers.add(broken(), LATER)
        ids = [published.id, post_of_it.id, preprint.id]
        assert store.papers.get(ids) == {published.id: published, post_of_it.id: post_of_it}
        assert store.digests.find(made.id) == made
        assert [r.paper_id for r in store.ratings.of([reader.id])[reader.id]] == sorted(ids[:2])
