"""Where a paper can be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digestbot.identifiers import address_of, arxiv_id, doi_of, site_of
from digestbot.models import Paper


def places(paper: Paper) -> dict[str, str]:
    """Return the addresses of a paper, the best first, with the few words of each; no two have the same words."""
    found: dict[str, str] = {}
    for url, words in _places(paper):
        # What is no address of the web is no link, whatever a source says.
        if url.startswith(("https://", "http://")) and words not in found.values():
            found.setdefault(url, words)
    return found


def _places(paper: Paper) -> Iterator[tuple[str, str]]:
    site = _site(paper.url)
    # An address of doi.org leads where the DOI does.
    if site != "doi.org":
        yield paper.url, f"Read on {site}"
    number = arxiv_id(paper.id)
    yield paper.pdf_url or (f"https://arxiv.org/pdf/{number.removeprefix('arxiv:')}" if number else ""), "PDF"
    for doi in _dois(paper):
        yield address_of(f"doi:{doi}"), f"DOI {doi}"
    for link in paper.links:
        yield link, _site(link)


def _dois(paper: Paper) -> Iterator[str]:
    for text in (paper.id.removeprefix("doi:"), *re.split(r"[,;\s]+", paper.doi)):
        doi = doi_of(text)
        # arXiv's own lead to the page that stands first.
        if doi is not None and arxiv_id(doi) is None:
            yield doi


def _site(url: str) -> str:
    return site_of(url) or "the web"
