"""What an entry of any feed says about itself, and the paper that it stands for. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from digestbot.errors import SourceFormatError
from digestbot.identifiers import address_of, doi_of, paper_id
from digestbot.models import Paper, PaperId
from digestbot.sources import Skipped
from digestbot.sources.feed_bytes import has_marks, mended
from digestbot.sources.text import UNSEEN, one_line, web_address, without_markup

# More is no feed but somebody's archive, or an attack.
MOST_ENTRIES = 5_000

_FIRST_YEAR = 1991
_LONGEST_ABSTRACT = 10_000
_LONGEST_TITLE = 1_000
_LONGEST_NAME = 200
_LONGEST_MARKUP = 100_000
_MOST_AUTHORS = 5_000
_MOST_CATEGORIES = 50
_MOST_LINKS = 10

# A bracket that no other one closes: a sign of mathematics, not the beginning of a tag.
_LONE_BRACKET = re.compile(r"<(?![^<>]*>)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.[\s-]?){1,5}\Z|[^\W\d_]\Z")
_BETWEEN_AUTHORS = re.compile(r"\s*(?:[,;&]|\band\b)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as its feed states it: texts are HTML, addresses may be relative.

    ``links`` are pages of the thing itself, the main one first; ``related`` are others. ``identifiers`` may hold a DOI
    or an arXiv id. ``stated_day`` is the text that ``day`` was read from; ``day`` is ``None`` when that says no time.
    """

    place: str
    guid: str = ""
    links: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    title: str = ""
    texts: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    stated_day: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One page of a feed. ``base`` is what relative addresses hang on, ``next_url`` where the feed goes on."""

    entries: Sequence[Entry] = ()
    skipped: Sequence[Skipped] = ()
    base: str = ""
    next_url: str = ""


def believable(day: date | None) -> date | None:
    """Return a day, ``None`` for one of before the web, by which programs mean that they know none."""
    return day if day is not None and day.year >= _FIRST_YEAR else None


def papers_of(document: Document, *, name: str, today: date) -> tuple[list[Paper], list[Skipped]]:
    """Return each paper of a document once, and the entries that are none."""
    papers: dict[PaperId, Paper] = {}
    skipped = list(document.skipped)
    usable: list[Entry] = []
    for entry in document.entries:
        try:
            _check(entry)
            usable.append(entry)
        except SourceFormatError as error:
            skipped.append(Skipped(place=entry.place, problem=str(error)))
    shared = _shared((identifier, _title(entry)) for entry in usable for identifier in _names_of(entry))
    for entry, identifier in zip(usable, _ids(usable, name, shared), strict=True):
        if identifier not in papers:
            papers[identifier] = _paper(entry, identifier, _doi(entry, shared), document.base, today)
    return list(papers.values()), skipped


def _check(entry: Entry) -> None:
    """Refuse what has no title, or what a damaged byte could give another id or day than it has next time."""
    if any(has_marks(text) for text in (entry.guid, entry.stated_day, *entry.links, *entry.identifiers)):
        raise SourceFormatError("its id, address or date is damaged: a byte in it is in no known encoding")
    if not _title(entry):
        raise SourceFormatError("no title")
    if not (entry.guid or entry.links) and has_marks(entry.title):
        raise SourceFormatError("its title, by which alone it could be known again, is damaged")


def _ids(entries: Sequence[Entry], name: str, shared_names: set[str]) -> list[PaperId]:
    """Return the ids that entries have, for ever, in this order of trust.

    1. What an identifier, the guid or a link of it names: ``arxiv:...`` or ``doi:...``. If entries of one document
       with different titles name the same, as when all carry the DOI of their journal, this name
       (``shared_names``) counts for none of them.
    2. ``name:hash``, the hash (BLAKE2b, 10 bytes, hexadecimal) of the guid; without a guid of the link. The ``http:``
       or ``https:`` of either does not count, so that a site may become secure; what the entry says does not either,
       so that it may be corrected.
    3. ``name:hash`` of guid, link and title, each on a line, when entries of one document with different links or
       titles share that guid or link, and when there is neither.
    """
    stated = [_secure(entry.guid or _first(entry.links)) for entry in entries]
    details = [(_secure(entry.guid), _secure(_first(entry.links)), _title(entry)) for entry in entries]
    shared_statements = _shared(zip(stated, details, strict=True))
    ids = []
    for entry, one_stated, detail in zip(entries, stated, details, strict=True):
        names = [named for named in _names_of(entry) if named not in shared_names]
        if names:
            # arXiv's id is the surer one where both are given: the DOI may be of the journal's version.
            ids.append(min(names, key=lambda named: not named.startswith("arxiv:")))
            continue
        key = one_stated if one_stated and one_stated not in shared_statements else "\n".join(detail)
        ids.append(f"{name}:{hashlib.blake2b(key.encode(), digest_size=10).hexdigest()}")
    return ids


def _shared(pairs: Iterable[tuple[str, Hashable]]) -> set[str]:
    """Return the first halves that stand with more than one second half."""
    found: defaultdict[str, set[Hashable]] = defaultdict(set)
    for first, second in pairs:
        found[first].add(second)
    return {first for first, seconds in found.items() if len(seconds) > 1}


def _names_of(entry: Entry) -> list[PaperId]:
    return [identifier for text in _naming(entry) if (identifier := _paper_named(text)) is not None]


def _naming(entry: Entry) -> tuple[str, ...]:
    return (*entry.identifiers, entry.guid, *entry.links)


def _paper_named(text: str) -> PaperId | None:
    text = _plain_address(text)
    identifier = paper_id(text)
    if identifier is not None and identifier.startswith("arxiv:") and "arxiv" not in text.lower():
        # 2505.12345 and post/1234567 are the numbers of anything.
        return None
    return identifier


def _plain_address(text: str) -> str:
    """Return an address without what only says how somebody came there; other texts as they are."""
    text = text.strip()
    if text.lower().startswith(("http://", "https://")):
        return re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/")
    return text


def _secure(address: str) -> str:
    text = UNSEEN.sub("", address).strip()
    return re.sub(r"\Ahttps?://", "//", text, flags=re.IGNORECASE)


def _first(texts: Sequence[str]) -> str:
    return texts[0] if texts else ""


def _paper(entry: Entry, identifier: PaperId, doi: str, base: str, today: date) -> Paper:
    pages = [page for link in (*entry.links, *entry.related) if (page := _page(link, base))]
    pages = list(dict.fromkeys(pages))
    # The guid of RSS is an address unless it says otherwise, and often when it says so.
    url = _first(pages) or _page(entry.guid, "") or address_of(identifier)
    return Paper(
        id=identifier,
        title=_title(entry),
        abstract=_abstract(entry.texts),
        authors=_authors(entry.authors),
        categories=tuple(_names(entry.tags))[:_MOST_CATEGORIES],
        announced=min(entry.day or today, today),
        url=url,
        doi=doi,
        links=tuple(page for page in pages if page != url)[:_MOST_LINKS],
    )


def _title(entry: Entry) -> str:
    return _cut(_plain(entry.title), _LONGEST_TITLE)


def _abstract(texts: Iterable[str]) -> str:
    """Return the longest text that fits; a whole book is no abstract, but the beginning of one is better than none."""
    plain = [text for markup in texts if (text := _plain(markup))]
    fitting = [text for text in plain if len(text) <= _LONGEST_ABSTRACT]
    return max(fitting, key=len) if fitting else _cut(min(plain, key=len, default=""), _LONGEST_ABSTRACT)


def _plain(markup: str) -> str:
    text = mended(markup[:_LONGEST_MARKUP])
    return without_markup(_LONE_BRACKET.sub("&lt;", text)) if "<" in text or "&" in text else one_line(text)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    return (kept.rpartition(" ")[0] or kept).rstrip() + "…"


def _authors(stated: Sequence[str]) -> tuple[str, ...]:
    """Return names. A feed that has one field for all writes ``A, B and C`` into it, or ``Quill, A., Vane, B.``."""
    names = _names(stated)
    if len(names) == 1:
        names = _names(_one_field(_plain(stated[0]) if len(stated) == 1 else names[0]))
    return tuple(names)[:_MOST_AUTHORS]


def _one_field(text: str) -> list[str]:
    if ";" in text:
        return text.split(";")
    parts = [part for part in _BETWEEN_AUTHORS.split(text) if part]
    if len(parts) % 2 == 0 and all(_INITIALS.match(part) for part in parts[1::2]):
        return [f"{family}, {initials}" for family, initials in zip(parts[::2], parts[1::2], strict=True)]
    if len(parts) == 2 and "," in text and not any(" " in part for part in parts):
        # "Quill, Ada" is one person.
        return [text]
    return parts


def _names(texts: Iterable[str]) -> list[str]:
    plain = (_plain(text[: 100 * _LONGEST_NAME]) for text in texts)
    return list(dict.fromkeys(text for text in plain if text and len(text) <= 100 * _LONGEST_NAME))


def _doi(entry: Entry, shared_names: set[str]) -> str:
    dois = [doi for text in _naming(entry) if (doi := doi_of(_plain_address(text)))]
    dois = [doi for doi in dois if paper_id(doi) not in shared_names]
    # A publisher's DOI says more than arXiv's own, which follows from the id.
    return min(dois, key=lambda doi: doi.startswith("10.48550/arxiv."), default="")


def _page(link: str, base: str) -> str:
    """Return the whole, clickable address of a link, empty when there is none."""
    try:
        parts = urlsplit(urljoin(base, UNSEEN.sub("", link).strip()))
        path, query = (quote(part, safe="%/:?@!$&'()*+,;=~-._") for part in (parts.path, parts.query))
        return web_address(urlunsplit((parts.scheme, parts.netloc, path, query, parts.fragment)))
    except ValueError:
        return ""
