"""A small library on three subjects, and strategies for papers and ratings over its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from digestbot.models import Paper
from digestbot.ranking.features import Features
from digestbot.ranking.rank import Choice, Ranked, Ranker, Reader
from digestbot.ranking.rows import Rows
from digestbot.ranking.selection import Rules
from tests.factories import DAY, paper

ROBOTS = "robot grasp gripper arm manipulation contact torque policy"
PROTEINS = "protein folding residue sequence binding enzyme mutation structure"
SPEECH = "speech phoneme audio speaker accent transcription acoustic voice"
SUBJECTS = (ROBOTS, PROTEINS, SPEECH)
WORDS = " ".join(SUBJECTS).split()


def on(subject: str, number: int, **changes: object) -> Paper:
    """Return a paper whose text takes five words of the subject's, starting at its number."""
    words = subject.split()
    chosen = [words[(number + step) % len(words)] for step in range(5)]
    return paper(number, **{"title": " ".join(chosen[:2]), "abstract": " ".join(chosen[2:])} | changes)


def library() -> list[Paper]:
    return [on(subject, 100 * place + number) for place, subject in enumerate(SUBJECTS, 1) for number in range(12)]


FEATURES = Features.fit(library())


def likes(*papers: Paper, **changes: Any) -> Reader:
    return reader(*[(one, 1) for one in papers], **changes)


def reader(*rated: tuple[Paper, int], **changes: Any) -> Reader:
    values: dict[str, Any] = {
        "ratings": [(one.id, value, DAY) for one, value in sorted(rated, key=lambda pair: pair[0].id)],
        "first": DAY - timedelta(days=30),
        "today": DAY,
        "limit": 100,
    }
    return Reader(**values | changes)


@dataclass(frozen=True)
class Shelf:
    """The texts of what was rated, and how often each was."""

    features: Features
    texts: Mapping[str, Paper]
    how_often: Mapping[str, int]

    def rows(self, ids: Sequence[str]) -> tuple[list[str], Rows]:
        known = [one for one in ids if one in self.texts]
        return known, self.features.rows([self.texts[one] for one in known])

    def counts(self, ids: Sequence[str]) -> Mapping[str, int]:
        return self.how_often

    def titles(self, ids: Sequence[str]) -> dict[str, str]:
        return {one: self.texts[one].title for one in ids}


def ranker(
    papers: list[Paper], *, rated: list[Paper] | None = None, features: Features | None = None, **choice: Any
) -> Ranker:
    """Return a ranker, fitted on the library, that knows the texts of what was rated; without a floor."""
    fitted = features or FEATURES
    texts = {one.id: one for one in (library() if rated is None else rated)}

    rules = Rules(**{name: choice.pop(name) for name in ("diversity", "explore") if name in choice})
    likes = choice.pop("likes", None)
    known = Shelf(fitted, texts, choice.pop("counts", {}))
    wanted: dict[str, Any] = {"floor": -9.0, "rules": rules} | choice
    return Ranker(fitted, papers, fitted.rows(papers), known, choice=Choice(**wanted), likes=likes)


def best(papers: list[Paper], who: Reader, **choice: Any) -> Ranked:
    """Rank papers for one reader, who may have rated any of them and of the library."""
    (found,) = ranker(papers, rated=[*library(), *papers], **choice).rank([who])
    return found


def ids(ranked: Ranked) -> list[str]:
    return [one.paper.id for one in ranked.chosen]


def values(*readers: Reader) -> list[list[tuple[str, float]]]:
    return [[(paper, float(value)) for paper, value, _ in reader.ratings] for reader in readers]


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
