"""How arXiv writes categories, authors and days."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, tzinfo
from email.utils import parsedate_to_datetime

from digestbot.sources.text import one_line

_AFFILIATION = re.compile(r"\s*\([^()]*(?:\([^()]*\)[^()]*)*\)")
_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.[A-Za-z]+(?:-[A-Za-z]+)*)?")
_UNPADDED = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)(.*?)\s*\Z", re.DOTALL)
# The archives that make up the group "physics": arxiv.org/category_taxonomy.
_PHYSICS: tuple[str, ...] = (
    "astro-ph",
    "cond-mat",
    "gr-qc",
    "hep-ex",
    "hep-lat",
    "hep-ph",
    "hep-th",
    "math-ph",
    "nlin",
)
_PHYSICS += ("nucl-ex", "nucl-th", "physics", "quant-ph")


def split_authors(text: str) -> tuple[str, ...]:
    """Return the names in one text, with commas between names and inside affiliations."""
    names = re.split(r",| and ", _AFFILIATION.sub("", one_line(text)))
    return tuple(name for part in names if (name := part.removeprefix("and ").strip(" ;")) and name != ":")


def is_category(term: str) -> bool:
    """Return whether a term is arXiv's own; the API mixes those of the ACM and the MSC in."""
    return _CATEGORY.fullmatch(term) is not None


def belongs(category: str, asked: str) -> bool:
    """Return whether a category is the one that was asked for, or one of that archive: ``cs.LG`` of ``cs``."""
    category, asked = category.lower(), asked.lower()
    return category == asked or category.startswith(f"{asked}.")


def wanted(categories: Sequence[str], asked: Collection[str], *, cross_lists: bool) -> bool:
    """Return whether a paper of these categories, its primary one first, was asked for."""
    counted = categories if cross_lists else categories[:1]
    return any(belongs(category, one) for category in counted for one in asked)


def oai_set(category: str) -> str:
    """Return the set of OAI-PMH that holds a category: ``cs:cs:LG``, ``physics:hep-th``, ``math:math``."""
    archive, _, subject = category.partition(".")
    archive = archive.lower()
    group = "physics" if archive in _PHYSICS else archive
    # Subjects are two capitals, save those of physics and condensed matter, which are words.
    named = subject.upper() if len(subject) == 2 else subject.lower()
    return ":".join([group, archive, *([named] if subject else [])])


def moment_of(text: str) -> datetime | None:
    """Return the time that a text tells, padded or not, ISO 8601 or RFC 822; naive when it names no zone.

    ``None`` when it tells none.
    """
    found = _UNPADDED.match(text)
    try:
        if found:
            year, month, day, rest = found.groups()
            moment = datetime.fromisoformat(f"{year}-{int(month):02}-{int(day):02}{rest}")
        else:
            moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # arXiv began in 1991; far from that, days cannot be counted on any more.
    return moment if 1900 <= moment.year <= 2900 else None


def day_of(text: str, zone: tzinfo) -> date | None:
    """Return the day, on a calendar of ``zone``, that a text tells; a time without a zone is read as local."""
    moment = moment_of(text)
    return moment and (moment.astimezone(zone) if moment.tzinfo else moment).date()


def instant_of(text: str) -> datetime | None:
    """Return the instant that a text tells; a time without a zone is read as UTC. ``None`` when it tells none."""
    moment = moment_of(text)
    return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
