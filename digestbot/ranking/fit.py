"""A fit: features, with the rows of the papers they were fitted on and of those that came since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from digestbot.models import Paper, PaperId
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.rows import Rows, stacked


@dataclass(frozen=True)
class Fit:
    """Features of a corpus of ``corpus`` papers, and ``rows`` of ``papers``, which are those and newer ones.

    ``fingerprint`` says which papers, in which wording, the corpus was made of.
    """

    features: Features
    fitted_at: datetime
    corpus: int
    fingerprint: str
    papers: tuple[tuple[PaperId, int], ...]
    rows: Rows

    @classmethod
    def of(cls, corpus: Sequence[Paper], recipe: Recipe, now: datetime) -> Fit:
        """Fit on a corpus; raise ``ValueError`` when there is no word in it that says anything."""
        features, rows = Features.fit_rows(corpus, recipe)
        papers = tuple((paper.id, paper.revision) for paper in corpus)
        return cls(features, now, len(corpus), fingerprint(papers), papers, rows)

    @cached_property
    def _numbers(self) -> dict[PaperId, int]:
        return {paper: number for number, (paper, _) in enumerate(self.papers)}

    def unknown(self, papers: Iterable[Paper]) -> list[Paper]:
        """Return the papers that have no row yet, or one of another wording."""
        numbers = self._numbers
        return [
            paper
            for paper in papers
            if (number := numbers.get(paper.id)) is None or self.papers[number][1] != paper.revision
        ]

    def extended(self, papers: Sequence[Paper]) -> Fit:
        """Return the fit with the rows of these papers as well, which are only transformed."""
        if not papers:
            return self
        added = tuple((paper.id, paper.revision) for paper in papers)
        rows = stacked([self.rows, self.features.rows(papers)])
        return Fit(self.features, self.fitted_at, self.corpus, self.fingerprint, self.papers + added, rows)

    def rows_of(self, papers: Sequence[Paper]) -> Rows:
        """Return the rows of papers, in their order."""
        unknown = self.unknown(papers)
        if unknown:
            return self.extended(unknown).rows_of(papers)
        return self.rows.take(np.array([self._numbers[paper.id] for paper in papers], dtype=np.intp))

    def find(
        self, ids: Sequence[PaperId], get: Callable[[Sequence[PaperId]], Mapping[PaperId, Paper]]
    ) -> tuple[list[PaperId], Rows]:
        """Return those of the ids that are papers, and their rows; ``get`` gives the texts of those without one."""
        missing = [one for one in ids if one not in self._numbers]
        texts = get(missing) if missing else {}
        # Papers may be asked for by ids that they had before.
        known = [one for one in ids if one in self._numbers]
        found = [one for one in missing if one in texts]
        parts = [self.rows.take(np.array([self._numbers[one] for one in known], dtype=np.intp))]
        if found:
            parts.append(self.features.rows([texts[one] for one in found]))
        return known + found, stacked(parts)


def fingerprint(revisions: Iterable[tuple[PaperId, int]]) -> str:
    """Return a short text that is the same for the same papers in the same wording."""
    digest = hashlib.blake2b(digest_size=16)
    for paper, revision in sorted(revisions):
        digest.update(f"{paper}\n{revision}\n".encode())
    return digest.hexdigest()
