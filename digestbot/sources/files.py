"""Papers from files that somebody names. The only module here that opens one."""

from __future__ import annotations

import asyncio
import codecs
import gzip
import io
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import BinaryIO, TypeAlias

from digestbot.errors import SourceError, SourceFormatError, SourceUnavailableError
from digestbot.models import Paper
from digestbot.sources import Ask, Batch, Skipped, bibtex, csl, json_lines, ris, tables

_PART = 2_000
_MAX_BIBLIOGRAPHY = 100_000_000
# What somebody collected of other people's papers, and no list of new ones.
_BIBLIOGRAPHIES = (".bib", ".ris", ".json")

_Found: TypeAlias = Iterator[Paper | Skipped]
_File: TypeAlias = BinaryIO | gzip.GzipFile


class FileSource:
    """One paper file or bibliography, named by the user."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = "files"

    async def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        """Yield the file's papers, announced on or after ``since``, in parts; at least one, be it empty.

        What a bibliography says of papers that have a source is a mention, and moves no day that the store knows.
        """
        bibliography = _kind(self._path) in _BIBLIOGRAPHIES
        with closing(_parts(self._path, default_day=ask.now.date(), since=ask.since)) as parts:
            while (batch := await asyncio.to_thread(next, parts, None)) is not None:
                yield await _mentioning(batch, ask) if bibliography else batch


def read_papers(path: Path, *, default_day: date) -> Batch:
    """Read a whole file of one of ``KINDS``, plain or gzipped; entries without a day are of ``default_day``.

    When an id stands twice the later entry counts.
    """
    part = _Part(path.name)
    for found in _read(path, default_day=default_day):
        part.take(found)
    return part.batch()


class _Part:
    """Papers and skipped entries on the way into one batch."""

    def __init__(self, asked: str) -> None:
        self._asked = asked
        self._papers: dict[str, Paper] = {}
        self._skipped: list[Skipped] = []

    def take(self, found: Paper | Skipped) -> None:
        if isinstance(found, Skipped):
            self._skipped.append(found)
        else:
            self._papers[found.id] = found

    def full(self) -> bool:
        return len(self._papers) >= _PART or len(self._skipped) >= _PART

    def batch(self) -> Batch:
        return Batch(papers=list(self._papers.values()), skipped=self._skipped, asked=self._asked)


async def _mentioning(batch: Batch, ask: Ask) -> Batch:
    known = await ask.known([paper.id for paper in batch.papers])
    mentions = [replace(paper, announced=known.get(paper.id, paper.announced)) for paper in batch.papers]
    return replace(batch, papers=(), mentions=mentions)


def _parts(path: Path, *, default_day: date, since: date | None) -> Generator[Batch]:
    part, given = _Part(path.name), False
    damage: SourceError | None = None
    try:
        for found in _read(path, default_day=default_day):
            if isinstance(found, Paper) and since is not None and found.announced < since:
                continue
            part.take(found)
            if part.full():
                yield part.batch()
                part, given = _Part(path.name), True
    except SourceError as error:
        damage = error
    last = part.batch()
    if last.papers or last.skipped or not given:
        yield last
    if damage is not None:
        raise damage


def _kind(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _read(path: Path, *, default_day: date) -> _Found:
    parse = KINDS.get(_kind(path))
    if parse is None:
        raise SourceFormatError(f"{path}: this kind of file cannot be read; use {', '.join(KINDS)}, also with .gz")
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            yield from parse(_as_utf_8(file, path.name), path.name, default_day)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceFormatError(f"{path}: is cut off or not gzip: {error}") from error
    except OSError as error:
        raise SourceUnavailableError(f"{path}: cannot be read: {error.strerror}") from error


def _as_utf_8(file: io.BufferedReader | gzip.GzipFile, name: str) -> _File:
    """Return a file that begins with the mark of UTF-16 in the one encoding that is parsed, any other as it is."""
    if not file.peek(2).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return file
    return io.BytesIO(_content(file, name).decode("utf-16", "replace").encode())


def _lines(file: _File) -> Iterator[bytes]:
    """Yield lines; of one beyond the limit only as much as shows that it is."""
    limit = json_lines.MAX_LINE + 1
    while line := file.readline(limit):
        yield line
        while len(line) == limit and not line.endswith(b"\n"):
            line = file.readline(limit)


def _content(file: _File, name: str) -> bytes:
    content = file.read(_MAX_BIBLIOGRAPHY + 1)
    if len(content) > _MAX_BIBLIOGRAPHY:
        raise SourceFormatError(f"{name}: larger than {_MAX_BIBLIOGRAPHY:,} bytes; split it into several files")
    return content


def _by_line(parse: Callable[..., _Found]) -> Callable[[_File, str, date], _Found]:
    def read(file: _File, name: str, default_day: date) -> _Found:
        return parse(_lines(file), name=name, default_day=default_day)

    return read


def _whole(parse: Callable[..., _Found]) -> Callable[[_File, str, date], _Found]:
    def read(file: _File, name: str, default_day: date) -> _Found:
        return parse(_content(file, name), name=name, default_day=default_day)

    return read


KINDS = {
    ".jsonl": _by_line(json_lines.parse),
    ".csv": _by_line(tables.parse),
    ".bib": _whole(bibtex.parse),
    ".ris": _whole(ris.parse),
    ".json": _whole(csl.parse),
}
