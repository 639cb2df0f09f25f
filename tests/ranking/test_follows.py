"""What readers follow and mute."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.models import Paper, Reason
from digestbot.ranking.rank import Ranked
from tests.factories import DAY
from tests.ranking.library import PROTEINS, ROBOTS, SPEECH, WORDS, best, ids, library, likes, on, paper_lists, reader

# Shares of the best score there would be without follows, and of a word with six likes.
AUTHOR, WORD = 1.25, 0.25 + 0.75 / 7
ADA = ("Ada Quill", "Cleo Marsh")
OTHERS = ("Bela Vane",)


def reasons(ranked: Ranked) -> dict[str, Reason]:
    return {one.paper.id: one.reason for one in ranked.chosen}


ROBOT = on(ROBOTS, 901, authors=OTHERS)
PROTEIN = on(PROTEINS, 902, authors=ADA)
VOICE = on(SPEECH, 903, authors=OTHERS)
PAPERS = [ROBOT, PROTEIN, VOICE]


@pytest.mark.parametrize("text", ["author:Ada Quill", "Ada Quill", "author:A. Quill", "ada quill"])
def test_a_followed_authors_paper_is_above_what_fits_and_says_who(text: str) -> None:
    who = likes(*library()[:6])
    assert ids(best(PAPERS, who))[0] == ROBOT.id
    found = best(PAPERS, replace(who, follows=[text]))
    assert ids(found)[0] == PROTEIN.id
    reason, most = reasons(found)[PROTEIN.id], best(PAPERS, who).chosen[0].score
    assert reason == Reason(kind="follow", terms=(text.removeprefix("author:"),), amounts=(round(AUTHOR * most, 6),))
    assert [one.kind for one in reasons(found).values()].count("follow") == 1


def test_a_followed_word_is_above_what_fits_as_well_without_it() -> None:
    title = "contact torque"
    papers = [on(ROBOTS, 900, title=title), on(ROBOTS, 900, title=f"{title} Kestrel 7", id="arxiv:2505.99999")]
    found = best(papers, likes(*library()[:6], follows=["word:kestrel"]))
    assert ids(found)[0] == papers[1].id
    most = found.chosen[1].score
    assert found.chosen[0].reason.terms == ("kestrel",)
    # Nothing of the fit is in that word: it counts half of what it could.
    assert found.chosen[0].reason.amounts == pytest.approx((0.5 * WORD * most,), abs=0.02 * most)
    assert found.chosen[0].score > most


def test_author_and_word_add_up_and_each_is_said_once() -> None:
    word = PROTEIN.title.split()[0]
    follows = [f"word:{word}", "author:Ada Quill", "author:Cleo Marsh"]
    found = best(PAPERS, likes(*library()[:6], follows=follows)).chosen[0]
    assert found.paper == PROTEIN
    assert found.reason.terms == ("Ada Quill", "Cleo Marsh", word)
    most = best(PAPERS, likes(*library()[:6])).chosen[0].score
    # It is the one paper with that word: none speaks of it more.
    assert found.reason.amounts == pytest.approx((AUTHOR * most, AUTHOR * most, WORD * most), abs=2e-6)


def test_a_name_that_is_an_author_and_stands_in_the_title_is_said_once_with_both_amounts() -> None:
    one = replace(PROTEIN, title="A letter to Ada Quill")
    found = best([one], likes(*library()[:6], follows=["Ada Quill"])).chosen[0]
    assert found.reason.terms == ("Ada Quill",)
    most = best([one], likes(*library()[:6])).chosen[0].score
    assert found.reason.amounts == pytest.approx(((AUTHOR + 0.5 * WORD) * most,), abs=2e-6)


follows = st.lists(
    st.sampled_from([f"word:{word}" for word in WORDS] + WORDS + ["author:Ada Quill", "Bela Vane"]),
    max_size=6,
    unique=True,
)
ratings = st.lists(st.sampled_from([1, -1]), max_size=6)


@given(paper_lists(least=2), follows, ratings)
@settings(max_examples=15, deadline=None)
def test_without_the_amounts_that_are_said_the_scores_are_those_of_who_follows_nothing(
    papers: list[Paper], texts: list[str], values: list[int]
) -> None:
    papers = [replace(one, title=f"{one.title} {number}") for number, one in enumerate(papers)]
    who = reader(*zip(library()[::5], values, strict=False), follows=texts)
    before = {one.paper.id: one.score for one in best(papers, replace(who, follows=())).chosen}
    found = best(papers, who)
    # Before the first like only what is followed comes.
    assert set(ids(found)) == set(before) or 1 not in values
    for one in found.chosen:
        boost = sum(one.reason.amounts) if one.reason.kind == "follow" else 0.0
        assert one.score - boost == pytest.approx(before[one.paper.id], abs=2e-6)
        assert len(set(one.reason.terms)) == len(one.reason.terms)


@given(paper_lists(least=2), follows, follows, ratings)
@settings(max_examples=15, deadline=None)
def test_what_is_muted_is_never_there_for_anybody(
    papers: list[Paper], followed: list[str], muted: list[str], values: list[int]
) -> None:
    who = reader(*zip(library()[::5], values, strict=False), follows=followed)
    every = best(papers, who)
    found = best(papers, replace(who, mutes=muted))
    words = {text.removeprefix("word:") for text in muted}
    for one in found.chosen:
        said = {*one.paper.title.split(), *one.paper.abstract.split()}
        assert not any({word, f"{word}s", word.removesuffix("s")} & said for word in words)
        assert "author:Ada Quill" not in muted
        assert "Bela Vane" not in muted
    assert found.considered <= every.considered


def test_who_mutes_a_word_or_an_author_does_not_see_them_even_when_followed_more_widely() -> None:
    topic = on(ROBOTS, 904, title="Robot grasp of soft fruit")
    for mutes in (["word:soft fruit"], ["author:Ada Quill"], ["Ada Quill"]):
        who = likes(*library()[:6], follows=["word:robot", "author:A. Quill"], mutes=mutes)
        assert ids(best([replace(topic, authors=ADA), VOICE], who)) == [VOICE.id]
    # And the other way round: a wide mute is above a narrow follow.
    who = likes(*library()[:6], follows=["author:Ada Quill"], mutes=["author:Quill"])
    assert ids(best([PROTEIN, VOICE], who)) == [VOICE.id]


def test_mutes_hold_with_likes_with_dislikes_and_without_ratings() -> None:
    for who in (likes(*library()[:3]), reader((library()[0], -1)), reader()):
        found = best(PAPERS, replace(who, mutes=[ROBOT.title.split()[0], "author:Cleo Marsh"]))
        assert ids(found) == [VOICE.id]
        assert found.considered == 1


def test_before_the_first_like_comes_only_what_is_of_the_categories_or_followed() -> None:
    papers = [
        on(ROBOTS, 901, categories=("cs.RO",), authors=OTHERS),
        on(PROTEINS, 902, categories=("q-bio.BM",), authors=ADA),
        on(SPEECH, 903, categories=("eess.AS",), authors=OTHERS),
    ]

    def chosen(**changes: Any) -> list[str]:
        return ids(best(papers, reader(**changes)))

    assert set(chosen()) == {one.id for one in papers}
    assert chosen(categories=("cs",)) == [papers[0].id]
    assert chosen(follows=["author:Ada Quill"]) == [papers[1].id]
    assert chosen(categories=("cs",), follows=["Ada Quill"]) == [papers[1].id, papers[0].id]
    assert chosen(categories=("math",), follows=["word:nothing of the kind"]) == []
    # From the first like on everything may come.
    liked = replace(likes(library()[0]), categories=("cs",), follows=["Ada Quill"])
    assert set(ids(best(papers, liked))) == {one.id for one in papers}


def test_what_is_followed_before_the_first_like_comes_by_what_is_followed_then_by_what_is_new() -> None:
    word = PROTEINS.split()[0]
    papers = [
        on(PROTEINS, 900, title=f"{word} one", announced=DAY - timedelta(days=2), authors=OTHERS),
        on(PROTEINS, 901, title=f"{word} two", authors=OTHERS),
        on(PROTEINS, 902, title=f"{word} three", announced=DAY - timedelta(days=3), authors=ADA),
    ]
    found = best(papers, reader(follows=[word, "author:Ada Quill"]))
    assert ids(found) == [papers[2].id, papers[1].id, papers[0].id]
    assert {one.reason.kind for one in found.chosen} == {"follow"}


def test_a_floor_holds_for_what_is_followed_as_well() -> None:
    who = likes(*library()[:6], follows=["author:Ada Quill"])
    most = best(PAPERS, who).chosen[0].score
    assert PROTEIN.id in ids(best(PAPERS, who, floor=most / 2))
    assert ids(best(PAPERS, who, floor=most)) == []


def test_the_floor_is_one_of_the_fit_and_newness_does_not_lift_over_it() -> None:
    speech = [one for one in library() if one.title.split()[0] in SPEECH.split()]
    found = best([ROBOT], likes(*speech[:6]), floor=-9.0).chosen[0]
    assert found.score > 0.01
    assert best([ROBOT], likes(*speech[:6]), floor=0.009).chosen == []


def test_a_try_says_that_it_is_one_also_where_it_is_followed() -> None:
    papers = [on(ROBOTS, 910 + n, title=f"{ROBOTS.split()[n]} {n}", authors=ADA) for n in range(6)]
    found = best(papers, likes(library()[0], limit=5, follows=["author:Ada Quill"]), explore=2)
    assert [one.reason.kind for one in found.chosen] == ["follow"] * 3 + ["explore"] * 2
