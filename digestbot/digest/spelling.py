"""Terms as their papers write them: what ranks knows small letters only. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from digestbot.models import Paper

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def as_written(term: str, paper: Paper) -> str:
    """Return a term with the capitals that its paper writes inside words: ``VLMs`` for ``vlms``."""
    capitals = _capitals(paper.title, paper.abstract)
    return " ".join(capitals.get(word, word) for word in term.split(" ")) if capitals else term


@lru_cache(maxsize=4096)
def _capitals(*texts: str) -> dict[str, str]:
    """Return the words with capitals behind their first letter, by how they are in small letters; the first of each."""
    found: dict[str, str] = {}
    for text in texts:
        for word in _WORD.findall(text):
            if word[1:] != word[1:].lower():
                found.setdefault(word.lower(), word)
    return found
