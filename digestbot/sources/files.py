"""Papers from paper files: JSON lines, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.models import Paper
from digestbot.sources import Batch, Skipped
from digestbot.sources.identifiers import address_of, arxiv_id

_MAX_LINE = 1_000_000
_ID = re.compile(r"[^\s:]+:[^\s]+\Z")
# Control characters, and those that turn the writing direction of what follows.
_UNSEEN = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


class FileSource:
    """One paper file, named by the user."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = "files"

    async def fetch(self, today: date, since: date | None) -> Batch:
        """Return the file's papers, announced on or after ``since``."""
        batch = read_papers(self._path, default_day=today)
        if since is None:
            return batch
        return Batch(papers=[paper for paper in batch.papers if paper.announced >= since], skipped=batch.skipped)


def read_papers(path: Path, *, default_day: date) -> Batch:
    """Read a ``.jsonl`` or ``.jsonl.gz`` file; entries without a day are of ``default_day``."""
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        raise SourceFormatError(f"{path}: this kind of file cannot be read; use .jsonl or .jsonl.gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return parse_lines(_lines(file), name=path.name, default_day=default_day)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceFormatError(f"{path}: is cut off or not gzip: {error}") from error
    except OSError as error:
        raise SourceUnavailableError(f"{path}: cannot be read: {error.strerror}") from error


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """Yield lines; of one beyond the limit only as much as shows that it is."""
    while line := file.readline(_MAX_LINE + 1):
        yield line
        while len(line) > _MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(_MAX_LINE + 1)


def parse_lines(lines: Iterable[bytes], *, name: str, default_day: date) -> Batch:
    """Parse JSON lines; what is broken is skipped with its place, the rest is taken.

    When an id stands twice the later line counts.
    """
    papers: dict[str, Paper] = {}
    skipped: list[Skipped] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            paper = parse_paper(line, default_day=default_day)
        except SourceFormatError as error:
            skipped.append(Skipped(place=f"{name}, line {number}", problem=str(error)))
        else:
            papers[paper.id] = paper
    return Batch(papers=list(papers.values()), skipped=skipped)


def parse_paper(line: bytes, *, default_day: date) -> Paper:
    """Parse one line of a paper file."""
    if len(line) > _MAX_LINE:
        raise SourceFormatError(f"longer than {_MAX_LINE:,} bytes")
    try:
        entry = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceFormatError(f"not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise SourceFormatError("not a JSON object")
    identifier = _string(entry, "id")
    title = one_line(_string(entry, "title"))
    if not identifier:
        raise SourceFormatError("no id")
    if not _ID.match(identifier) or _UNSEEN.search(identifier) or len(identifier) > 300:
        raise SourceFormatError(f"id {identifier[:80]!r} is not source:identifier without blanks")
    if not title:
        raise SourceFormatError(f"{identifier}: no title")
    if identifier.startswith("arxiv:"):
        # A paper is one work, whatever its versions.
        identifier = arxiv_id(identifier) or identifier
    return Paper(
        id=identifier,
        title=title,
        abstract=paragraph(_string(entry, "abstract")),
        authors=tuple(_strings(entry, "authors")),
        categories=tuple(_strings(entry, "categories")),
        announced=_day(entry, default_day),
        url=_url(entry, "url") or address_of(identifier),
        pdf_url=_url(entry, "pdf_url"),
        doi=one_line(_string(entry, "doi")),
        comment=one_line(_string(entry, "comment")),
        upvotes=_upvotes(entry),
    )


def one_line(text: str) -> str:
    """Return text as one line: white space collapsed, nothing unseen in it."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def paragraph(text: str) -> str:
    """Return an abstract without its hard line breaks."""
    return one_line(text)


def _string(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SourceFormatError(f"{key} is not text")
    return value.strip()


def _strings(entry: dict[str, Any], key: str) -> Iterator[str]:
    value = entry.get(key)
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise SourceFormatError(f"{key} is not a list of texts")
    yield from (clean for part in value if (clean := one_line(part)))


def _day(entry: dict[str, Any], default_day: date) -> date:
    text = _string(entry, "announced")
    if not text:
        return default_day
    try:
        # fromisoformat alone would also take 20250520 and 2025-W21-2.
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise SourceFormatError(f"announced {text[:40]!r} is not a day (YYYY-MM-DD)") from error


def _url(entry: dict[str, Any], key: str) -> str:
    url = _string(entry, key)
    # Only what a reader may safely click goes into a mail.
    if url and not (url.startswith(("https://", "http://")) and not re.search(r"[\s\"<>\\]|[^\x20-\x7e]", url)):
        raise SourceFormatError(f"{key} {url[:80]!r} is not an http address")
    return url


def _upvotes(entry: dict[str, Any]) -> int:
    value = entry.get("upvotes")
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise SourceFormatError("upvotes is not a whole number from 0")
    return value
