"""Find: papers by words, and papers that resemble one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from scipy.sparse import csr_matrix

from digestbot.errors import NotFoundError
from digestbot.identifiers import paper_id
from digestbot.models import Paper, PaperId
from digestbot.ranking.fit import Fit
from digestbot.ranking.reasons import Carriers
from digestbot.ranking.similar import by_score, fused, shared_terms, similarities, strongest_terms
from digestbot.ranking.trending import in_categories
from digestbot.store.query import Query, parse
from digestbot.store.search import Within

# So many of the best by bm25 are put in order together with their nearness in TF-IDF.
_SEARCHED = 200
# A paper's neighbours are looked for among so many that share some of its strongest terms (docs/searching.md).
_TERMS, _NEIGHBOURS = 50, 250


class SearchStore(Protocol):
    """Finds papers by their ids, and by their words, best first."""

    def named(self, ids: Iterable[PaperId]) -> list[Paper]: ...
    def matching(self, query: Query, *, within: Within, limit: int) -> list[Paper]: ...
    def sharing(self, terms: Iterable[str], *, within: Within, limit: int) -> list[Paper]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A paper that was found; of a higher score is better, ``terms`` carried it where it is a similarity."""

    paper: Paper
    score: float
    terms: tuple[str, ...] = ()


class Finder:
    """Finds papers in the store. ``fit`` is asked for only when there is something to put in order."""

    def __init__(self, search: SearchStore, fit: Callable[[], Fit | None]) -> None:
        self._search = search
        self._fit = fit

    def search(self, text: str, *, limit: int, within: Within | None = None) -> list[Found]:
        """Return the papers that match what somebody typed, best first; whatever it is, it is no error.

        A paper whose id, address or DOI is in the text comes first.
        """
        within, query = within or Within(), parse(text)
        named = [paper for paper in self._search.named(query.ids) if _is_within(paper, within)]
        matching = self._search.matching(query, within=within, limit=max(limit, _SEARCHED))
        orders = [[paper.id for paper in matching]]
        if len(matching) > 1 and (nearest := self._nearest(query.text, matching)):
            orders.append(nearest)
        scores = fused(orders)
        first = [Found(paper=paper, score=1.0) for paper in named]
        others = [paper for paper in matching if paper not in named]
        order = by_score(others, [scores[paper.id] for paper in others])
        return [*first, *(Found(paper=others[n], score=round(scores[others[n].id], 6)) for n in order)][:limit]

    def similar(self, asked: str, *, limit: int, within: Within | None = None) -> list[Found]:
        """Return the papers that resemble one, the most first, with the terms that they share; never itself.

        Raises ``NotFoundError`` when the paper, named by id, address or DOI, is not in the store.
        """
        named = paper_id(asked) or asked.strip()
        # Text that SQLite could not take, such as half a character, is the id of nothing.
        known = self._search.named([named]) if named.isprintable() else []
        if not known:
            raise NotFoundError(f"{named}: there is no such paper here; load it first")
        paper, fit = known[0], self._fit()
        if fit is None:
            return []
        names = fit.features.terms
        wanted = _rows(fit, [paper])
        terms = strongest_terms(names, wanted, _TERMS)
        # Itself is among them.
        near = self._search.sharing(terms, within=within or Within(), limit=max(limit, _NEIGHBOURS) + 1)
        others = [one for one in near if one.id != paper.id]
        rows = _rows(fit, others)
        scores = similarities(wanted, rows)
        carriers = Carriers(rows, names, others)
        return [
            Found(
                paper=others[number],
                score=float(scores[number]),
                terms=tuple(str(names[term]) for term in shared_terms(wanted, carriers, number)),
            )
            for number in by_score(others, scores)[:limit]
        ]

    def _nearest(self, text: str, papers: Sequence[Paper]) -> list[PaperId]:
        """Return the papers that share a term with a text, nearest first; none without such a term."""
        fit = self._fit() if text.strip() else None
        if fit is None:
            return []
        wanted = fit.features.transform([_as_paper(text)])
        if not wanted.nnz:
            return []
        scores = similarities(wanted, _rows(fit, papers))
        return [papers[number].id for number in by_score(papers, scores)]


def _rows(fit: Fit, papers: Sequence[Paper]) -> csr_matrix:
    """Return ``(n_papers, n_terms)`` rows of a few hundred papers, most of which the fit has."""
    return fit.rows_of(papers).terms


def _as_paper(text: str) -> Paper:
    # What is looked for is weighed as if it were a title.
    return Paper(id="", title=text, abstract="", authors=(), categories=(), announced=date.min)


def _is_within(paper: Paper, within: Within) -> bool:
    days = (within.since or date.min) <= paper.announced <= (within.until or date.max)
    return days and in_categories(paper, within.categories)
