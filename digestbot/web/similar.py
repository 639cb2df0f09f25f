"""What resembles a paper, for its page: looked for off the event loop, one paper at a time, and kept for a while.

One at a time, since a program that follows every link to a similar paper must not slow down the clicks of readers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias

from digestbot.models import Paper, PaperId

if TYPE_CHECKING:
    from digestbot.pipeline.find import SearchStore
    from digestbot.ranking.fit import Fit

MOST_SIMILAR = 8
_MOST_KEPT, _KEPT_FOR = 500, timedelta(minutes=5)
# So many papers wait for their turn; a page of one more stands without.
_MOST_WAITING = 16
# Seconds that a page waits. Reading the fit takes about one, the first time.
_PATIENCE = 2.0

_Key: TypeAlias = tuple[PaperId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A paper that resembles another, and the terms that both speak of."""

    id: PaperId
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resembling:
    """What was found, the most similar first.

    ``no fit``: there is nothing to find it with until a digest is composed; ``busy``: ask again in a moment.
    """

    state: Literal["found", "no fit", "busy"]
    papers: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    papers: tuple[Neighbour, ...]
    at: datetime


class SimilarPapers:
    """Finds what resembles papers. ``fit`` is asked from one thread alone, and says ``None`` while there is none."""

    def __init__(
        self,
        search: SearchStore,
        fit: Callable[[datetime], Fit | None],
        *,
        patience: float = _PATIENCE,
        most_kept: int = _MOST_KEPT,
    ) -> None:
        self._search = search
        self._fit = fit
        self._patience = patience
        self._most_kept = most_kept
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="similar")
        self._lock = Lock()
        self._waiting: dict[_Key, Future[Resembling]] = {}
        # What was found with the fit of this mark, the paper asked for last at the end.
        self._mark: tuple[datetime, str] | None = None
        self._kept: dict[_Key, _Kept] = {}

    async def of(self, paper: Paper, now: datetime) -> Resembling:
        """Return what resembles a paper of the store; it goes on being looked for when that takes too long."""
        key = paper.id, paper.revision
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is not None and timedelta(0) <= now - kept.at < _KEPT_FOR:
                self._kept[key] = kept
                return Resembling(state="found", papers=kept.papers)
            looking = self._waiting.get(key)
            if looking is None:
                if len(self._waiting) >= _MOST_WAITING:
                    return Resembling(state="busy")
                looking = self._waiting[key] = self._lane.submit(self._look, paper, now)
        try:
            # Without the shield, who stops waiting would stop the looking.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(looking)), self._patience)
        except TimeoutError:
            return Resembling(state="busy")

    def close(self) -> None:
        """Finish what is being looked for; nothing more is."""
        self._lane.shutdown(cancel_futures=True)

    def _look(self, paper: Paper, now: datetime) -> Resembling:
        key = paper.id, paper.revision
        try:
            fit = self._fit(now)
            if fit is None:
                return Resembling(state="no fit")
            found = _neighbours(self._search, fit, paper)
            with self._lock:
                self._keep(key, _Kept(found, now), (fit.fitted_at, fit.fingerprint))
            return Resembling(state="found", papers=found)
        finally:
            with self._lock:
                self._waiting.pop(key, None)

    def _keep(self, key: _Key, found: _Kept, mark: tuple[datetime, str]) -> None:
        if mark != self._mark:
            self._mark = mark
            self._kept.clear()
        self._kept[key] = found
        while len(self._kept) > self._most_kept:
            del self._kept[next(iter(self._kept))]


class NoPapers:
    """Stands where a ``Fitter`` looks for papers, so that it takes a saved fit and can make none."""

    def newest(self, limit: int, *, until: date) -> list[Paper]:  # noqa: ARG002 - whatever is asked
        """Return nothing."""
        return []

    def newest_revisions(self, limit: int, *, until: date) -> list[tuple[PaperId, int]]:  # noqa: ARG002 - as above
        """Return nothing."""
        return []


def _neighbours(search: SearchStore, fit: Fit, paper: Paper) -> tuple[Neighbour, ...]:
    # scikit-learn is loaded with the first page that needs it, so that the server starts at once.
    from digestbot.errors import NotFoundError  # noqa: PLC0415
    from digestbot.pipeline.find import Finder  # noqa: PLC0415

    try:
        found = Finder(search, lambda: fit).similar(paper.id, limit=MOST_SIMILAR)
    except NotFoundError:
        # It became one with another paper this moment.
        return ()
    return tuple(Neighbour(id=one.paper.id, terms=one.terms) for one in found)
