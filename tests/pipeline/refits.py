"""Fitters over many papers, and what the tests of refitting ask of a fit and of the folder it is saved in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from digestbot.models import Paper, PaperId
from digestbot.pipeline.refit import Fitter, Refitting
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.store import Store
from digestbot.store.fits import Fits
from tests.ranking.library import SUBJECTS, on

HOUR, EVERY = timedelta(hours=1), timedelta(hours=24)
RECIPE = Recipe(dimensions=4)


@dataclass
class Shelf:
    """Many papers, in memory: putting thousands into a database takes too long."""

    papers: list[Paper]

    def newest(self, limit: int, *, until: date) -> list[Paper]:
        return [one for one in self.papers if one.announced <= until][:limit]

    def newest_revisions(self, limit: int, *, until: date) -> list[tuple[PaperId, int]]:
        return [(one.id, one.revision) for one in self.newest(limit, until=until)]


def many(count: int, first: int = 1) -> list[Paper]:
    """Return papers of these many numbers, on each subject in turn."""
    return [on(SUBJECTS[number % 3], number) for number in range(first, first + count)]


def fits(tmp_path: Path) -> Fits:
    return Fits(tmp_path / "fits")


def large(tmp_path: Path, papers: list[Paper], **changes: Any) -> Fitter:
    """Return a fitter, as a program that starts now has it, over papers that need no database."""
    values: dict[str, Any] = {"every": EVERY, "recipe": RECIPE}
    return Fitter(Shelf(papers), fits(tmp_path), Refitting(**values | changes))


def given(found: Fit | None) -> Fit:
    assert found is not None
    return found


def corpus(fit: Fit) -> set[PaperId]:
    """Return what the fit was made of."""
    return {paper for paper, _ in fit.papers[: fit.corpus]}


def folder(store: Store) -> Path:
    """Return where the fits of a database are."""
    return store.database.path.with_name(f"{store.database.path.name}.fits")


def rows(fit: Fit, papers: Sequence[Paper]) -> list[list[float]]:
    """Return the weights of the papers' terms."""
    found: list[list[float]] = fit.rows_of(papers).terms.toarray().tolist()
    return found
