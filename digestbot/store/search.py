"""Papers by their words: SQLite's full-text index, asked with nothing but quoted words.

https://sqlite.org/fts5.html, sections 3 (what is quoted is text) and 5.1.1 (bm25, lower is better).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from digestbot.models import Paper, PaperId
from digestbot.store.database import Database
from digestbot.store.query import Part, Query, forms, words_of
from digestbot.store.search_schema import BOUNDARY
from digestbot.store.values import paper_value

# A word of the title says most; to be in a category is no matter of degree.
_BM25 = "bm25(paper_search, 5.0, 1.0, 3.0, 0.0)"
_MOST_OF_ONE_ID = 8
_INDEXED = "paper_search cross join paper_numbers on number = paper_search.rowid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Which papers are looked at: of these days, both included, and of any of these categories; else all.

    ``cs`` stands for all that begin with it, as ``cs.CL``.
    """

    since: date | None = None
    until: date | None = None
    categories: tuple[str, ...] = ()


class Search:
    """Finds papers. The index follows ``papers`` by itself (``search_schema``)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def matching(self, query: Query, *, within: Within, limit: int) -> list[Paper]:
        """Return the papers that have all wanted parts and no excluded one: best first, then newest, then by id.

        A query that only excludes gives the newest of the others; one without parts gives none.
        """
        wanted = [_expression(part) for part in query.parts if not part.excluded]
        excluded = [_expression(part) for part in query.parts if part.excluded]
        return self._found(wanted, excluded, within, limit) if query.parts else []

    def sharing(self, terms: Iterable[str], *, within: Within, limit: int) -> list[Paper]:
        """Return the papers that have some of these words or phrases, in the same order."""
        phrases = [_phrase(words) for term in terms if (words := words_of(term))]
        return self._found([_either(phrases)], [], within, limit) if phrases else []

    def named(self, ids: Iterable[PaperId]) -> list[Paper]:
        """Return the papers that have or had these ids, or are known by them elsewhere, in the order of the ids."""
        found: dict[PaperId, Paper] = {}
        for identifier in ids:
            # A DOI may be of several papers, as that of a proceedings.
            rows = self._database.rows(
                "select 0 as place, papers.* from papers where id = :id"
                " union all select 1, papers.* from paper_aliases join papers on id = paper_id where alias = :id"
                " union all select 2, papers.* from paper_keys join papers on id = paper_id"
                "  where key = :id and key not like 'title:%'"
                " order by place, announced desc, id limit :limit",
                {"id": identifier, "limit": _MOST_OF_ONE_ID},
            )
            for row in rows:
                found.setdefault(row["id"], paper_value(row))
        return list(found.values())

    def _found(self, wanted: Sequence[str], excluded: Sequence[str], within: Within, limit: int) -> list[Paper]:
        categories = [words_of(category) for category in within.categories]
        if categories and not any(categories):
            return []
        if categories:
            wanted = [*wanted, _either([_in_category(words) for words in categories if words])]
        conditions, values = ["true"], dict[str, object](limit=limit)
        if wanted:
            conditions.append("paper_search match :wanted")
            values["wanted"] = " AND ".join(wanted)
        if excluded:
            # FTS5's own NOT would give what is excluded where nothing wanted is left.
            conditions.append("number not in (select rowid from paper_search where paper_search match :excluded)")
            values["excluded"] = _either(excluded)
        if within.since:
            conditions.append("announced >= :since")
            values["since"] = within.since.isoformat()
        if within.until:
            conditions.append("announced <= :until")
            values["until"] = within.until.isoformat()
        # The index leads, and the best are chosen before any text is read.
        rows = self._database.rows(
            f"select papers.* from (select paper_id, {_BM25 if wanted else 0} as distance"
            f"  from {_INDEXED if wanted else 'paper_numbers'} cross join papers on papers.id = paper_id"
            f"  where {' and '.join(conditions)} order by distance, announced desc, paper_id limit :limit) as best"
            " join papers on papers.id = best.paper_id order by distance, announced desc, papers.id",
            values,
        )
        return [paper_value(row) for row in rows]


def _expression(part: Part) -> str:
    """Return what FTS5 is asked for a part; every word stands in quotation marks."""
    if part.place == "categories":
        return _in_category(part.words, open_end=part.open_end)
    if part.exact or part.open_end or part.place != "anywhere":
        found = _phrase(part.words) + (" *" if part.open_end else "")
        return f"({part.place} : {found})" if part.place != "anywhere" else found
    return _either([_phrase((*part.words[:-1], form)) for form in forms(part.words[-1])])


def _in_category(words: Sequence[str], *, open_end: bool = False) -> str:
    return f"(categories : {_phrase((BOUNDARY, *words))}{' *' if open_end else ''})"


def _phrase(words: Sequence[str]) -> str:
    return '"' + " ".join(words) + '"'


def _either(expressions: Sequence[str]) -> str:
    return "(" + " OR ".join(expressions) + ")"
