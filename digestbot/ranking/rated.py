"""What was rated, beside the candidates: worked out once for each rated paper, whoever rated it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from digestbot.models import PaperId, RatingValue
from digestbot.ranking.profile import telling
from digestbot.ranking.rows import Background, FloatArray, IntArray, Kernel, Rows, kernel

# A rating: of which paper, like or dislike, and the day it was given.
Given: TypeAlias = tuple[PaperId, RatingValue, date]

_NONE = -1
_AT_ONCE = 2000
_MOST_BYTES = 600_000_000
# After so many half-lives a rating ages no more: single precision ends soon behind it.
_OLDEST = 64.0


class RatedPapers(Protocol):
    """What is known of papers that were rated, by id; not in answers: those that have no text any more."""

    def rows(self, ids: Sequence[PaperId]) -> tuple[Sequence[PaperId], Rows]: ...
    def counts(self, ids: Sequence[PaperId]) -> Mapping[PaperId, int]: ...
    def titles(self, ids: Sequence[PaperId]) -> Mapping[PaperId, str]: ...


class Rated:
    """The rated papers as they are met, and what each has in common with each candidate.

    When what was worked out takes more than ``most_bytes`` it is forgotten; only what the readers at hand rated may
    take more.
    """

    def __init__(
        self,
        candidates: Rows,
        numbers: Mapping[PaperId, int],
        background: Background,
        known: RatedPapers,
        columns: NDArray[np.integer],
        *,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        """Take the candidates with their ``numbers``.

        ``columns`` are the numbers of the terms to keep of what was rated: those of the candidates.
        """
        self._candidate = numbers
        self._candidates = candidates
        self._most_bytes = most_bytes
        self._columns = columns
        self._background = background
        self._known = known
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[PaperId, int] = {}
        self.papers: list[PaperId] = []
        self._among: list[int] = []
        self._terms: list[csr_matrix] = []
        self._places: list[FloatArray] = []
        self._evidence: list[NDArray[np.float64]] = []
        self._telling: list[NDArray[np.float64]] = []
        self._size = 0
        self._direct: FloatArray = np.empty((0, len(self._candidates)), dtype=np.float32)
        self._common: FloatArray = np.empty_like(self._direct)

    def meet(self, papers: Iterable[PaperId]) -> None:
        """Get to know the papers of the readers at hand."""
        wanted = set(papers)
        new = sorted(wanted - self._numbers.keys())
        room = self._most_bytes // (8 * max(1, len(self._candidates)))
        if new and self._size and self._size + len(new) > room:
            self._forget()
            new = sorted(wanted)
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            found, rows = self._known.rows(some)
            # Who has no text counts for nothing.
            self._numbers.update(dict.fromkeys(some, _NONE))
            self._numbers.update({paper: self._size + place for place, paper in enumerate(found)})
            self.papers.extend(found)
            self._among.extend(self._candidate.get(paper, _NONE) for paper in found)
            if found:
                counts = self._known.counts(found)
                self._telling.append(telling(np.array([counts.get(paper, 0) for paper in found], dtype=np.intp)))
                self._take(rows)

    def _take(self, rows: Rows) -> None:
        size = self._size + len(rows)
        self._direct, self._common = (self._grown(one, size) for one in (self._direct, self._common))
        found = kernel(rows, self._candidates, self._background)
        self._direct[self._size : size], self._common[self._size : size] = found.direct, found.common
        self._terms.append(rows.terms[:, self._columns])
        self._places.append(rows.place)
        self._evidence.append(rows.evidence)
        self._size = size

    @property
    def telling(self) -> NDArray[np.float64]:
        """How much a rating of each of the papers met says about its reader, ``(n_rated,)``."""
        return np.concatenate([*self._telling, np.zeros(0)])

    @property
    def among(self) -> IntArray:
        """The number that each of the papers met has among the candidates, -1 for the others: ``(n_rated,)``."""
        return np.array(self._among, dtype=np.intp)

    @property
    def terms(self) -> csr_matrix:
        """The papers met, by number, in the terms that the candidates have: ``(n_rated, n_columns)``."""
        if len(self._terms) != 1:
            empty = csr_matrix(np.zeros((0, len(self._columns)), dtype=np.float32))
            self._terms = [csr_matrix(vstack([empty, *self._terms]))]
        return self._terms[0]

    @property
    def place(self) -> FloatArray:
        """The place of the papers met among the main directions, ``(n_rated, k)``."""
        if len(self._places) != 1:
            self._places = [np.concatenate([self._candidates.place[:0], *self._places])]
        return self._places[0]

    @property
    def evidence(self) -> NDArray[np.float64]:
        """How much each paper's text says, ``(n_rated,)``."""
        return np.concatenate([*self._evidence, np.zeros(0)])

    def _grown(self, array: FloatArray, size: int) -> FloatArray:
        if size <= len(array):
            return array
        larger = np.empty((max(size, 2 * len(array)), array.shape[1]), dtype=np.float32)
        larger[: self._size] = array[: self._size]
        return larger

    @property
    def kernel(self) -> Kernel:
        """What each rated paper has in common with each candidate, ``(n_rated, n_candidates)``."""
        return Kernel(self._direct[: self._size], self._common[: self._size])

    def values(self, ratings: Sequence[Sequence[Given]], today: Sequence[date], half_life: float) -> csr_matrix:
        """Return ``(n_readers, n_rated)`` values of ratings of papers that were met, by number.

        A rating counts half when it is ``half_life`` days old; 0 means that ratings do not age.
        """
        # In order of id, not of number: sums must not depend on whom else the papers were met for.
        flat = chain.from_iterable(map(sorted, ratings))
        papers, given, days = zip(*flat, strict=True) if any(ratings) else ((), (), ())
        numbers = np.array([self._numbers[paper] for paper in papers], dtype=np.int32)
        values = np.array(given, dtype=np.float64)
        readers = np.repeat(np.arange(len(ratings)), [len(own) for own in ratings])
        if half_life:
            given_at = np.array([day.toordinal() for day in days], dtype=np.int64)
            now = np.array([day.toordinal() for day in today], dtype=np.int64)
            values *= 0.5 ** np.minimum(np.maximum(0, now[readers] - given_at) / half_life, _OLDEST)
        # Who has no text counts for nothing.
        kept = numbers >= 0
        starts = np.concatenate([[0], np.cumsum(np.bincount(readers[kept], minlength=len(ratings)))])
        return csr_matrix(
            (values[kept].astype(np.float32), numbers[kept], starts.astype(np.int32)), shape=(len(ratings), self._size)
        )
