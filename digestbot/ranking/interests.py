"""What a subscriber follows or mutes: authors, words and phrases as they are typed. Without numpy, for the edges."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from digestbot.errors import UsageError
from digestbot.ranking.folding import words_of

Kind: TypeAlias = Literal["author", "word", "either"]

LONGEST = 100
_PREFIX = re.compile(r"\s*(author|word)\s*:(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Interest:
    """An author, a word or phrase, or a text that may be ``either``.

    ``words`` are folded and tell interests apart: two that differ in case, accents or hyphens are equal.
    """

    kind: Kind
    words: tuple[str, ...]
    text: str = field(compare=False)

    @property
    def canonical(self) -> str:
        """The one way to write it, which ``parse`` reads back: ``author:Ada Quill``."""
        return self.text if self.kind == "either" else f"{self.kind}:{self.text}"


def parse(text: str) -> Interest:
    """Read ``author:NAME``, ``word:TEXT``, or a text that is either. Raises ``UsageError`` for anything else."""
    if text.splitlines() not in ([], [text]):
        raise UsageError(f"'{_start(text)}' has a line break; follow or mute one thing at a time")
    kind: Kind = "either"
    said = text
    if found := _PREFIX.fullmatch(text):
        kind = "author" if found.group(1).lower() == "author" else "word"
        said = found.group(2)
    said = unicodedata.normalize("NFC", " ".join(said.split()))
    interest = Interest(kind, tuple(words_of(said)), said)
    if not said.isprintable():
        raise UsageError(f"'{_start(text)}' has a character that cannot be shown; type it again")
    if not interest.words:
        raise UsageError(f"'{_start(text)}' has no word in it; name an author or a topic, such as author:Ada Quill")
    if len(interest.canonical) > LONGEST:
        raise UsageError(f"'{_start(text)}' is too long to follow or mute; at most {LONGEST} characters")
    return interest


def _start(text: str) -> str:
    shown = "".join(character if character.isprintable() else " " for character in text[:40])
    return shown + ("..." if len(text) > len(shown) else "")
