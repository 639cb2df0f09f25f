"""What people type to find papers, taken apart. Pure.

Words that must all be there, ``"phrases"``, ``author:name``, ``category:cs.CL``, ids and addresses of papers; ``-``
before a part excludes it, ``*`` behind it stands for any ending. Everything else is text, and no text is an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from digestbot.identifiers import paper_id
from digestbot.models import PaperId

Place: TypeAlias = Literal["anywhere", "authors", "categories"]

_PLACES: dict[str, Place] = {"author": "authors", "category": "categories"}
# A quotation mark that is never closed stands for nothing.
_PART = re.compile(
    r"(?:(?<!\S)(?P<minus>-))?(?:(?P<field>author|category):)?"
    r'(?:"(?P<phrase>[^"]*)"(?P<star>\*)?|(?P<word>[^\s"]+))',
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))
# An id of a source of ours, such as ``lab-notes:31``.
_ID = re.compile(r"[^\s:]+:\S+")
# More than anybody types; what is pasted is found by its first words.
_MOST_PARTS = 64
_MOST_IDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Words that stand together, where they may stand, and whether papers with them are wanted.

    Of an ``exact`` part other forms do not count; with an ``open_end`` it goes on after its last word with anything.
    """

    words: tuple[str, ...]
    place: Place = "anywhere"
    exact: bool = False
    open_end: bool = False
    excluded: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The parts, and the ids of papers that the text may name."""

    parts: tuple[Part, ...]
    ids: tuple[PaperId, ...]

    @property
    def text(self) -> str:
        """The words of what is looked for, as they were typed, without authors, categories and open ends."""
        return " ".join(
            part.text for part in self.parts if part.place == "anywhere" and not (part.excluded or part.open_end)
        )


def parse(text: str) -> Query:
    """Return what a text asks for; of one without a word in it, nothing."""
    parts = dict.fromkeys(part for part in _parts(text) if part.words)
    ids = dict.fromkeys(_ids(text))
    return Query(parts=tuple(parts)[:_MOST_PARTS], ids=tuple(ids)[:_MOST_IDS])


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, as many as a part may have."""
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text)))[:_MOST_PARTS]


def forms(word: str) -> tuple[str, ...]:
    """Return a word and what is most likely its English plural or singular: ``robot``, ``robots``."""
    word = word.lower()
    if len(word) < 3 or not word.isalpha():
        return (word,)
    if word.endswith("s"):
        return (word, *_singular(word))
    if word.endswith("y") and word[-2] not in "aeiou":
        return word, word[:-1] + "ies"
    return word, word + ("es" if word.endswith(("x", "z", "ch", "sh")) else "s")


def _singular(word: str) -> tuple[str, ...]:
    if len(word) < 4 or word.endswith(("us", "is")):
        return ()
    if word.endswith("ss"):
        return (word + "es",)
    if word.endswith("ies"):
        return (word[:-3] + "y",)
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        # "Boxes" is of "box", "caches" of "cache".
        return word[:-2], word[:-1]
    return (word[:-1],)


def _parts(text: str) -> Iterator[Part]:
    for found in _PART.finditer(text.translate(_QUOTES)):
        phrase, word, field = found["phrase"], found["word"], found["field"]
        typed = cast(str, word if phrase is None else phrase)
        place: Place = _PLACES[field.lower()] if field else "anywhere"
        yield Part(
            words=words_of(_given_first(typed) if place == "authors" else typed),
            place=place,
            exact=phrase is not None,
            open_end=bool(found["star"]) if phrase is not None else typed.endswith("*"),
            excluded=bool(found["minus"]),
            text=typed,
        )


def _given_first(name: str) -> str:
    """Return ``Quill, Ada`` as ``Ada Quill``, the way sources write names."""
    family, _, given = name.partition(",")
    return f"{given} {family}"


def _ids(text: str) -> Iterator[PaperId]:
    # A DOI may be typed with a blank in front of it: "doi: 10.5555/1".
    for typed in (text.strip(), *text.split()):
        if (named := paper_id(typed)) is not None:
            yield named
        elif typed.isprintable() and _ID.fullmatch(typed):
            yield typed
