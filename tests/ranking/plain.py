"""The rules of reasons, written down plainly: what the product works out for many readers at once is held against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from digestbot.models import Paper
from digestbot.ranking.features import Features
from digestbot.ranking.profile import Profiles


def contributions(features: Features, profiles: Profiles, reader: int, one: Paper) -> dict[str, float]:
    """Return what each term of a paper adds to its score."""
    row = features.transform([one])
    weights = profiles.weights().of(np.array([reader]), row.indices.astype(np.intp))[0]
    added = row.data.astype(np.float64) * weights
    return {str(features.terms[number]): float(amount) for number, amount in zip(row.indices, added, strict=True)}


def strongest(carried: Mapping[str, float]) -> list[str]:
    """Return the terms by what they carried of a score, the most first.

    A pair that carried half as much as the weaker of its words speaks for them too: it says more
    ("question answering") than either word.
    """

    def weight(name: str) -> float:
        own = carried[name]
        # A set: "agent agent" is of one word.
        words = [carried.get(word, 0.0) for word in set(name.split())]
        return own + sum(words) if " " in name and own >= 0.5 * min(words) > 0 else own

    return sorted(carried, key=lambda name: (-weight(name), name))


def distinct(names: Iterable[str], limit: int) -> list[str]:
    """Return the first names that do not repeat the words of a stronger one."""
    chosen: list[str] = []
    for name in names:
        if not any(repeats(name, other) for other in chosen):
            chosen.append(name)
    return chosen[:limit]


def repeats(one: str, other: str) -> bool:
    """Return whether two terms have a word in common, as "robot" and "robots" are."""
    return not {word.rstrip("s") for word in one.split()}.isdisjoint(word.rstrip("s") for word in other.split())
