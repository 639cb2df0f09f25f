"""The languages of mails and pages: the sentences of each, and how it writes days and numbers.

English is what stands in the code; what a catalogue lacks is said in it.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from digestbot.models import LANGUAGES

_CATALOGUES = Path(__file__).resolve().parent.parent / "locale"
# A day stands in many mails, and Babel takes its time.
_DAYS_KEPT = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """One language: what it says for an English sentence, one of a number of things included, its days and numbers.

    ``long_day`` gives a day with weekday and year, ``day`` one with the year alone, ``short_day`` one with neither.
    There is one of each language, so that caches tell them apart at once.
    """

    language: str
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]
    long_day: Callable[[date], str]
    day: Callable[[date], str]
    short_day: Callable[[date], str]
    weekday: Callable[[date], str]
    number: Callable[[int], str]


def words_of(language: str) -> Words:
    """Return the words of a language; those of one that is not there (any more) are English."""
    return _loaded(language) if language != ENGLISH.language and language in LANGUAGES else ENGLISH


@lru_cache(maxsize=len(LANGUAGES))
def _loaded(language: str) -> Words:
    # Who mails in English only need not wait for it.
    from babel import Locale  # noqa: PLC0415 - as said
    from babel.dates import format_date, format_skeleton  # noqa: PLC0415 - as said
    from babel.numbers import format_decimal  # noqa: PLC0415 - as said

    catalogue, locale = gettext.translation("digestbot", _CATALOGUES, [language]), Locale.parse(language)
    keep = lru_cache(maxsize=_DAYS_KEPT)
    return Words(
        language=language,
        gettext=catalogue.gettext,
        ngettext=catalogue.ngettext,
        long_day=keep(lambda day: format_date(day, "full", locale)),
        day=keep(lambda day: format_date(day, "long", locale)),
        short_day=keep(lambda day: format_skeleton("MMMMd", day, locale=locale)),
        weekday=keep(lambda day: format_date(day, "EEEE", locale)),
        number=lambda number: format_decimal(number, locale=locale),
    )


# As people write days who are neither British nor American.
ENGLISH = Words(
    language="en",
    gettext=gettext.NullTranslations().gettext,
    ngettext=gettext.NullTranslations().ngettext,
    long_day=lambda day: f"{day:%A}, {day.day} {day:%B %Y}",
    day=lambda day: f"{day.day} {day:%B %Y}",
    short_day=lambda day: f"{day.day} {day:%B}",
    weekday=lambda day: f"{day:%A}",
    number=lambda number: f"{number:,}",
)
