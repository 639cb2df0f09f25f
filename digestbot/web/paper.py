"""The page of a paper: what it says, where it is, and what resembles it. The same for everybody; it records nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from digestbot.digest import wording
from digestbot.digest.readable import readable
from digestbot.digest.words import Words
from digestbot.identifiers import paper_id
from digestbot.models import Paper, PaperId
from digestbot.web.languages import asked_for
from digestbot.web.pages import Pages
from digestbot.web.places import places
from digestbot.web.similar import Resembling, SimilarPapers

_MOST_AUTHORS = 30
# A browser may show the page again for five minutes: as long as what resembles it is kept.
_FRESH = {"Cache-Control": "max-age=300"}


class PaperStore(Protocol):
    """Reads papers by any id that they have or had."""

    def get(self, ids: Sequence[PaperId]) -> Mapping[PaperId, Paper]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPages:
    """What the pages of papers work with."""

    papers: PaperStore
    similar: SimilarPapers


async def show(request: Request) -> Response:
    """GET and HEAD show a paper, by the id that it has; the others that name it lead there."""
    pages: Pages = request.app.state.pages
    shelf: PaperPages = request.app.state.paper_pages
    words = asked_for(request)
    paper = await run_in_threadpool(_find, pages, shelf, words, request.path_params["identifier"])
    if isinstance(paper, Response):
        return paper
    resembling = await shelf.similar.of(paper, pages.clock())
    return await run_in_threadpool(_page, pages, shelf, words, paper, resembling)


def _find(pages: Pages, shelf: PaperPages, words: Words, asked: str) -> Paper | Response:
    found = _stored(shelf, asked)
    if found is None:
        return pages.say(
            words,
            words.gettext("There is no such paper here"),
            words.gettext("It was never loaded, or the address is not complete. Try the link in the mail once more."),
            status=404,
        )
    if found.id == asked:
        return found
    answer = pages.say(
        words,
        words.gettext("This paper has another address"),
        words.gettext("It is known here by a better id now."),
        status=301,
    )
    # The whole address, since digestbot may be served below a path that it does not see.
    answer.headers.update({"Location": pages.links.paper(found.id), **_FRESH})
    return answer


def _stored(shelf: PaperPages, asked: str) -> Paper | None:
    """Return the paper with this id; also by a form of an arXiv id or a DOI that somebody typed."""
    names = list(dict.fromkeys([asked, paper_id(asked) or asked]))
    found = shelf.papers.get(names)
    return next((found[name] for name in names if name in found), None)


def _page(pages: Pages, shelf: PaperPages, words: Words, paper: Paper, resembling: Resembling) -> Response:
    terms = {one.id: one.terms for one in resembling.papers}
    # By the ids they had when they were found: since then one may have become part of another.
    stored = shelf.papers.get(list(terms)) if terms else {}
    others = {stored[old].id: (stored[old], terms[old]) for old in terms if old in stored}
    answer = pages.show(
        "paper",
        words,
        title=wording.title(paper),
        authors=", ".join(paper.authors[:_MOST_AUTHORS]),
        more_authors=max(0, len(paper.authors) - _MOST_AUTHORS),
        meta=" · ".join(filter(None, [wording.source(paper), ", ".join(paper.categories), words.day(paper.announced)])),
        abstract=readable(paper.abstract),
        comment=readable(paper.comment),
        places=places(paper, words),
        state=resembling.state,
        similar=[_row(pages, words, other, shared) for other, shared in others.values()],
    )
    if resembling.state == "found":
        answer.headers.update(_FRESH)
    return answer


def _row(pages: Pages, words: Words, paper: Paper, terms: Sequence[str]) -> dict[str, Any]:
    return {
        "title": wording.shorten(wording.title(paper), 300),
        "url": pages.links.paper(paper.id),
        "authors": wording.shorten(wording.author_line(paper.authors), 300),
        "meta": " · ".join([*paper.categories[:1], words.day(paper.announced)]),
        # What stays together on a line.
        "terms": " · ".join(term.replace(" ", "\N{NO-BREAK SPACE}") for term in terms),
    }
