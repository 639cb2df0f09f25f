"""The digests that are judged: as many papers as a mail may have, and those that are hard to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from digestbot.models import Digest, Paper, Reason
from tests.factories import DAY, digest, paper, subscriber

LISTS = ("daily", "weekly", "first", "catch-up", "one paper", "too much for a mail")

_ABSTRACT = (
    "Readers of large archives see a small part of what appears each day. We ask which part serves them, and answer "
    "with profiles that a reader can inspect. On three years of submissions our lists hold twice as many papers that "
    "were later cited. A study with forty readers agrees. "
)
_REASONS = (
    Reason(kind="terms", terms=("sparse retrieval", "index", "term weights")),
    Reason(kind="liked", terms=("Counting what the index forgets: a survey of two decades",)),
    Reason(kind="follow", terms=("Bela Vane",)),
    Reason(kind="trending"),
    Reason(kind="explore", terms=("plasma",)),
)
# Who has not liked anything yet gets these.
_NEWEST = (Reason(kind="trending"),)
_ODD = (
    paper(1, title="Owl: sparse retrieval that explains itself", abstract=_ABSTRACT, upvotes=31),
    paper(2, title='<script>alert("1")</script> & other titles 🦉', authors=('Eve "<b>" O\'Hara',), upvotes=1),
    paper(3, title="גרפים דלילים ושכנים קרובים", authors=("עדה כהן",), abstract="אנו מציעים דרך קצרה. היא מהירה."),
    paper(4, title="Without an abstract", abstract="", authors=(), categories=(), url="", upvotes=7),
    paper(
        5, title="A long title " * 30, authors=tuple(f"Author {letter}" for letter in "ABCDEFGH"), abstract=_ABSTRACT
    ),
    paper(6, title="Long words", abstract="unbreakable" * 20, authors=("Donaudampfschifffahrtsgesellschaft" * 3,)),
    paper(7, title="unbreakable" * 12, abstract=_ABSTRACT, categories=("physics.plasm-ph", "cond-mat.mtrl-sci")),
    paper(8, id="feed:b10c", title="From a site with a long name", url="https://a-site-with-a-long-name.example.org/1"),
)


def of(name: str, language: str) -> Digest:
    """Return the digest of this name."""
    if name == "weekly":
        # Day after day, as a weekly one is composed.
        return _digest(_aged(max(9 - place, 0) // 3 for place in range(10)), language, days="weekly")
    if name == "first":
        return replace(_digest(_papers(10), language, reasons=_NEWEST), number=1)
    if name == "catch-up":
        return _digest(_aged(place % 8 for place in range(10)), language)
    if name == "one paper":
        return _digest(_papers(1), language)
    return _digest(_papers(70 if name == "too much for a mail" else 10), language)


def _papers(most: int) -> list[Paper]:
    plain = (paper(number, abstract=_ABSTRACT, upvotes=number) for number in range(len(_ODD) + 1, most + 1))
    return [*_ODD, *plain][:most]


def _aged(ages: Iterable[int]) -> list[Paper]:
    """Return papers that were announced so many days ago."""
    days = [DAY - timedelta(days=age) for age in ages]
    return [replace(one, announced=day) for one, day in zip(_papers(len(days)), days, strict=True)]


def _digest(
    papers: Sequence[Paper], language: str, *, days: str = "daily", reasons: Sequence[Reason] = _REASONS
) -> Digest:
    reader = subscriber(days=days, language=language)
    made = digest(*papers, reader=reader, number=12, considered=431)
    items = [replace(one, reason=reasons[(one.position - 1) % len(reasons)]) for one in made.items]
    return replace(made, items=tuple(items))
