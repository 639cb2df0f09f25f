"""Which papers are the same but for a few words."""

from __future__ import annotations

import re

# Of texts so much alike one is the other with a few words changed.
ALIKE = 0.9
# How many words of a title may be others in a retelling: one, or of a long title this share.
_OTHER_WORDS = 0.1
_WORD = re.compile(r"\w+")
_NUMBERING = re.compile(r"\d|^[ivx]+$|^.$")


def words_of_title(title: str) -> frozenset[str]:
    """Return what two titles are compared by."""
    return frozenset(_WORD.findall(title.casefold()))


def is_retold(words: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether two papers of alike texts are one, by the words of their titles; parts of a series are not."""
    if any(map(_NUMBERING.search, words ^ others)):
        return False
    most = max(1.0, _OTHER_WORDS * max(len(words), len(others)))
    return len(words - others) <= most and len(others - words) <= most
