"""One thing and several of it are the same word to who follows it: model and models, matrix and matrices."""

from __future__ import annotations

# What ends like a plural and is another word than what is left without it.
_NO_PLURALS = frozenset(("news",))
# Words in -ics name subjects (semantics is not "semantic"), save these.
_PLURALS_IN_ICS = frozenset(
    ("characteristics", "clinics", "critics", "fabrics", "heuristics", "logics", "metrics", "statistics", "topics")
)
_SHORTEST = 4
_HISSING = ("s", "x", "z", "ch", "sh", "o")


def forms_of(word: str) -> tuple[str, ...]:
    """Return a folded word with what may be its singular or plural, itself first; no real words, some of them."""
    plurals = [word + "s", word + "es"]
    if word.endswith("y"):
        plurals.append(word[:-1] + "ies")
    elif word.endswith("is"):
        plurals.append(word[:-2] + "es")
    elif word.endswith(("ix", "ex")):
        plurals.append(word[:-2] + "ices")
    # Asking the other way round makes it mutual.
    return (word, *_singulars(word), *(plural for plural in plurals if word in _singulars(plural)))


def _singulars(word: str) -> tuple[str, ...]:
    if len(word) < _SHORTEST or not word.endswith("s") or word.endswith("ss") or word in _NO_PLURALS:
        return ()
    if word.endswith("ics") and word not in _PLURALS_IN_ICS:
        return ()
    found = [word[:-1]]
    if word.endswith("es"):
        stem = word[:-2]
        if stem.endswith(_HISSING):
            found.append(stem)
        if stem.endswith(("s", "x")):
            found.append(stem + "is")
        if stem.endswith("i"):
            found.append(stem[:-1] + "y")
        if stem.endswith("ic"):
            found += [stem[:-2] + "ix", stem[:-2] + "ex"]
    return tuple(found)
