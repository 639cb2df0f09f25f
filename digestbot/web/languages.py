"""Which language a page speaks that belongs to no reader of ours: the one that the browser asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from starlette.requests import Request

from digestbot.digest.words import ENGLISH, Words, words_of
from digestbot.models import LANGUAGES

# A weight is at most 1, with at most three decimals (RFC 9110, section 12.4.2).
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII | re.IGNORECASE)


def asked_for(request: Request) -> Words:
    """Return the words of the language that a request asks for."""
    return words_of(preferred(",".join(request.headers.getlist("accept-language"))))


def preferred(header: str) -> str:
    """Return which of our languages an ``Accept-Language`` header wants most (RFC 9110, section 12.5.4).

    ``de-AT`` wants ``de``. Of languages wanted as much as one another it is the one that is named first; English where
    nothing fits.
    """
    wanted: dict[str, float] = {}
    for language, weight in _ranges(header):
        wanted[language] = max(weight, wanted.get(language, 0.0))
    others = wanted.get("*", 0.0)
    # In the order of the header, then in ours.
    known = dict.fromkeys([*(one for one in wanted if one in LANGUAGES), *LANGUAGES])
    best = max(known, key=lambda one: wanted.get(one, others))
    return best if wanted.get(best, others) > 0 else ENGLISH.language


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        tag, semicolon, parameter = part.partition(";")
        weight = _WEIGHT.fullmatch(parameter.strip())
        # What cannot be read was not asked for.
        if tag.strip() and (weight or not semicolon):
            yield tag.strip().lower().partition("-")[0], float(weight[1]) if weight else 1.0
