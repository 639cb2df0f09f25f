"""Terms as their papers write them: what ranks knows small letters only. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from digestbot.models import Paper

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def as_written(term: str, paper: Paper) -> str:
    """Return a term with the capitals that its paper spells words with: ``VLMs`` for ``vlms``.

    A capital at the beginning alone is none of these: in a title it says nothing, not even behind a hyphen.
    """
    capitals = _capitals(paper.title, paper.abstract)
    return " ".join(capitals.get(word, word) for word in term.split(" ")) if capitals else term


@lru_cache(maxsize=4096)
def _capitals(*texts: str) -> dict[str, str]:
    """Return the words that are spelt with capitals, by how they are in small letters; the first of each."""
    found: dict[str, str] = {}
    for text in texts:
        # A title of nothing but capitals spells no word.
        if text.isupper():
            continue
        for word in _WORD.findall(text):
            spelt = "-".join(part if _is_spelt(part) else part.lower() for part in word.split("-"))
            if spelt != word.lower():
                found.setdefault(word.lower(), spelt)
    return found


def _is_spelt(part: str) -> bool:
    """Return whether capitals belong to it: ``mRNA``, ``QA`` and ``T5``, and not ``Augmented`` or ``A``."""
    return part[1:] != part[1:].lower() or (len(part) > 1 and part.isupper())
