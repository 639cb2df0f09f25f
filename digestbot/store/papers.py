"""Papers and the loads that brought them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, repeat

from digestbot.models import Paper, PaperId
from digestbot.store.database import Database
from digestbot.store.values import instant_text, list_text, paper_value

_TEXT = ("title", "abstract", "authors", "categories", "url")
_REST = ("pdf_url", "doi", "comment", "upvotes")
_NOTHING = ("", "[]", 0)
_MANY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What adding papers changed."""

    new: int
    updated: int


class Papers:
    """Papers by id. A paper keeps the day it was announced; its older texts are kept as revisions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, papers: Iterable[Paper], now: datetime, *, replacements: Iterable[Paper] = ()) -> Added:
        """Add new papers and take over what changed in known ones, all or nothing.

        ``replacements`` only change papers that are known.
        """
        new = updated = 0
        with self._database.write() as connection:
            for paper, announced in chain(zip(papers, repeat(True)), zip(replacements, repeat(False))):
                row = _row(paper)
                known = connection.execute("select * from papers where id = ?", (paper.id,)).fetchone()
                if known is None and not announced:
                    continue
                if known is None:
                    connection.execute(
                        "insert into papers (id, title, abstract, authors, categories, announced, url,"
                        " pdf_url, doi, comment, upvotes, revision, loaded_at)"
                        " values (:id, :title, :abstract, :authors, :categories, :announced, :url,"
                        " :pdf_url, :doi, :comment, :upvotes, 1, :loaded_at)",
                        row | {"announced": paper.announced.isoformat(), "loaded_at": instant_text(now)},
                    )
                    new += 1
                    continue
                # What a source does not say does not take away what another one said.
                row |= {name: known[name] for name in (*_TEXT, *_REST) if row[name] in _NOTHING}
                if any(known[name] != row[name] for name in (*_TEXT, *_REST)):
                    self._update(connection, known, row)
                    updated += 1
        return Added(new=new, updated=updated)

    def _update(self, connection: sqlite3.Connection, known: sqlite3.Row, row: dict[str, str | int]) -> None:
        reworded = any(known[name] != row[name] for name in _TEXT)
        if reworded:
            # Digests that were composed with the old text still show it.
            connection.execute(
                "insert into paper_revisions (paper_id, revision, title, abstract, authors, categories, url)"
                " select id, revision, title, abstract, authors, categories, url from papers where id = ?",
                (row["id"],),
            )
        connection.execute(
            "update papers set title = :title, abstract = :abstract, authors = :authors,"
            " categories = :categories, url = :url, pdf_url = :pdf_url, doi = :doi, comment = :comment,"
            " upvotes = :upvotes, revision = revision + :reworded where id = :id",
            row | {"reworded": int(reworded)},
        )

    def get(self, ids: Sequence[PaperId]) -> dict[PaperId, Paper]:
        """Return the papers that are there, by id."""
        found: dict[PaperId, Paper] = {}
        for start in range(0, len(ids), _MANY):
            some = ids[start : start + _MANY]
            marks = ",".join("?" * len(some))
            for row in self._database.rows(f"select * from papers where id in ({marks}) order by id", some):
                found[row["id"]] = paper_value(row)
        return found

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

    def record_load(
        self,
        source: str,
        *,
        started_at: datetime,
        finished_at: datetime,
        received: int,
        new: int,
        updated: int,
        skipped: int,
        error: str,
    ) -> None:
        """Keep what one load of one source came to; ``error`` is empty when it answered."""
        with self._database.write() as connection:
            connection.execute(
                "insert into loads (source, started_at, finished_at, received, new, updated, skipped, error)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    source,
                    instant_text(started_at),
                    instant_text(finished_at),
                    received,
                    new,
                    updated,
                    skipped,
                    error,
                ),
            )


def _row(paper: Paper) -> dict[str, str | int]:
    return {
        "id": paper.id,
        "title": paper.title,
        "abstract": paper.abstract,
        "authors": list_text(paper.authors),
        "categories": list_text(paper.categories),
        "url": paper.url,
        "pdf_url": paper.pdf_url,
        "doi": paper.doi,
        "comment": paper.comment,
        "upvotes": paper.upvotes,
    }
