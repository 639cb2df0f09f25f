"""Loading: one source that fails does not stop the others, and every load is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digestbot.errors import SourceFormatError, SourceUnavailableError, StoreError
from digestbot.models import Paper
from digestbot.pipeline.load import Loaded, load
from digestbot.sources import Batch, Skipped, Source
from digestbot.sources.files import FileSource
from digestbot.store import Store
from tests.factories import DAY, NOW, paper


@dataclass
class Shelf:
    """A source in memory."""

    name: str
    batch: Batch
    asked: list[tuple[date, date | None]] = field(default_factory=list)

    async def fetch(self, today: date, since: date | None) -> Batch:
        self.asked.append((today, since))
        return self.batch


@dataclass
class Silent:
    """A source that fails."""

    error: Exception
    name: str = "silent"

    async def fetch(self, today: date, since: date | None) -> Batch:
        raise self.error


def loaded(store: Store, *sources: Source, since: date | None = None) -> list[Loaded]:
    moments = iter([NOW + timedelta(seconds=second) for second in range(20)])
    return asyncio.run(load(store.papers, sources, clock=lambda: next(moments), since=since))


def records(store: Store) -> list[dict[str, Any]]:
    return [dict(row) for row in store.database.rows("select * from loads order by id")]


def shelf(*papers: Paper, replacements: Sequence[Paper] = (), skipped: Sequence[Skipped] = ()) -> Shelf:
    return Shelf("shelf", Batch(papers=papers, replacements=replacements, skipped=skipped))


@pytest.mark.parametrize(
    "error", [SourceUnavailableError("silent: answered 503"), SourceFormatError("silent: not XML")]
)
def test_a_source_that_fails_does_not_stop_the_others(store: Store, error: Exception) -> None:
    first, failed, last = loaded(store, shelf(paper(1)), Silent(error), shelf(paper(2)))
    assert (first.new, first.error) == (1, "")
    assert (failed.new, failed.error) == (0, str(error))
    assert (last.new, last.error) == (1, "")
    assert store.papers.count() == 2
    assert [(row["source"], row["new"], row["error"]) for row in records(store)] == [
        ("shelf", 1, ""),
        ("silent", 0, str(error)),
        ("shelf", 1, ""),
    ]


def test_a_load_says_what_it_came_to(store: Store) -> None:
    store.papers.add([paper(1), paper(2)], NOW)
    skipped = [Skipped(place="shelf, line 3", problem="no title")]
    source = shelf(paper(1), paper(3), replacements=[paper(2, abstract="New."), paper(9)], skipped=skipped)
    [one] = loaded(store, source)
    assert (one.received, one.new, one.updated, one.skipped) == (4, 1, 1, skipped)
    [row] = records(store)
    assert (row["received"], row["new"], row["updated"], row["skipped"]) == (4, 1, 1, 1)
    assert (row["started_at"], row["finished_at"]) == ("2025-05-27T08:00:00.000000Z", "2025-05-27T08:00:01.000000Z")


def test_a_source_is_told_the_load_day_and_since_when(store: Store) -> None:
    source = shelf()
    loaded(store, source, since=DAY - timedelta(days=4))
    assert source.asked == [(DAY, DAY - timedelta(days=4))]


def test_loading_the_same_file_twice_adds_nothing_and_broken_lines_are_named(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    lines = [json.dumps({"id": f"arxiv:2503.0213{number}", "title": f"Part {number}"}) for number in range(3)]
    path.write_text("\n".join([lines[0], "{", lines[1], '{"id": "x:1"}', lines[2]]), encoding="utf-8")
    [first] = loaded(store, FileSource(path))
    assert (first.new, first.error) == (3, "")
    assert [one.place for one in first.skipped] == ["papers.jsonl, line 2", "papers.jsonl, line 4"]
    [again] = loaded(store, FileSource(path))
    assert (again.new, again.updated) == (0, 0)
    assert [one.id for one in store.papers.announced(DAY, DAY)] == [f"arxiv:2503.0213{number}" for number in range(3)]


def test_a_store_that_fails_ends_the_load(store: Store) -> None:
    store.database.connection.execute("pragma query_only = on")

    def clock() -> datetime:
        return NOW

    with pytest.raises(StoreError):
        asyncio.run(load(store.papers, [Silent(SourceUnavailableError("x"))], clock=clock, since=None))
