"""arXiv's categories, how a query names them, and the OAI sets they are in."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

FOLLOWED = (
    "cs.AI",
    "cs.CL",
    "cs.CV",
    "cs.IR",
    "cs.LG",
    "stat.ML",
    "math.OC",
    "math.NA",
    "q-bio.NC",
    "eess.IV",
    "hep-th",
    "quant-ph",
    "physics.optics",
)

# Enough of the others that a test may ask for them; what stands in neither list is unknown to arXiv.
OTHERS = (
    "astro-ph.GA",
    "cond-mat.soft",
    "cs.CR",
    "cs.DL",
    "cs.HC",
    "cs.NE",
    "cs.RO",
    "cs.SE",
    "econ.EM",
    "gr-qc",
    "hep-ex",
    "math.GT",
    "math.ST",
    "nlin.CD",
    "q-bio.GN",
    "q-fin.ST",
    "stat.ME",
)

KNOWN = (*FOLLOWED, *OTHERS)

_PHYSICS = frozenset(
    [
        "astro-ph",
        "cond-mat",
        "gr-qc",
        "hep-ex",
        "hep-lat",
        "hep-ph",
        "hep-th",
        "math-ph",
        "nlin",
        "nucl-ex",
        "nucl-th",
        "physics",
        "quant-ph",
    ]
)


def archive(category: str) -> str:
    return category.partition(".")[0]


def named(query: str, known: Collection[str] = KNOWN) -> str | None:
    """Return the category or archive that a part of a query names, whatever its case; ``None`` if there is none."""
    names = {name.lower(): name for category in known for name in (archive(category), category)}
    return names.get(query.lower())


def falls(category: str, asked: Collection[str]) -> bool:
    """Return whether a category is among those asked for, by its own name or by its archive's."""
    return category in asked or archive(category) in asked


@lru_cache(maxsize=1024)
def set_of(category: str) -> str:
    """Return the set of a category: ``group:archive:CATEGORY``, without the archive's name where it is the category."""
    whole, _, part = category.partition(".")
    group = "physics" if whole in _PHYSICS else whole
    return ":".join((group, whole, part) if part else (group, whole))


@lru_cache(maxsize=4096)
def sets_of(categories: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(set_of(category) for category in categories))


def in_set(categories: tuple[str, ...], asked: str) -> bool:
    """Return whether any listed category is in a set; ``cs`` and ``cs:cs`` hold ``cs:cs:AI``."""
    return any(f"{name}:".startswith(f"{asked}:") for name in sets_of(categories))
