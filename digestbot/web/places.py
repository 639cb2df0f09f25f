"""Where a paper can be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digestbot.digest.words import ENGLISH, Words
from digestbot.identifiers import address_of, arxiv_id, doi_of, site_of
from digestbot.models import Paper


def places(paper: Paper, words: Words = ENGLISH) -> dict[str, str]:
    """Return the addresses of a paper, the best first, with the name of each; no two have the same name."""
    found: dict[str, str] = {}
    for url, name in _places(paper, words):
        # What is no address of the web is no link, whatever a source says.
        if url.startswith(("https://", "http://")) and name not in found.values():
            found.setdefault(url, name)
    return found


def _places(paper: Paper, words: Words) -> Iterator[tuple[str, str]]:
    site = site_of(paper.url)
    # An address of doi.org leads where the DOI does.
    if site != "doi.org":
        read = words.gettext("Read on %(site)s") % {"site": site} if site else words.gettext("Read on the web")
        yield paper.url, read
    number = arxiv_id(paper.id)
    yield paper.pdf_url or (f"https://arxiv.org/pdf/{number.removeprefix('arxiv:')}" if number else ""), "PDF"
    for doi in _dois(paper):
        yield address_of(f"doi:{doi}"), f"DOI {doi}"
    for link in paper.links:
        yield link, site_of(link) or words.gettext("Another page")


def _dois(paper: Paper) -> Iterator[str]:
    for text in (paper.id.removeprefix("doi:"), *re.split(r"[,;\s]+", paper.doi)):
        doi = doi_of(text)
        # arXiv's own lead to the page that stands first.
        if doi is not None and arxiv_id(doi) is None:
            yield doi
