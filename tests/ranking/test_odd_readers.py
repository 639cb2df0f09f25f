"""Readers and papers that are not as usual: a defined answer for each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from digestbot.models import Paper, RatingValue
from digestbot.ranking.features import Features
from digestbot.ranking.rank import Choice, Ranked, Ranker, Reader
from digestbot.ranking.rows import Rows
from tests.factories import DAY, paper
from tests.ranking.library import FEATURES, PROTEINS, ROBOTS, SPEECH, Shelf, ids, library, likes, on, ranker, reader

PAPERS = [on(ROBOTS, 901), on(PROTEINS, 902), on(SPEECH, 903)]
WORDLESS = [paper(990 + number, title=f"{number}", abstract="") for number in range(5)]


def best(papers: list[Paper], who: Reader, **choice: Any) -> Ranked:
    known = [*library(), *papers, *WORDLESS]
    (found,) = ranker(papers, rated=known, **choice).rank([who])
    return found


def kinds(ranked: Ranked) -> list[str]:
    return [one.reason.kind for one in ranked.chosen]


class Endless(Shelf):
    """Any number of papers, with the texts of a few."""

    def rows(self, ids: Sequence[str]) -> tuple[list[str], Rows]:
        some = list(self.texts.values())
        return list(ids), self.features.rows(some).take([int(one[5:]) % len(some) for one in ids])


def test_fifty_thousand_ratings_are_ranked_in_a_few_seconds_as_few_of_the_same_texts_are() -> None:
    some = library()[:12]
    shelf = Endless(FEATURES, {one.id: one for one in some}, {})
    used = Ranker(FEATURES, PAPERS, FEATURES.rows(PAPERS), shelf, choice=Choice(floor=-9.0, half_life_days=365.0))
    ratings: list[tuple[str, RatingValue, date]] = [(f"file:{number:05d}", 1, DAY) for number in range(50_000)]
    began = time.perf_counter()
    (found,) = used.rank([reader(ratings=ratings)])
    assert time.perf_counter() - began < 5
    few = best(PAPERS, likes(*some))
    assert [one.paper for one in found.chosen] == [one.paper for one in few.chosen]
    # But for what is trending, which counts for next to nothing here, and for the discount, which twelve take most of.
    assert [one.score for one in found.chosen] == pytest.approx([one.score - 0.1 / 13 for one in few.chosen], abs=0.02)


def test_fifty_thousand_ratings_of_papers_without_a_text_are_as_none() -> None:
    used = ranker(PAPERS, rated=[])
    ratings = [(f"file:{number:05d}", 1, DAY) for number in range(50_000)]
    began = time.perf_counter()
    (found,) = used.rank([reader(ratings=ratings)])
    assert time.perf_counter() - began < 5
    assert found == best(PAPERS, reader())


def test_who_only_dislikes_gets_everything_with_the_dislikes_last_whatever_the_floor() -> None:
    found = best(PAPERS, reader(*[(one, -1) for one in library()[:12]]), floor=0.9, explore=1, diversity=0.5)
    assert len(found.chosen) == 3
    assert ids(found)[-1] == PAPERS[0].id
    assert set(kinds(found)) == {"trending"}


def test_who_likes_nothing_like_the_candidates_gets_them_as_new_until_a_floor_is_set() -> None:
    speech = [one for one in library() if one.title.split()[0] in SPEECH.split()]
    papers = [on(ROBOTS, 901, upvotes=9), on(ROBOTS, 902)]
    found = best(papers, likes(*speech[:4]))
    assert ids(found)[0] == papers[0].id
    assert all(one.score < 0.1 for one in found.chosen)
    assert best(papers, likes(*speech[:4]), floor=0.1).chosen == []


def test_likes_of_papers_without_a_word_are_as_none() -> None:
    nothing, wordless = (best(PAPERS, who, floor=0.3, explore=1) for who in (reader(), likes(*WORDLESS)))
    assert wordless == nothing
    assert len(wordless.chosen) == 3
    # Nor do they count beside others.
    assert best(PAPERS, likes(library()[0], *WORDLESS)) == best(PAPERS, likes(library()[0]))
    assert ids(best([replace(PAPERS[0], categories=("a",))], likes(*WORDLESS, categories=("b",)))) == []


def test_likes_of_papers_without_a_word_are_still_not_sent_again() -> None:
    assert WORDLESS[0].id not in ids(best([*PAPERS, *WORDLESS], likes(*WORDLESS[:3])))


def test_a_corpus_of_one_paper_ranks_every_reader() -> None:
    one = paper(1)
    features = Features.fit([one])
    papers = [one, paper(2, title="Sparse"), paper(3, title="Owls", abstract="")]
    used = ranker(papers, rated=papers, features=features, explore=1, diversity=0.5)
    liked, disliked, new = used.rank([likes(one), reader((one, -1)), reader()])
    assert ids(liked) == [papers[1].id, papers[2].id]
    assert ids(disliked) == [papers[2].id, papers[1].id]
    assert ids(new) == [one.id for one in papers]


def test_identical_papers_are_one_paper_and_the_newest_of_them() -> None:
    twins = [replace(PAPERS[0], id=f"file:{n}", announced=DAY - timedelta(days=n % 3)) for n in range(6)]
    for who in (likes(library()[0]), reader((library()[0], -1)), reader()):
        found = best([*twins, PAPERS[1]], who)
        assert set(ids(found)) == {"file:0", PAPERS[1].id}
        assert found.considered == 7


def test_candidates_without_a_word_come_last_and_as_new() -> None:
    found = best([*WORDLESS[:2], PAPERS[0]], likes(library()[0]), explore=1, diversity=0.5)
    assert ids(found) == [PAPERS[0].id, WORDLESS[0].id, WORDLESS[1].id]
    assert kinds(found) == ["terms", "trending", "trending"]
    assert set(kinds(best(WORDLESS, likes(library()[0])))) == {"trending"}
    only_tries = best(WORDLESS, likes(library()[0], limit=5), explore=2)
    assert kinds(only_tries) == ["trending"] * 3 + ["explore"] * 2


def test_what_was_rated_does_not_come_again_liked_or_not() -> None:
    for value in (1, -1):
        found = best(PAPERS, reader((PAPERS[0], value)))
        assert PAPERS[0].id not in ids(found)
        assert found.considered == 2


def test_a_paper_that_comes_twice_is_there_once() -> None:
    twice = [*PAPERS, *WORDLESS, *PAPERS, *WORDLESS]
    for who in (likes(library()[0]), reader(), reader((PAPERS[0], 1), (WORDLESS[1], -1))):
        assert best(twice, who) == best([*PAPERS, *WORDLESS], who)


def test_a_rating_that_comes_twice_is_a_like_that_weighs_twice() -> None:
    # The store gives each paper's latest rating only.
    one, other = library()[0], library()[14]
    who = likes(one, other)
    found = best(PAPERS, replace(who, ratings=[*who.ratings, *who.ratings]))
    assert ids(found) == ids(best(PAPERS, who))


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_of_nothing_gives_nothing(limit: int) -> None:
    found = best(PAPERS, likes(library()[0], limit=limit), explore=3)
    assert found.chosen == []
    assert found.considered == 3


def test_readers_with_and_without_a_limit_are_ranked_together() -> None:
    used = ranker(PAPERS)
    found = list(used.rank([reader(limit=0), reader(limit=2), reader(limit=50)]))
    assert [len(one.chosen) for one in found] == [0, 2, 3]


@pytest.mark.parametrize("count", [0, 1])
def test_none_or_one_candidate_is_no_trouble(count: int) -> None:
    for who in (likes(*library()[:8]), reader((library()[0], -1)), reader(), reader(follows=["robot", "Ada Quill"])):
        found = best(PAPERS[:count], who, explore=3, diversity=0.9, half_life_days=30.0)
        assert ids(found) == [one.id for one in PAPERS[:count]]
        assert found.considered == count


def test_two_hundred_follows_and_mutes_are_ranked_in_well_under_a_second() -> None:
    follows = [
        f"word:{ROBOTS.split()[0]}",
        *[f"author:Ada Quill {n}" for n in range(99)],
        *map("topic {}".format, range(100)),
    ]
    mutes = [text.replace("Ada", "Cleo") for text in follows[1:]]
    used = ranker([on(ROBOTS, 900, title=f"robot {ROBOTS}"), *PAPERS])
    began = time.perf_counter()
    (found,) = used.rank([likes(*library()[:3], follows=follows, mutes=mutes)])
    assert time.perf_counter() - began < 1
    assert len(follows) == 200
    assert kinds(found)[0] == "follow"
    assert found.chosen[0].reason.terms == ("robot",)


def test_who_is_asked_for_days_that_end_before_they_begin_gets_nothing() -> None:
    for who in (likes(library()[0]), reader()):
        found = best(PAPERS, replace(who, first=DAY, today=DAY - timedelta(days=1)), explore=1)
        assert found == Ranked(chosen=[], considered=0)


def test_who_was_sent_everything_gets_nothing() -> None:
    for who in (likes(library()[0]), reader()):
        assert best(PAPERS, replace(who, sent={one.id for one in PAPERS})) == Ranked(chosen=[], considered=0)
