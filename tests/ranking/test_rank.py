"""The order that each reader gets."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.features import Features
from digestbot.ranking.profile import profiles_of
from digestbot.ranking.rank import Orders
from digestbot.ranking.trending import in_categories
from tests.factories import DAY, paper
from tests.ranking.library import (
    FEATURES,
    PROTEINS,
    ROBOTS,
    SPEECH,
    best,
    ids,
    library,
    likes,
    on,
    paper_lists,
    ranker,
    reader,
    values,
)


def test_what_resembles_the_likes_comes_first_and_says_why() -> None:
    found = best([on(SPEECH, 900), on(ROBOTS, 901), on(PROTEINS, 902)], likes(*library()[:3]))
    assert found.chosen[0].paper.id == on(ROBOTS, 901).id
    reason = found.chosen[0].reason
    assert reason.kind == "terms"
    assert 1 <= len(reason.terms) <= 3
    assert all(word in ROBOTS.split() for term in reason.terms for word in term.split())


@given(paper_lists(least=2), st.integers(0, 2**32), st.sampled_from(["likes", "dislikes", "nothing"]))
@settings(max_examples=20, deadline=None)
def test_the_order_does_not_depend_on_the_order_papers_came_in(papers: list[Paper], seed: int, kind: str) -> None:
    rated = {"likes": [(library()[0], 1), (library()[14], -1)], "dislikes": [(library()[0], -1)], "nothing": []}
    shuffled = random.Random(seed).sample(papers, len(papers))
    first, second = (best(some, reader(*rated[kind])) for some in (papers, shuffled))
    assert first == second
    assert set(ids(first)) <= {one.id for one in papers}
    assert first.considered == len(papers)


@given(paper_lists(least=2))
@settings(max_examples=20, deadline=None)
def test_the_order_is_total_by_score_then_newer_then_smaller_id(papers: list[Paper]) -> None:
    chosen = best(papers, likes(library()[0])).chosen
    keys = [(-one.score, -one.paper.announced.toordinal(), one.paper.id) for one in chosen]
    assert keys == sorted(keys)


def test_papers_of_the_same_words_stand_newest_first_among_many_readers() -> None:
    twins = [on(ROBOTS, 900, id=f"arxiv:2505.1{n:04d}", announced=DAY - timedelta(days=n % 3)) for n in range(37)]
    # In series, since near-duplicates collapse.
    twins = [replace(one, title=f"{one.title} part {number}") for number, one in enumerate(twins)]
    readers = [likes(*library()[start : start + 5], limit=200) for start in range(7)]
    rows = ranker([*library(), *twins], features=FEATURES).rank(readers)
    expected = [one.id for one in sorted(twins, key=lambda one: (-one.announced.toordinal(), one.id))]
    for row in rows:
        assert [one for one in ids(row) if one in set(expected)] == expected


def test_a_limit_takes_the_best_and_a_floor_leaves_out_the_rest() -> None:
    papers = [on(ROBOTS, 900), on(PROTEINS, 901), on(SPEECH, 902)]
    everything = best(papers, likes(library()[0]))
    assert ids(best(papers, likes(library()[0], limit=1))) == ids(everything)[:1]
    assert ids(best(papers, likes(library()[0], limit=0))) == []
    middle = everything.chosen[1].score
    above = best(papers, likes(library()[0]), floor=middle)
    assert ids(above) == ids(everything)[:1]
    assert above.considered == 3


def test_only_candidates_are_chosen_and_counted() -> None:
    papers = [on(ROBOTS, 900), on(ROBOTS, 901)]
    late, old = on(ROBOTS, 902, announced=DAY + timedelta(days=1)), on(ROBOTS, 903, announced=DAY - timedelta(days=9))
    who = likes(library()[0], papers[0], first=DAY - timedelta(days=8), sent={papers[1].id})
    found = best([*papers, late, old, on(ROBOTS, 904)], who)
    assert ids(found) == [on(ROBOTS, 904).id]
    assert found.considered == 1


def test_without_ratings_come_the_newest_and_most_upvoted_of_the_categories() -> None:
    papers = [
        paper(1, announced=DAY - timedelta(days=1), categories=("cs.RO",)),
        paper(2, categories=("cs.RO",)),
        paper(3, upvotes=20, categories=("cs.RO",)),
        paper(4, upvotes=90, categories=("q-bio.BM",)),
    ]
    found = best(papers, reader(categories=("cs",)))
    assert ids(found) == [papers[2].id, papers[1].id, papers[0].id]
    assert {one.reason.kind for one in found.chosen} == {"trending"}
    assert found.considered == 3


def test_dislikes_alone_push_down_what_resembles_them_and_the_rest_is_trending() -> None:
    papers = [on(ROBOTS, 900), on(PROTEINS, 901)]
    assert ids(best(papers, reader())) == [papers[0].id, papers[1].id]
    found = best(papers, reader(*[(one, -1) for one in library()[:5]]))
    assert ids(found) == [papers[1].id, papers[0].id]
    assert {one.reason.kind for one in found.chosen} == {"trending"}


def test_with_a_like_the_categories_no_longer_narrow_the_choice() -> None:
    found = best([on(ROBOTS, 900, categories=("cs.RO",))], reader((library()[0], 1), categories=("q-bio",)))
    assert len(found.chosen) == 1


def test_a_paper_without_known_words_scores_nothing_and_harms_nobody() -> None:
    empty = paper(900, title="42", abstract="")
    found = best([empty, on(ROBOTS, 901)], likes(library()[0]))
    # What is left is that it is new.
    assert [one.reason.kind for one in found.chosen if one.paper == empty] == ["trending"]
    assert ids(best([empty, on(ROBOTS, 901)], likes(library()[0]), floor=0.06)) == [on(ROBOTS, 901).id]


def test_ratings_of_papers_that_are_gone_count_for_nothing() -> None:
    papers = [on(ROBOTS, 900), on(PROTEINS, 901)]
    gone = paper(999)
    with_gone, without = (best(papers, likes(*some)) for some in ([library()[0], gone], [library()[0]]))
    assert with_gone == without


@pytest.mark.parametrize("count", [1, 2])
def test_a_store_of_one_or_two_papers_can_be_ranked(count: int) -> None:
    papers = [paper(number) for number in range(1, count + 1)]
    made = ranker(papers, rated=papers[:1], features=Features.fit(papers))
    liked, new = made.rank([likes(papers[0]), reader()])
    assert (len(liked.chosen), len(new.chosen)) == (count - 1, count)


def test_no_candidates_and_no_readers_are_no_trouble() -> None:
    assert best([], reader()).chosen == []
    assert best([], likes(library()[0])).chosen == []
    assert list(ranker([paper(1)]).rank([])) == []


def test_ranking_everything_offline_is_the_same_order() -> None:
    papers = [on(subject, 900 + number) for number, subject in enumerate([ROBOTS, PROTEINS, SPEECH, ROBOTS])]
    who = likes(library()[0], library()[14])
    texts = {one.id: one for one in library()}
    ((order, scores),) = Orders(FEATURES, papers).of(profiles_of(FEATURES, texts, values(who)))
    found = best(papers, who)
    assert [papers[number].id for number in order] == ids(found)
    # All were announced on one day: newness adds the same to each.
    assert list(scores) == pytest.approx(
        [one.score - found.chosen[0].score + scores[0] for one in found.chosen], abs=3e-6
    )


def test_a_category_stands_for_itself_and_for_its_parts() -> None:
    one = paper(1, categories=("cs.CL", "stat.ML"))
    assert in_categories(one, ())
    assert in_categories(one, ("CS.cl",))
    assert in_categories(one, ("cs",))
    assert in_categories(one, ("math", "stat"))
    assert not in_categories(one, ("cs.C",))
    assert not in_categories(one, ("c",))
