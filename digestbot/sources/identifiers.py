"""Ids of papers. Text throughout: 2503.02130 is not 2503.0213."""

from __future__ import annotations

import re
from urllib.parse import quote

from digestbot.models import PaperId

_ARXIV = re.compile(
    r"(?:oai:arXiv\.org:|https?://arxiv\.org/(?:abs|pdf)/|ar[Xx]iv:)?"
    r"([a-z-]+(?:\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?\Z",
    re.ASCII,
)


def arxiv_id(text: str) -> PaperId | None:
    """Return the id of the paper that an arXiv id or address names, whatever its version; ``None`` if none.

    Old ids may carry a subject class that is not part of them: info.arxiv.org/help/arxiv_identifier.html.
    """
    found = _ARXIV.match(text.strip())
    return "arxiv:" + re.sub(r"\.[A-Z]{2}/", "/", found.group(1)) if found else None


def address_of(identifier: PaperId) -> str:
    """Return the page that a paper id stands for, empty when the id alone does not tell."""
    if identifier.startswith("arxiv:") and arxiv_id(identifier) == identifier:
        return f"https://arxiv.org/abs/{identifier.removeprefix('arxiv:')}"
    if identifier.startswith("doi:10."):
        return "https://doi.org/" + quote(identifier.removeprefix("doi:"), safe="/:;().,-_~")
    return ""
