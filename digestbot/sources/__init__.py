"""Sources: where papers come from. Fetching is thin, parsing is pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from digestbot.models import Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An entry that could not be taken, and where it stands: ``papers.jsonl, line 7``."""

    place: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a source gave: announced papers, new texts of older ones, and entries that were skipped.

    ``replacements`` never announce a paper: they count only where the paper is known.
    """

    papers: Sequence[Paper]
    replacements: Sequence[Paper] = ()
    skipped: Sequence[Skipped] = ()


class Source(Protocol):
    """One place that papers come from."""

    name: str

    async def fetch(self, today: date, since: date | None) -> Batch:
        """Return the papers announced on or after ``since`` (``None``: what the source offers by itself).

        ``today`` is the load day. Raises ``SourceError`` when the source as a whole gave nothing usable.
        """
