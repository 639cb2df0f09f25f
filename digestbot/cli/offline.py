"""``rank``: the ranking on files, without settings or database."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from digestbot.cli.files import FILE, one_form, reading, writing
from digestbot.errors import SourceFormatError, UsageError

if TYPE_CHECKING:
    from digestbot.models import Paper

# Papers whose day is unknown all count as of one day, so that their order is neutral.
_NO_DAY = date(1900, 1, 1)
_READERS_AT_ONCE = 200
_MOST_NAMED = 5
_LONGEST_SHOWN = 40


@click.command()
@click.option("--corpus", required=True, type=FILE, help="Paper file: the background, and what was rated.")
@click.option("--ratings", required=True, type=FILE, help="CSV: subscriber,paper_id,value[,rated_at].")
@click.option("--candidates", required=True, type=FILE, help="Paper file: what is ranked.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Write only the best N; else all.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="RUN", help="A TREC run; else stdout.")
def rank(corpus: Path, ratings: Path, candidates: Path, depth: int | None, out: Path | None) -> None:
    """Rank every candidate that a subscriber has not rated, by profile alone."""
    from digestbot.ranking.features import Features
    from digestbot.ranking.profile import profiles_of
    from digestbot.ranking.rank import Orders

    background, choices = _papers(corpus), _papers(candidates)
    by_reader = _ratings(ratings)
    try:
        features = Features.fit(background)
    except ValueError as error:
        raise SourceFormatError(f"{corpus}: no paper in it has a word that says anything") from error
    texts = {paper.id: paper for paper in (*choices, *background)}
    _say_unknown(ratings, by_reader, texts)
    orders = Orders(features, choices)
    readers = sorted(by_reader)
    counts = Counter(paper for own in by_reader.values() for paper in own)
    with _output(out) as file:
        for start in range(0, len(readers), _READERS_AT_ONCE):
            some = readers[start : start + _READERS_AT_ONCE]
            values = [[(paper, float(value)) for paper, value in by_reader[reader].items()] for reader in some]
            profiles = profiles_of(features, texts, values, counts)
            for reader, (order, scores) in zip(some, orders.of(profiles), strict=True):
                place = 0
                for number, score in zip(order, scores, strict=True):
                    if choices[number].id in by_reader[reader]:
                        continue
                    place += 1
                    file.write(f"{reader} Q0 {choices[number].id} {place} {score:.9f} digestbot\n")
                    if place == depth:
                        break


def _say_unknown(path: Path, by_reader: Mapping[str, Mapping[str, int]], texts: Collection[str]) -> None:
    """Name the rated papers that no file has; of many, the first ones."""
    unknown = sorted({paper for own in by_reader.values() for paper in own if paper not in texts})
    if unknown:
        named = ", ".join(unknown[:_MOST_NAMED]) + (" ..." if len(unknown) > _MOST_NAMED else "")
        click.echo(f"digestbot: {path}: {len(unknown)} rated papers are in no file and left out: {named}", err=True)


def _papers(path: Path) -> list[Paper]:
    from digestbot.sources.files import read_papers

    batch = read_papers(path, default_day=_NO_DAY)
    for skipped in batch.skipped:
        click.echo(f"digestbot: {skipped.place}: {skipped.problem}: left out", err=True)
    return list(batch.papers)


def _ratings(path: Path) -> dict[str, dict[str, int]]:
    """Return each subscriber's ratings; of one paper the latest wins, by its time where that is given, else by line."""
    found: dict[str, dict[str, tuple[datetime, int]]] = {}
    broken: list[tuple[int, str]] = []
    with reading(path) as file:
        columns = next(csv.reader([file.readline()]), [])
        missing = {"subscriber", "paper_id", "value"} - set(columns)
        if missing:
            raise UsageError(f"{path}: the first line lacks {', '.join(sorted(missing))}")
        # Each line by itself: a quotation mark that is never closed costs that line alone.
        for number, line in enumerate(file, 2):
            if not line.strip():
                continue
            try:
                reader, paper_id, value, rated_at = _rating(columns, line)
            except SourceFormatError as error:
                broken.append((number, str(error)))
                continue
            own = found.setdefault(reader, {})
            if paper_id not in own or own[paper_id][0] <= rated_at:
                own[paper_id] = rated_at, value
    _say_broken(path, broken)
    return {reader: {paper: value for paper, (_, value) in sorted(own.items())} for reader, own in found.items()}


def _rating(columns: Sequence[str], line: str) -> tuple[str, str, int, datetime]:
    """Read one line: who rated which paper how, and when. Raises ``SourceFormatError``."""
    try:
        fields = next(csv.reader([line]))
    except csv.Error as error:
        raise SourceFormatError(f"not CSV ({error})") from error
    row = {column: field.strip() for column, field in zip(columns, fields, strict=False)}
    reader, paper_id, value = row.get("subscriber", ""), row.get("paper_id", ""), row.get("value", "")
    # A run has blanks between its fields.
    if value not in ("1", "-1") or not reader or not paper_id or len(reader.split()) > 1:
        raise SourceFormatError("needs a subscriber, a paper_id and 1 or -1")
    return reader, one_form(paper_id), int(value), _moment(row.get("rated_at", ""))


def _moment(text: str) -> datetime:
    """Return a time of ISO 8601, a day's beginning for a day; ratings without one are older than all others."""
    if not text:
        return datetime.min.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SourceFormatError(f"rated_at {text[:_LONGEST_SHOWN]!a} is not a time such as 2025-05-01") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _say_broken(path: Path, broken: Sequence[tuple[int, str]]) -> None:
    """Name the lines that are no ratings; of many, the first ones."""
    for number, problem in broken[:_MOST_NAMED]:
        click.echo(f"digestbot: {path}, line {number}: {problem}: left out", err=True)
    if len(broken) > _MOST_NAMED:
        click.echo(f"digestbot: {path}: {len(broken) - _MOST_NAMED} more lines are left out", err=True)


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with writing(path) as file:
        yield file
