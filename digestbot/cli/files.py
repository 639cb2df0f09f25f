"""Files that are named on the command line: text in UTF-8, ids in one form, TREC's runs and qrels."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import isnan
from pathlib import Path
from typing import TextIO

import click

from digestbot.errors import UsageError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@contextmanager
def reading(path: Path) -> Iterator[TextIO]:
    """Open a file to read; what is wrong with it is wrong usage."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read: it must be text in UTF-8 ({error})") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """Open a file to write; a place where none can be is wrong usage."""
    try:
        with path.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


# A run names each paper once for every reader.
@lru_cache(maxsize=200_000)
def one_form(identifier: str) -> str:
    """Return an id as a paper file with the same one gives it."""
    from digestbot.identifiers import paper_id

    return paper_id(identifier) or identifier


def read_run(path: Path) -> dict[str, list[str]]:
    """Return each reader's papers, best first: by score, then by the rank that the run gives."""
    scored: dict[str, list[tuple[float, int, str]]] = {}
    for number, fields in _lines(path, 6):
        reader, _, paper, place, score, _ = fields
        try:
            value, rank = float(score), int(place)
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: rank and score must be numbers") from error
        if isnan(value):
            raise UsageError(f"{path}, line {number}: the score is not a number")
        scored.setdefault(reader, []).append((-value, rank, one_form(paper)))
    return {reader: list(dict.fromkeys(paper for _, _, paper in sorted(own))) for reader, own in scored.items()}


def read_qrels(path: Path) -> dict[str, set[str]]:
    """Return the papers that are relevant to each reader: those of a grade above 0."""
    relevant: dict[str, set[str]] = {}
    for number, (reader, _, paper, grade) in _lines(path, 4):
        try:
            if int(grade) > 0:
                relevant.setdefault(reader, set()).add(one_form(paper))
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: the grade must be a whole number") from error
    return relevant


def _lines(path: Path, fields: int) -> Iterator[tuple[int, list[str]]]:
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            found = line.split()
            if len(found) != fields:
                raise UsageError(f"{path}, line {number}: needs {fields} fields, has {len(found)}")
            yield number, found
