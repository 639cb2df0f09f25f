"""From an entry of a bibliography, whatever its format, to a paper: its id, its day, its clean text. Pure."""

from __future__ import annotations

import calendar
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from digestbot.errors import SourceFormatError
from digestbot.identifiers import address_of, arxiv_id, doi_of, title_key
from digestbot.models import Paper, PaperId
from digestbot.sources import Skipped
from digestbot.sources.text import one_line, web_address, without_markup

# What the surrogateescape handler makes of bytes that are not UTF-8.
NOT_UTF_8 = re.compile("[\udc80-\udcff]")
MAX_ENTRY = 1_000_000
MAX_ENTRIES = 100_000
TOO_MANY = f"more than {MAX_ENTRIES:,} entries; split the file into several"
_MAX_ID = 300

_NUMBER = r"(?:[a-z-]{2,20}(?:\.[a-z]{2})?/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?"
# arxiv.org/abs/N, 10.48550/arXiv.N, arXiv:N, arXiv preprint arXiv:N, arXiv N, and CoRR's volume abs/N.
_ARXIV_WITHIN = re.compile(
    r"(?:arxiv(?:\.org/(?:abs|pdf|html)/|[\s.:]{1,3}(?:(?:preprint|e-prints?)[\s:,]{1,3}(?:arxiv[\s:]{1,3})?)?)"
    rf"|\babs/)({_NUMBER})(?!\d)",
    re.IGNORECASE | re.ASCII,
)
# A note that is an id and tells nothing about it: arXiv:N [cs], arXiv preprint arXiv:N, arXiv:N, 12 pages.
_ARXIV_NOTE = re.compile(
    rf"\(?(?:arxiv\s)?(?:(?:preprint|e-print)[\s,:]{{1,3}})?arxiv[\s:]{{1,3}}({_NUMBER})\s?(?:\[|[.,;)]|\Z)",
    re.IGNORECASE | re.ASCII,
)
_CLASS = re.compile(r"[a-z-]+(?:\.[A-Za-z-]+)?\Z")
# Archives that have classes: their bare name is no category, and old ids do not tell more.
_DIVIDED = frozenset(
    ("astro-ph", "cond-mat", "cs", "econ", "eess", "math", "nlin", "physics", "q-bio", "q-fin", "stat")
)

_DATE = re.compile(
    r"(?<!\d)(\d{4})(?!\d)(?:[-/.\s]{1,3}(\d{1,2}(?!\d)|[a-z]{3,9})(?:[-/.,\s~]{1,3}(\d{1,2})(?!\d))?)?",
    re.IGNORECASE | re.ASCII,
)
# No digest looks further back.
_PAST = timedelta(days=15)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_SUFFIX = re.compile(r"(?:[js]r|i{2,3}|iv)\.?\Z", re.IGNORECASE)
_MARKUP = re.compile(r"</[A-Za-z]|<[A-Za-z]+ ?/>|&(?:[A-Za-z]{2,8}|#\d{1,6});")
# A sign that opens no whole tag is a sign.
_LESS_THAN = re.compile(r"<(?!/?[A-Za-z][^<>]*>)")

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One entry of a bibliography, its format's own ways of writing already decoded.

    ``eprint`` is an id by itself; ``hints`` are texts in which an arXiv id may stand, the likeliest first; ``notes``
    are texts that may be an arXiv id, and may as well tell of other papers.
    ``dates`` are as written: ``2023-06-29``, ``2014//``, ``2020-jun``; the most exact one counts.
    """

    title: str
    abstract: str = ""
    authors: Sequence[str] = ()
    eprint: str = ""
    doi: str = ""
    url: str = ""
    hints: Sequence[str] = ()
    notes: Sequence[str] = ()
    dates: Sequence[str] = ()
    categories: Sequence[str] = ()


def papers(
    entries: Iterable[tuple[str, _Entry]], read: Callable[[_Entry], Reference], *, default_day: date
) -> Iterator[Paper | Skipped]:
    """Yield the paper of each entry, or why ``read`` or we could make none of it and the place where it stands."""
    for number, (place, entry) in enumerate(entries):
        if number == MAX_ENTRIES:
            raise SourceFormatError(f"{place}: {TOO_MANY}")
        try:
            yield paper_of(read(entry), default_day=default_day)
        except SourceFormatError as error:
            yield Skipped(place=place, problem=str(error))


def paper_of(reference: Reference, *, default_day: date) -> Paper:
    """Return the paper that an entry describes."""
    title = _clean(reference.title)
    if not title:
        raise SourceFormatError("no title")
    authors = tuple(name for author in reference.authors if (name := given_name_first(one_line(author))))
    doi = doi_of(one_line(reference.doi)) or _doi_within(reference.url)
    # Programs write several addresses into one field, separated by blanks.
    url = next(filter(None, map(web_address, one_line(reference.url).split())), "")
    identifier = identifier_named(
        doi=reference.doi, url=url, eprint=reference.eprint, hints=reference.hints, notes=reference.notes
    ) or _of_title(title, authors)
    return Paper(
        id=identifier,
        title=title,
        abstract=one_line(_clean(reference.abstract)),
        authors=authors,
        categories=tuple(dict.fromkeys(name for name in reference.categories if _is_category(name))),
        announced=_announced(reference.dates, identifier, default_day),
        url=url or address_of(identifier),
        doi=doi or "",
    )


def identifier_named(
    *, doi: str, url: str, eprint: str = "", hints: Sequence[str] = (), notes: Sequence[str] = ()
) -> PaperId:
    """Return the id that an entry's fields name, empty when they name none.

    In this order: eprint, arXiv's own DOI, an arXiv id in one of the hints or the address, or as one of the notes, a
    publisher's DOI.
    """
    doi, url = one_line(doi), one_line(url)
    named = arxiv_id(eprint) or next(filter(None, map(_arxiv_within, filter(None, (eprint, doi, *hints, url)))), None)
    named = named or next(filter(None, map(_arxiv_noted, notes)), None)
    if named is None and (publisher := doi_of(doi) or _doi_within(url)) is not None:
        named = f"doi:{publisher}"
    return named if named is not None and len(named) <= _MAX_ID else ""


def given_name_first(name: str) -> str:
    """Return ``Quill, Ada`` as ``Ada Quill``; ``Quill, Jr., Ada`` and ``Quill, Ada, Jr.`` as ``Ada Quill Jr.``."""
    family, *rest = [part.strip() for part in name.split(",")]
    rest.sort(key=lambda part: _SUFFIX.match(part) is not None)
    return " ".join(part for part in (*rest[:1], family, *rest[1:]) if part)


def text_of(content: bytes) -> str:
    """Return a file's text with one kind of line end; bytes that are not UTF-8 become lone surrogates."""
    return content.decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")


def check_size_and_encoding(entry: str) -> None:
    """Raise ``SourceFormatError`` for an entry that is too long or holds bytes that were not UTF-8."""
    if len(entry) > MAX_ENTRY:
        raise SourceFormatError(f"longer than {MAX_ENTRY:,} characters")
    if NOT_UTF_8.search(entry):
        raise SourceFormatError("not UTF-8; save the file as UTF-8")


def _clean(text: str) -> str:
    return without_markup(_LESS_THAN.sub("&lt;", text)) if _MARKUP.search(text) else one_line(text)


def _arxiv_within(text: str) -> PaperId | None:
    found = _ARXIV_WITHIN.search(text)
    return arxiv_id(found.group(1)) if found else None


def _arxiv_noted(text: str) -> PaperId | None:
    found = _ARXIV_NOTE.match(one_line(text))
    return arxiv_id(found.group(1)) if found else None


def _doi_within(url: str) -> str | None:
    return next(filter(None, (doi_of(part) for part in one_line(url).split() if "doi.org/" in part)), None)


def _of_title(title: str, authors: tuple[str, ...]) -> PaperId:
    key = title_key(title, authors)
    if not key:
        said = "|".join((title, *authors)).casefold()
        key = "title:" + hashlib.blake2b(said.encode(), digest_size=12).hexdigest()
    return "file:" + key.removeprefix("title:")


def _is_category(name: str) -> bool:
    return _CLASS.match(name) is not None and len(name) <= 40 and name not in _DIVIDED


def _announced(dates: Sequence[str], identifier: PaperId, default_day: date) -> date:
    """Return the day of the most exact date, never after ``default_day``.

    Of a year or month alone it is the last day, or the first while it is not over. What leaves the day open, or lies
    in the future, is too old for any digest: a library must not look like new papers. The id of an arXiv paper knows
    its month.
    """
    parts = max(map(_date_parts, dates), key=len, default=[])
    own = _month_of(identifier)
    if len(parts) < 2 and parts[:1] in ([], own[:1]):
        parts = own or parts
    past = default_day - _PAST
    if not parts:
        return past
    if len(parts) == 3:
        return day if (day := date(*parts)) <= default_day else past
    year, months = parts[0], parts[1:] or [1, 12]
    last = date(year, months[-1], calendar.monthrange(year, months[-1])[1])
    return min(last if last < default_day else date(year, months[0], 1), past)


def _date_parts(text: str) -> list[int]:
    """Return year, month and day as far as the text tells them and they exist."""
    found = _DATE.search(text)
    if found is None or int(found[1]) < 1400:
        return []
    year, month, day = int(found[1]), _month(found[2] or ""), int(found[3] or 0)
    if month == 0:
        return [year]
    return [year, month, day] if 1 <= day <= calendar.monthrange(year, month)[1] else [year, month]


def _month(text: str) -> int:
    """Return 1 to 12, and 0 when the text is no month."""
    if text.isdecimal():
        return int(text) if int(text) <= 12 else 0
    name = text[:3].lower()
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


def _month_of(identifier: PaperId) -> list[int]:
    """Return year and month that an arXiv id of the scheme since 2007 tells, nothing for other ids."""
    found = re.match(r"arxiv:(\d\d)(\d\d)\.", identifier)
    if found is None or not 1 <= int(found[2]) <= 12:
        return []
    return [2000 + int(found[1]), int(found[2])]
