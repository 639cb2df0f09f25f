"""A small library on three subjects, and strategies for papers and ratings over its words."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.features import Features
from digestbot.ranking.rank import Ranker, Reader
from tests.factories import DAY, paper, rating

ROBOTS = "robot grasp gripper arm manipulation contact torque policy"
PROTEINS = "protein folding residue sequence binding enzyme mutation structure"
SPEECH = "speech phoneme audio speaker accent transcription acoustic voice"
WORDS = f"{ROBOTS} {PROTEINS} {SPEECH}".split()


def on(subject: str, number: int, **changes: object) -> Paper:
    """Return a paper whose text takes five words of the subject's, starting at its number."""
    words = subject.split()
    chosen = [words[(number + step) % len(words)] for step in range(5)]
    return paper(number, **{"title": " ".join(chosen[:2]), "abstract": " ".join(chosen[2:])} | changes)


def library() -> list[Paper]:
    return [
        on(subject, 100 * place + number)
        for place, subject in enumerate([ROBOTS, PROTEINS, SPEECH], 1)
        for number in range(12)
    ]


def likes(*papers: Paper) -> Reader:
    return reader(*[(one, 1) for one in papers])


def reader(*rated: tuple[Paper, int], categories: tuple[str, ...] = ()) -> Reader:
    return Reader(
        ratings=[rating(one.id, value) for one, value in rated], categories=categories, candidates=lambda _: True
    )


def ranker(papers: list[Paper], *, rated: list[Paper] | None = None) -> Ranker:
    """Return a ranker fitted on the library."""
    known = library() if rated is None else rated
    return Ranker(Features.fit(library()), papers, {one.id: one for one in known})


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


@st.composite
def paper_lists(draw: st.DrawFn, *, least: int = 1, most: int = 12) -> list[Paper]:
    """Draw papers of few words and few days, so that equal scores are common."""
    count = draw(st.integers(least, most))
    return [
        paper(
            number,
            title=draw(texts),
            abstract=draw(texts | st.just("")),
            announced=DAY - timedelta(days=draw(st.integers(0, 3))),
            upvotes=draw(st.sampled_from([0, 0, 5])),
        )
        for number in range(1, count + 1)
    ]
