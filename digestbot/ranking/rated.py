"""What was rated, beside the candidates: worked out once for each rated paper, whoever rated it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digestbot.models import PaperId
from digestbot.ranking.rows import Background, FloatArray, Rows, kernel, stacked

# Of which the rows are known, in that order.
Find = Callable[[Sequence[PaperId]], tuple[Sequence[PaperId], Rows]]

_AT_ONCE = 2000
_MOST_BYTES = 400_000_000


class Rated:
    """The rated papers as they are met, and what each has in common with each candidate.

    ``find`` gives the rows of papers, without those that have no text any more.
    """

    def __init__(self, candidates: Rows, background: Background, find: Find) -> None:
        self._candidates = candidates
        self._background = background
        self._find = find
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[PaperId, int] = {}
        self.papers: list[PaperId] = []
        self._parts: list[Rows] = []
        self._evidence: list[NDArray[np.float64]] = []
        self._size = 0
        self._kernel: FloatArray = np.empty((0, len(self._candidates)), dtype=np.float32)

    def meet(self, papers: Iterable[PaperId]) -> None:
        """Get to know the papers of the readers at hand."""
        wanted = set(papers)
        new = sorted(wanted - self._numbers.keys())
        room = _MOST_BYTES // (4 * max(1, len(self._candidates)))
        if new and self._size and self._size + len(new) > room:
            self._forget()
            new = sorted(wanted)
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            found, rows = self._find(some)
            # Who has no text counts for nothing.
            self._numbers.update(dict.fromkeys(some, -1))
            self._numbers.update({paper: self._size + place for place, paper in enumerate(found)})
            self.papers.extend(found)
            if found:
                self._take(rows)

    def _take(self, rows: Rows) -> None:
        size = self._size + len(rows)
        if size > len(self._kernel):
            larger = np.empty((max(size, 2 * len(self._kernel)), len(self._candidates)), dtype=np.float32)
            larger[: self._size] = self._kernel[: self._size]
            self._kernel = larger
        self._kernel[self._size : size] = kernel(rows, self._candidates, self._background)
        self._parts.append(rows)
        self._evidence.append(rows.evidence)
        self._size = size

    @property
    def rows(self) -> Rows:
        """The rows of the papers met, by number."""
        if len(self._parts) > 1:
            self._parts = [stacked(self._parts)]
        return self._parts[0] if self._parts else self._candidates.take([])

    @property
    def evidence(self) -> NDArray[np.float64]:
        """How much each paper's text says, ``(n_rated,)``."""
        return np.concatenate([*self._evidence, np.zeros(0)])

    @property
    def kernel(self) -> FloatArray:
        """What each rated paper has in common with each candidate, ``(n_rated, n_candidates)``."""
        return self._kernel[: self._size]

    def values(self, ratings: Sequence[Sequence[tuple[PaperId, float]]]) -> csr_matrix:
        """Return ``(n_readers, n_rated)`` values of ratings of papers that were met, by number."""
        numbers = self._numbers
        counts, columns, values = [0], [], []
        for own in ratings:
            # In order of id, not of number: sums must not depend on whom else the papers were met for.
            for paper, value in sorted(own):
                number = numbers[paper]
                if number >= 0:
                    columns.append(number)
                    values.append(value)
            counts.append(len(columns))
        return csr_matrix(
            (np.array(values, dtype=np.float32), np.array(columns, dtype=np.int32), np.array(counts, dtype=np.int32)),
            shape=(len(ratings), self._size),
        )
