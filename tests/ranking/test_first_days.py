"""The first days: from what is trending to a profile of one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from digestbot.models import Paper
from digestbot.ranking.profile import train
from digestbot.ranking.rank import Ranked
from digestbot.ranking.trending import trending
from tests.factories import DAY, paper
from tests.ranking.library import FEATURES, PROTEINS, ROBOTS, SPEECH, best, ids, library, likes, on, paper_lists, reader

# What trending gives at the most to who has no like yet.
MOST = 0.1


def scores(ranked: Ranked) -> dict[str, float]:
    return {one.paper.id: one.score for one in ranked.chosen}


own_likes = st.dictionaries(st.integers(1, 12), st.floats(-5, 50, allow_nan=False), max_size=6)


@given(paper_lists(least=1), own_likes)
@settings(max_examples=25, deadline=None)
def test_without_ratings_the_order_is_that_of_trending(papers: list[Paper], drawn: dict[int, float]) -> None:
    # Numbered, so that none is a near-duplicate.
    papers = [replace(one, title=f"{one.title} {number}") for number, one in enumerate(papers)]
    own = {paper(number).id: value for number, value in drawn.items()}
    found = best(papers, reader(), likes=own)
    popular = {one.id: round(MOST * score, 6) for one, score in zip(papers, trending(papers, DAY, own), strict=True)}
    assert scores(found) == pytest.approx(popular)
    keys = [(-popular[one.id], -one.announced.toordinal(), one.id) for one in papers]
    assert ids(found) == [key[2] for key in sorted(keys)]
    assert {one.reason.kind for one in found.chosen} == {"trending"}


def test_likes_of_our_own_readers_count_more_than_upvotes_elsewhere_and_dislikes_against() -> None:
    papers = [paper(1, upvotes=2), paper(2), paper(3), paper(4, upvotes=2)]
    found = best(papers, reader(), likes={papers[1].id: 1.0, papers[3].id: -2.0})
    assert ids(found) == [papers[1].id, papers[0].id, papers[2].id, papers[3].id]
    # Likes that are worth half, since they are older, are as much as half as many.
    older, fewer = (best(papers, reader(), likes={papers[1].id: value}) for value in (4 * 0.5, 2.0))
    assert older == fewer


def test_only_papers_of_the_readers_days_say_what_is_trending() -> None:
    papers = [paper(1, upvotes=9), paper(2)]
    before = best(papers, reader())
    late = paper(3, upvotes=9999, announced=DAY + timedelta(days=1))
    old = paper(4, upvotes=9999, announced=DAY - timedelta(days=40))
    assert best([*papers, late, old], reader()).chosen == before.chosen
    assert before.chosen[0].score == MOST


def test_with_the_first_like_what_resembles_it_leads() -> None:
    papers = [on(PROTEINS, 901, upvotes=500), on(ROBOTS, 902), on(SPEECH, 903, upvotes=900)]
    assert ids(best(papers, reader())) == [papers[2].id, papers[0].id, papers[1].id]
    found = best(papers, likes(library()[0]))
    assert ids(found)[0] == papers[1].id
    assert found.chosen[0].reason.kind == "terms"


@given(st.integers(1, 12), st.integers(0, 9), st.booleans())
@settings(max_examples=25, deadline=None)
def test_what_trending_gives_shrinks_with_every_like_and_nothing_else_changes(
    count: int, dislikes: int, rated_upvotes: bool
) -> None:
    rated = [*[(one, 1) for one in library()[:count]], *[(one, -1) for one in library()[24 : 24 + dislikes]]]
    papers = [on(subject, 900 + n, upvotes=3 * n) for n, subject in enumerate([ROBOTS, PROTEINS, SPEECH, ROBOTS])]
    # The same papers, of which none is trending: they came long ago, and one that nobody sees is the measure.
    age = timedelta(days=25)
    stale = [replace(one, announced=DAY - age, upvotes=0) for one in papers]
    measure = paper(999, title="42", abstract="", upvotes=2**20)
    profile = scores(best([*stale, measure], reader(*rated)))
    if rated_upvotes:
        papers = [replace(one, upvotes=one.upvotes + 1) for one in papers]
    popular = dict(zip([one.id for one in papers], trending(papers, DAY), strict=True))
    for one, score in scores(best(papers, reader(*rated))).items():
        assert score - profile[one] == pytest.approx(MOST / (1 + count) * popular[one], abs=1e-5)


def test_the_share_of_trending_never_jumps_by_more_than_a_like_takes_away() -> None:
    empty = paper(900, title="42", abstract="")
    given = [best([empty], likes(*library()[:count])).chosen[0].score for count in range(30)]
    assert given == pytest.approx([MOST / (1 + count) for count in range(30)], abs=1e-6)


def test_seeds_count_at_once_and_as_much_as_any_like() -> None:
    # Who names papers when signing up has likes of that day.
    papers = [on(PROTEINS, 901, upvotes=500), on(ROBOTS, 902), on(SPEECH, 903)]
    seeds = likes(*library()[:2])
    assert ids(best(papers, seeds))[0] == papers[1].id
    earlier = replace(seeds, ratings=[(one, value, DAY - timedelta(days=90)) for one, value, _ in seeds.ratings])
    assert best(papers, seeds) == best(papers, earlier)


def test_who_only_dislikes_gets_a_full_list_with_what_resembles_the_dislikes_last() -> None:
    papers = [on(ROBOTS, 900, upvotes=999), on(PROTEINS, 901), on(SPEECH, 902)]
    found = best(papers, reader(*[(one, -1) for one in library()[:5]]), floor=0.5)
    assert ids(found) == [papers[1].id, papers[2].id, papers[0].id] or ids(found)[-1] == papers[0].id
    assert len(found.chosen) == 3
    assert {one.reason.kind for one in found.chosen} == {"trending"}


@pytest.mark.parametrize("days", [1, 30, 365])
def test_a_like_of_a_half_life_ago_counts_half(days: int) -> None:
    robot, protein = library()[0], library()[14]
    papers = [on(ROBOTS, 901), on(PROTEINS, 902), paper(903, title="42", abstract="")]
    old = reader(limit=9, ratings=[(robot.id, 1, DAY - timedelta(days=days)), (protein.id, 1, DAY)])
    aged = scores(best(papers, old, half_life_days=float(days)))
    profile = train(FEATURES.rows([robot, protein]), csr_matrix([[0.5, 1.0]]), FEATURES.background)
    # One and a half likes is what trending goes by.
    for one, score in zip(papers[:2], profile.score(FEATURES.rows(papers[:2]))[0], strict=True):
        assert aged[one.id] - MOST / 2.5 == pytest.approx(score, abs=2e-5)
    assert aged[papers[2].id] == pytest.approx(MOST / 2.5, abs=1e-6)


def test_ratings_do_not_age_without_a_half_life_and_none_is_of_tomorrow() -> None:
    robot, protein = library()[0], library()[14]
    papers = [on(ROBOTS, 901), on(PROTEINS, 902)]
    given = [(robot.id, 1, DAY - timedelta(days=500)), (protein.id, 1, DAY)]
    assert best(papers, reader(ratings=given)) == best(papers, likes(robot, protein))
    # A rating of a zone that is ahead counts as one of today.
    ahead = [(robot.id, 1, DAY + timedelta(days=1)), (protein.id, 1, DAY)]
    assert best(papers, reader(ratings=ahead), half_life_days=1.0) == best(papers, likes(robot, protein))


@pytest.mark.parametrize("half_lives", [60, 140, 1000, 5000])
def test_who_liked_long_ago_still_has_a_profile(half_lives: int) -> None:
    papers = [on(PROTEINS, 901), on(ROBOTS, 902)]
    given = [(one.id, 1, DAY - timedelta(days=half_lives)) for one in library()[:3]]
    found = best(papers, reader(ratings=given), half_life_days=1.0)
    assert ids(found) == [papers[1].id, papers[0].id]
    profile = scores(best(papers, likes(*library()[:3])))
    for one in papers:
        # Nearly all of what is trending stays, since so old likes say little against it.
        assert scores(found)[one.id] - MOST == pytest.approx(profile[one.id] - MOST / 4, abs=2e-5)
