"""Papers as they are named on the command line: by an id or an address, and fetched where that says enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from digestbot.cli.installation import Installation
from digestbot.cli.times import utc_now
from digestbot.errors import NotFoundError

if TYPE_CHECKING:
    from digestbot.models import PaperId


def named_papers(texts: Iterable[str]) -> tuple[PaperId, ...]:
    """Return the ids that are meant, each once; what names no paper of arXiv and no DOI is an id already."""
    from digestbot.identifiers import paper_id

    return tuple(dict.fromkeys(paper_id(text) or text.strip() for text in texts))


def fetch_missing(installation: Installation, papers: Iterable[PaperId]) -> None:
    """Store those of the papers that are of arXiv and were never loaded.

    Raises ``NotFoundError`` for what is not here then, naming it, and ``SourceError`` when arXiv cannot be asked.
    """
    from digestbot.identifiers import arxiv_id

    wanted = list(papers)
    known = installation.store.papers.known(wanted)
    missing = [paper for paper in wanted if paper not in known]
    elsewhere = [paper for paper in missing if arxiv_id(paper) != paper]
    if elsewhere:
        raise NotFoundError(f"{', '.join(elsewhere)}: there is no such paper here; load it first")
    if missing:
        asyncio.run(_fetch(installation, missing))


async def _fetch(installation: Installation, papers: list[PaperId]) -> None:
    """Store papers that arXiv knows, of the day they were announced: no digest has them unless that is new."""
    from digestbot.cli.asking import arxiv_api, client

    settings = installation.settings
    found = await arxiv_api(settings, client(settings)).papers(papers)
    unknown = [paper for paper in papers if paper not in found]
    if unknown:
        raise NotFoundError(f"{', '.join(unknown)}: arXiv knows no such paper")
    installation.store.papers.add(found.values(), utc_now())
