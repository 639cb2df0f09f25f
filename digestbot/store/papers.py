"""Papers, each one once, by any id that it has or had."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from digestbot.models import Paper, PaperId
from digestbot.store.arrivals import take_in
from digestbot.store.database import Database
from digestbot.store.search_schema import index_new
from digestbot.store.values import paper_value

_MANY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What adding papers changed."""

    new: int
    updated: int


class Papers:
    """Papers by id. A paper keeps the first day it was announced; its older texts are kept as revisions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        papers: Iterable[Paper],
        now: datetime,
        *,
        replacements: Iterable[Paper] = (),
        mentions: Iterable[Paper] = (),
    ) -> Added:
        """Add new papers and take over what changed in known ones, all or nothing.

        What describes a known paper under another id is found by what the two share; papers that show to be
        one are merged, and their ids stay known. ``replacements`` only change papers that are known, ``mentions``
        are what somebody else tells of papers: they fill only what is empty in known ones.
        """
        with self._database.write() as connection:
            arrivals = Counter(
                chain(
                    (take_in(connection, paper, now, announced=True) for paper in papers),
                    (take_in(connection, paper, now, announced=False) for paper in replacements),
                    (take_in(connection, paper, now, announced=True, mentioned=True) for paper in mentions),
                )
            )
            index_new(connection)
        return Added(new=arrivals["new"], updated=arrivals["updated"])

    def get(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]:
        """Return the papers that are there, by the id asked for, which may be one that a paper had before."""
        return {row["asked"]: paper_value(row) for row in self._asked("papers.*", ids)}

    def known(self, ids: Sequence[PaperId]) -> dict[PaperId, date]:
        """Return the days that papers were announced on, by the id asked for."""
        return {row["asked"]: date.fromisoformat(row["announced"]) for row in self._asked("announced", ids)}

    def resolve(self, ids: Sequence[PaperId]) -> dict[PaperId, PaperId]:
        """Return the ids that papers have now, by the id asked for."""
        return {row["asked"]: row["id"] for row in self._asked("id", ids)}

    def _asked(self, columns: str, ids: Sequence[PaperId]) -> Iterator[sqlite3.Row]:
        for start in range(0, len(ids), _MANY):
            some = ids[start : start + _MANY]
            marks = ",".join("?" * len(some))
            # In one statement, so that a paper which is merged at this moment is found by one of its ids.
            yield from self._database.rows(
                f"select id as asked, {columns} from papers where id in ({marks})"
                f" union all select alias, {columns} from paper_aliases join papers on papers.id = paper_id"
                f" where alias in ({marks}) order by asked",
                (*some, *some),
            )

    def announced(self, first: date, last: date) -> list[Paper]:
        """Return the papers announced from ``first`` to ``last``, both included, in a total order."""
        rows = self._database.rows(
            "select * from papers where announced between ? and ? order by announced, id",
            (first.isoformat(), last.isoformat()),
        )
        return [paper_value(row) for row in rows]

    def newest(self, limit: int, *, until: date) -> list[Paper]:
        """Return at most ``limit`` papers announced up to ``until``, the newest first."""
        rows = self._database.rows(
            "select * from papers where announced <= ? order by announced desc, id limit ?",
            (until.isoformat(), limit),
        )
        return [paper_value(row) for row in rows]

    def newest_revisions(self, limit: int, *, until: date) -> list[tuple[PaperId, int]]:
        """Return ids and revisions of what ``newest`` would return: the same as long as nothing changed."""
        rows = self._database.rows(
            "select id, revision from papers where announced <= ? order by announced desc, id limit ?",
            (until.isoformat(), limit),
        )
        return [(row["id"], row["revision"]) for row in rows]

    def count(self) -> int:
        """Return how many papers there are."""
        row = self._database.row("select count(*) from papers")
        return int(row[0]) if row else 0
