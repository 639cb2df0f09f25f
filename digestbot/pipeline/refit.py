"""Refit: which fit is in use, and when it is made anew. Between two fits, new papers are only transformed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

import structlog

from digestbot.models import Paper, PaperId
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit, fingerprint
from digestbot.ranking.rows import Rows

log = structlog.get_logger()

# The day begins first at UTC+14: nobody's local day is later than this.
_EARLIEST_ZONE = timedelta(hours=14)
# A small corpus is fitted anew whenever it changes, a larger one also when it has grown by so much.
_SMALL, _GROWTH = 1000, 1.25


class PaperStore(Protocol):
    """Reads papers."""

    def newest(self, limit: int, *, until: date) -> list[Paper]: ...
    def newest_revisions(self, limit: int, *, until: date) -> list[tuple[PaperId, int]]: ...


class FitStore(Protocol):
    """Keeps fits."""

    def newest(self) -> str | None: ...
    def read(self, recipe: Recipe) -> tuple[str, Fit] | None: ...
    def write(self, fit: Fit) -> str: ...
    def add_rows(self, name: str, papers: Sequence[tuple[PaperId, int]], rows: Rows) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitting:
    """From how many of the newest papers a fit is made, how, and how often."""

    corpus_papers: int = 20_000
    every: timedelta = timedelta(hours=24)
    recipe: Recipe = field(default_factory=Recipe)


class Fitter:
    """Gives the fit to rank with."""

    def __init__(self, papers: PaperStore, fits: FitStore, how: Refitting) -> None:
        self._papers = papers
        self._fits = fits
        self._how = how
        self._seen: str | None = None
        self._name: str | None = None
        self._fit: Fit | None = None

    def current(self, now: datetime, recent: Sequence[Paper] = ()) -> Fit | None:
        """Return the fit for ``now``, with rows for the ``recent`` papers; ``None`` while no paper has a word in it.

        It is made anew when there is none of this version and these settings, when it is old and there are other
        papers, or when the corpus has grown a lot. One that cannot be made leaves the old one in use.
        """
        # Another program may have made a newer one.
        newest = self._fits.newest()
        if newest is not None and newest != self._seen:
            self._seen = newest
            self._take(self._fits.read(self._how.recipe))
        until = (now + _EARLIEST_ZONE).date()
        if self._is_due(now, until):
            self._refit(now, until)
        if self._fit is not None and (unknown := self._fit.unknown(recent)):
            self._extend(self._fit, unknown)
        return self._fit

    def _take(self, found: tuple[str, Fit] | None) -> None:
        # An older one is of a preview of the past, or what is left on the disk when a newer one could not be saved.
        if found is not None and (self._fit is None or found[1].fitted_at >= self._fit.fitted_at):
            self._name, self._fit = found

    def _is_due(self, now: datetime, until: date) -> bool:
        fit = self._fit
        if fit is None:
            return True
        # Also one of a time long after now, as of a preview of next year, which would not get old before.
        old = abs(now - fit.fitted_at) >= self._how.every
        revisions = self._papers.newest_revisions(self._how.corpus_papers, until=until)
        if not old and fit.corpus >= _SMALL:
            return len(revisions) >= _GROWTH * fit.corpus
        return fingerprint(revisions) != fit.fingerprint

    def _refit(self, now: datetime, until: date) -> None:
        corpus = self._papers.newest(self._how.corpus_papers, until=until)
        if not corpus:
            return
        try:
            fit = Fit.of(corpus, self._how.recipe, now)
        except (ValueError, ArithmeticError, MemoryError) as error:
            # No paper has a word in it that says anything, or the machine is too small for them.
            log.warning("no new fit: the old one stays", problem=str(error) or type(error).__name__)
            return
        self._fit, self._name = fit, None
        try:
            self._seen = self._name = self._fits.write(fit)
        except OSError as error:
            log.warning("the fit cannot be saved", problem=str(error))

    def _extend(self, fit: Fit, unknown: list[Paper]) -> None:
        self._fit = fit.extended(unknown)
        many = len(unknown)
        if self._name is None:
            return
        try:
            self._fits.add_rows(self._name, self._fit.papers[-many:], self._fit.rows.take(range(-many, 0)))
        except OSError as error:
            log.warning("new rows cannot be saved", problem=str(error))
