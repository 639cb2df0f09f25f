"""Molds: what a template makes of the same values in many mails, with places for those that differ.

A template is rendered once with places for some of its values, and filled for each mail. A place can be printed and
nothing else, so a template that asks one anything (by a filter, a condition, a sentence that it stands in) has no mold
and is rendered each time. What a mold gives is what the template gives: each is tried before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby
from typing import Any, NoReturn, TypeAlias

from digestbot.digest.pieces import Pieces, Shared
from digestbot.errors import RenderError

Render: TypeAlias = Callable[[Mapping[str, Any]], str]
Fill: TypeAlias = Callable[[Mapping[str, Any]], Pieces]

_MARK = re.compile("\0([a-z_]+)\0")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class Place:
    """Stands for a value that is not known yet."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(f"{self.name} is not known yet")

    # What every object has. All else there is to ask a value for, a place lacks.
    __bool__ = __eq__ = __ne__ = __hash__ = __str__ = __repr__ = __format__ = _refuse


def printed(value: Any) -> Any:
    """Return what is printed of a value: the ``finalize`` of an environment whose templates are given places."""
    return f"\0{value.name}\0" if isinstance(value, Place) else value


def filling(ordinary: Render, placed: Render, trial: Mapping[str, Any], write: Callable[[Any], str]) -> Fill:
    """Return what gives the same as ``ordinary``, by a mold where its template can be molded.

    ``placed`` is the same template in an environment that prints places, ``write`` what such a template writes of a
    value. ``trial`` names all values that differ; texts in it are to be long, so that what folds them shows.
    """
    try:
        mold = _Mold(placed({name: Place(name) for name in trial}), trial, write)
        # A block that is captured and filtered alters marks, or folds lines by them; a text may hold one itself.
        if str(mold.filled(trial)) == ordinary(trial):
            return mold.filled
    except (RenderError, KeyError):
        pass
    return lambda values: Pieces([ordinary(values)])


class _Mold:
    """What a template made of places; a line with one is a piece of its own, the lines between are shared."""

    def __init__(self, made: str, known: Mapping[str, Any], write: Callable[[Any], str]) -> None:
        self._write = write
        self._pieces: list[str] = []
        self._forms: list[tuple[int, str]] = []
        self._nested: list[tuple[int, str]] = []
        names: set[str] = set()
        for text, of_pieces in _by_places(made, [name for name in known if isinstance(known[name], Pieces)]):
            marks = _MARK.findall(text)
            if of_pieces:
                # The last first: what is put in there moves no other.
                self._nested.insert(0, (len(self._pieces), marks[0]))
            elif marks:
                self._forms.append((len(self._pieces), _MARK.sub(r"%(\1)s", text.replace("%", "%%"))))
                names.update(marks)
            self._pieces.append(Shared(text))
        self._names = sorted(names)

    def filled(self, values: Mapping[str, Any]) -> Pieces:
        pieces, write = self._pieces.copy(), self._write
        own = {name: write(values[name]) for name in self._names}
        for at, form in self._forms:
            pieces[at] = form % own
        for at, name in self._nested:
            pieces[at : at + 1] = values[name]
        return Pieces(pieces)


def _by_places(made: str, nested: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield the lines with places, and those without; and, as such, the places of whole lines of ``nested`` pieces."""
    apart = re.split(f"^(\0(?:{'|'.join(nested)})\0)", made, flags=re.MULTILINE) if nested else [made]
    for number, text in enumerate(apart):
        if number % 2:
            yield text, True
        else:
            for _, lines in groupby(_LINE.findall(text), lambda line: "\0" in line):
                yield "".join(lines), False
