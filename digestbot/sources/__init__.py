"""Sources: where papers come from. Fetching is thin, parsing is pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeAlias

from digestbot.models import Paper, PaperId

Known: TypeAlias = Callable[[Sequence[PaperId]], Awaitable[Mapping[PaperId, date]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """An entry that could not be taken, and where it stands: ``papers.jsonl, line 7``."""

    place: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A part of what a source gave: announced papers, new texts of older ones, and entries that were skipped.

    ``replacements`` never announce a paper: they count only where the paper is known. ``mentions`` announce papers
    that belong to another source, such as arXiv's: of one that is known they fill only what is empty, and add links
    and counts. ``asked`` says what was asked for, for people. ``cursor`` is what the next load is told, from the
    moment that this batch is stored; empty leaves it as it was. ``total`` is how many entries there will be in all,
    ``None`` when the source does not say. ``behind`` names the parts of a source that still show an older day, and
    ``doubtful`` a day of which papers may not be, although they are dated on it.
    """

    papers: Sequence[Paper] = ()
    replacements: Sequence[Paper] = ()
    mentions: Sequence[Paper] = ()
    skipped: Sequence[Skipped] = ()
    asked: str = ""
    cursor: str = ""
    total: int | None = None
    behind: Sequence[str] = ()
    doubtful: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one load wants of a source.

    ``since`` asks for papers announced on that day or later; ``None`` for what the source thinks is new. ``cursor``
    is the newest one that this source gave, empty at first. ``known`` returns, of some ids, those in the store
    with the day they were announced.
    """

    now: datetime
    since: date | None
    cursor: str
    known: Known


class Source(Protocol):
    """One place that papers come from."""

    name: str

    def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        """Yield papers in parts; each is stored before the next is asked for.

        Raises ``SourceError`` where it cannot go on: what was yielded is good, and the next load, with the cursor
        of the last batch that was stored, completes the rest.
        """
