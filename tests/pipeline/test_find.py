"""Papers by words, with TF-IDF and without, and papers that resemble one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestbot.errors import NotFoundError
from digestbot.models import Paper
from digestbot.pipeline.find import Finder, Found
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.store import Store, Within
from tests.factories import DAY, NOW, described, paper

OWLS = paper(1, title="Owls hunt mice", abstract="Barn owls hunt by hearing mice in the dark of night.")
MICE = paper(2, title="Mice flee", abstract="At night mice hear barn owls and flee into the dark.")
BATS = paper(3, title="Bats hunt by night", abstract="Bats hunt moths in the dark, hearing their own echo.")
ROBOTS = paper(4, title="Grippers learn force", abstract="Robot grippers learn contact force from touch.")
ALL = (OWLS, MICE, BATS, ROBOTS)


def finder(store: Store, *papers: Paper, fit: bool = True) -> Finder:
    store.papers.add(papers or ALL, NOW)
    made = Fit.of(papers or ALL, Recipe(), NOW) if fit else None
    return Finder(store.search, lambda: made)


def ids(found: list[Found]) -> list[str]:
    return [one.paper.id for one in found]


# search


def test_words_are_found_best_first(store: Store) -> None:
    find = finder(store)
    assert ids(find.search("mice", limit=9)) == [MICE.id, OWLS.id]
    assert ids(find.search("hunts night -moth", limit=9)) == [OWLS.id]
    assert ids(find.search("mice", limit=1)) == [MICE.id]
    scores = [one.score for one in find.search("night", limit=9)]
    assert scores == sorted(scores, reverse=True)


def test_what_matches_is_the_same_without_tf_idf(store: Store) -> None:
    find = finder(store, fit=False)
    assert ids(find.search("mice", limit=9)) == [MICE.id, OWLS.id]


def test_tf_idf_puts_forward_what_is_about_the_words(store: Store) -> None:
    # By bm25 the paper whose author is called so comes first.
    papers = [
        paper(1, title="Notes", abstract="", authors=("Owl Quill",)),
        *(paper(number, title=f"Mice {number}", abstract="Mice at night see owls.") for number in range(2, 5)),
    ]
    alone = ids(finder(store, *papers, fit=False).search("owls", limit=9))
    both = ids(finder(store, *papers).search("owls", limit=9))
    assert set(alone) == set(both)
    assert alone[0] == both[-1] == papers[0].id


def test_words_that_no_fit_knows_are_found_by_the_index_alone(store: Store) -> None:
    find = finder(store)
    store.papers.add([paper(7, title="Quetzals sing"), paper(8, title="Quetzals fly")], NOW)
    assert set(ids(find.search("quetzal", limit=9))) == {paper(7).id, paper(8).id}


def test_the_fit_is_not_asked_for_when_there_is_nothing_to_put_in_order(store: Store) -> None:
    def refuse() -> Fit | None:
        raise AssertionError

    store.papers.add(ALL, NOW)
    find = Finder(store.search, refuse)
    assert ids(find.search("bats", limit=9)) == [BATS.id]
    assert len(find.search("author:quill", limit=9)) == 4
    assert find.search("...", limit=9) == []


@pytest.mark.parametrize(
    "text",
    ["arxiv:2505.00002", "2505.00002v2", "https://arxiv.org/pdf/2505.00002", "arXiv: 2505.00002", "mice 2505.00002"],
)
def test_a_paper_that_is_named_comes_first(store: Store, text: str) -> None:
    store.papers.add(
        [paper(8, title="Mice, and what 2505.00002 says of mice", abstract="arxiv.org/pdf/2505.00002")], NOW
    )
    assert ids(finder(store).search(text, limit=9))[0] == MICE.id


def test_a_paper_is_found_by_an_id_that_it_once_had_and_only_once(store: Store) -> None:
    work = described()
    find = finder(store, work["feed"], work["arxiv"])
    assert ids(find.search(f"{work['feed'].id} {work['arxiv'].id}", limit=9)) == [work["arxiv"].id]
    assert ids(find.search("10.5555/1", limit=9)) == ids(find.search("index forgets", limit=9)) == [work["arxiv"].id]


def test_a_named_paper_keeps_to_the_days_and_categories_too(store: Store) -> None:
    find = finder(store)
    for within in (Within(since=DAY + timedelta(days=1)), Within(categories=("math",))):
        assert find.search(MICE.id, limit=9, within=within) == []
    assert ids(find.search(MICE.id, limit=9, within=Within(until=DAY, categories=("cs",)))) == [MICE.id]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters()))
def test_any_text_may_be_looked_for(store: Store, text: str) -> None:
    assert len(finder(store, fit=False).search(text, limit=2)) <= 2


# similar


def test_similar_papers_come_with_the_terms_that_they_share(store: Store) -> None:
    found = finder(store).similar(OWLS.id, limit=9)
    assert ids(found) == [MICE.id, BATS.id]
    assert found[0].terms[0] in {"mice", "barn owls"}
    assert "hunt" in found[1].terms
    assert 1 > found[0].score > found[1].score > 0


def test_a_copy_is_similar_and_the_paper_itself_is_not(store: Store) -> None:
    copy = paper(6, title=OWLS.title, abstract=OWLS.abstract, authors=("Cy Rill",))
    assert ids(finder(store, *ALL, copy).similar(OWLS.id, limit=1)) == [copy.id]
    assert OWLS.id not in ids(finder(store, *ALL, copy).similar(OWLS.id, limit=9))


def test_similar_takes_any_name_of_a_paper(store: Store) -> None:
    work = described()
    find = finder(store, work["feed"], work["arxiv"], paper(9, title="What the index forgets, counted"))
    names = [work["feed"].id, "2505.00001v1", "https://arxiv.org/abs/2505.00001", "10.48550/arXiv.2505.00001"]
    assert [ids(find.similar(name, limit=9)) for name in names] == [[paper(9).id]] * 4


@pytest.mark.parametrize("name", ["arxiv:2505.00099", "owls", "", "a\0b", "\ud800", "10.1234/x"])
def test_a_paper_that_is_not_there_is_said(store: Store, name: str) -> None:
    with pytest.raises(NotFoundError, match="there is no such paper here; load it first"):
        finder(store).similar(name, limit=9)


def test_similar_papers_are_of_the_days_asked_for(store: Store) -> None:
    old = paper(6, title=OWLS.title, abstract=OWLS.abstract, authors=("Cy Rill",), announced=DAY - timedelta(days=9))
    found = finder(store, *ALL, old).similar(OWLS.id, limit=9, within=Within(since=DAY))
    assert ids(found) == [MICE.id, BATS.id]


@pytest.mark.parametrize("fit", [True, False])
def test_without_a_word_that_counts_nothing_is_similar(store: Store, *, fit: bool) -> None:
    find = finder(store, *ALL, paper(6, title="2 + 2", abstract=""), fit=fit)
    assert find.similar(paper(6).id, limit=9) == []
    assert bool(find.similar(OWLS.id, limit=9)) is fit
