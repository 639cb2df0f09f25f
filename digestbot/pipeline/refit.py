"""Refit: which fit is in use, and when it is made anew. Between two fits, new papers are only transformed.

Of those that are saved the one for the nearest time is used, so that looking at another day costs the next digests
nothing.
"""

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

    def saved(self) -> list[tuple[str, datetime]]: ...
    def read(self, name: str, recipe: Recipe) -> Fit | None: ...
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
        self._name: str | None = None
        self._fit: Fit | None = None
        # Saved fits that cannot be used, and corpora that none can be made of.
        self._refused: set[str] = set()
        self._hopeless: set[str] = set()

    @property
    def used(self) -> Fit | None:
        """The fit that was given last, ``None`` before the first; any thread may look at it: a fit never changes."""
        return self._fit

    def current(self, now: datetime, recent: Sequence[Paper] = ()) -> Fit | None:
        """Return the fit for ``now``, with rows for the ``recent`` papers; ``None`` while no paper has a word in it.

        It is made anew when there is none of this version and these settings, when the nearest is of another time and
        there are other papers, or when the corpus has grown a lot. One that cannot be made leaves the old one in use.
        """
        self._take_nearest(now)
        until = (now + _EARLIEST_ZONE).date()
        if self._is_due(now, until):
            self._refit(now, until)
        if self._fit is not None and (unknown := self._fit.unknown(recent)):
            self._extend(self._fit, unknown)
        return self._fit

    def _take_nearest(self, now: datetime) -> None:
        """Use the saved fit for the time nearest to ``now``, unless the one in use is as near."""
        # Another program may have made one since.
        known: list[tuple[str | None, datetime]] = [*self._fits.saved()]
        if self._fit is not None and self._name not in [name for name, _ in known]:
            # It could not be saved, or has been removed.
            known.append((self._name, self._fit.fitted_at))
        # Of those as near as one another, the one that was made last.
        known.reverse()
        for name, _ in sorted(known, key=lambda one: abs(now - one[1])):
            if name is None or name == self._name:
                return
            fit = None if name in self._refused else self._fits.read(name, self._how.recipe)
            if fit is not None:
                self._name, self._fit = name, fit
                return
            self._refused.add(name)

    def _is_due(self, now: datetime, until: date) -> bool:
        fit = self._fit
        revisions = self._papers.newest_revisions(self._how.corpus_papers, until=until)
        # Also one of a time long after now, as of a preview of next year, which would not get old before.
        if fit is not None and fit.corpus >= _SMALL and abs(now - fit.fitted_at) < self._how.every:
            wanted = len(revisions) >= _GROWTH * fit.corpus
        else:
            wanted = fit is None or fingerprint(revisions) != fit.fingerprint
        return wanted and not (self._hopeless and fingerprint(revisions) in self._hopeless)

    def _refit(self, now: datetime, until: date) -> None:
        corpus = self._papers.newest(self._how.corpus_papers, until=until)
        if not corpus:
            return
        try:
            fit = Fit.of(corpus, self._how.recipe, now)
        except (ValueError, ArithmeticError, MemoryError) as error:
            # No paper has a word in it that says anything, or the machine is too small for them.
            log.warning("no new fit: the old one stays", problem=str(error) or type(error).__name__)
            self._hopeless.add(fingerprint((paper.id, paper.revision) for paper in corpus))
            return
        self._fit, self._name = fit, None
        try:
            self._name = self._fits.write(fit)
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
