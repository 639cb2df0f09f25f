"""Names of authors, however they are written: who may be whom.

``Ada M. Quill``, ``Quill, Ada`` and ``A. Quill`` may be one person; ``Ada K. Quill`` is not ``Ada M. Quill``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from digestbot.ranking.folding import fold, is_eastern

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
# An apostrophe is no end of a name (O'Brien), a hyphen inside one is part of it.
_APOSTROPHES = str.maketrans("", "", "'`\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}ʼʻ")
_BETWEEN = re.compile(r"(?:[^\w-]|_|(?<!\w)-|-(?!\w))+")
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_GROUPS = frozenset(("collaboration", "community", "consortium", "group", "team"))
_BEFORE_FAMILY = """
af al bin da das de del della den der di do dos du el ibn la le ten ter van vom von zu zum zur
"""
_PARTICLES = frozenset(_BEFORE_FAMILY.split())


class Name(NamedTuple):
    """A folded name.

    ``given`` are the given and middle names, hyphens left out; ``parts`` the same, taken apart at hyphens; ``whole`` is
    everything without blanks, which the order of family and given name does not change.
    """

    given: tuple[str, ...]
    parts: tuple[str, ...]
    particles: tuple[str, ...]
    family: str
    whole: str


def parse_name(text: str) -> Name | None:
    """Read a name, family name last or before a comma; ``None`` when no word is in it."""
    folded = fold(text)
    if "(" in folded or "[" in folded:
        folded = _BRACKETS.sub(" ", folded)
    family, comma, given = folded.partition(",")
    units = _without_suffixes(_units(family))
    eastern = is_eastern(folded)
    if comma:
        behind = _units(given)
        if not _SUFFIXES.issuperset(behind):
            before = _without_suffixes(behind)
            units = units + before if eastern else before + units
    if not units:
        return None
    if units[0] == "the" and len(units) > 1:
        units = units[1:]
    whole = "".join(units).replace("-", "")
    if eastern:
        units = units[1:] + units[:1]
    elif units[-1] in _GROUPS:
        # A group is known by its whole name: that it is a team says nothing.
        return Name((), (), (), whole, whole)
    first = len(units) - 1
    # The first name is a given name, whatever it looks like: Di Wang.
    while first > 1 and units[first - 1] in _PARTICLES:
        first -= 1
    given_names, particles, family = tuple(units[:first]), tuple(units[first:-1]), units[-1]
    if "-" not in folded:
        return Name(given_names, given_names, particles, family, whole)
    parts = tuple(part for unit in given_names for part in unit.split("-"))
    return Name(tuple(map(_joined, given_names)), parts, particles, _joined(family), whole)


def readings(text: str) -> tuple[Name, ...]:
    """Return what somebody may mean by a name: ``van der Berg`` may be all family name, or begin with a given one."""
    name = parse_name(text)
    if name is None:
        return ()
    leading = (*name.given, *name.particles)
    if name.given and all(word in _PARTICLES for word in leading):
        return (name, name._replace(given=(), parts=(), particles=leading))
    return (name,)


def is_initial(name: str) -> bool:
    """Return whether this stands for a longer name."""
    return len(name) == 1 and not is_eastern(name)


def may_be(followed: Name, author: Name) -> bool:
    """Return whether an author of the same family name may be who is followed.

    An initial stands for every name that begins with it, a middle name may be left out, and so may the particles where
    somebody says whom to follow.
    """
    if followed.particles and followed.particles != author.particles:
        return False
    if not followed.given:
        return True
    if not author.given:
        return False
    if followed.given[0] == author.given[0]:
        pairs = zip(followed.given, author.given, strict=False)
    elif is_initial(followed.given[0]) or is_initial(author.given[0]):
        # Wei-Chen is W.-C., but not W.-H.
        pairs = zip(followed.parts, author.parts, strict=False)
    else:
        return False
    return all(one == other or _stands_for(one, other) or _stands_for(other, one) for one, other in pairs)


def _stands_for(initial: str, name: str) -> bool:
    return is_initial(initial) and name.startswith(initial)


def _joined(unit: str) -> str:
    return unit.replace("-", "")


def _units(text: str) -> list[str]:
    """Return the single names of a folded text, hyphens and all."""
    units = text.split()
    if all(map(str.isalpha, units)):
        return units
    return _BETWEEN.sub(" ", text.translate(_APOSTROPHES)).split()


def _without_suffixes(units: list[str]) -> list[str]:
    while len(units) > 1 and units[-1] in _SUFFIXES:
        units = units[:-1]
    return units
