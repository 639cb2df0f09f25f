"""Loading: one source that fails does not stop the others, and every load is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from digestbot.errors import SourceFormatError, SourceUnavailableError, StoreError
from digestbot.models import Paper, PaperId
from digestbot.pipeline.load import Loaded, load
from digestbot.sources import Ask, Batch, Skipped, Source
from digestbot.sources.files import FileSource
from digestbot.store import Store
from tests.factories import DAY, NOW, paper


@dataclass
class Shelf:
    """A source in memory, which fails after its last batch when it is told to."""

    name: str
    batches: list[Batch]
    error: BaseException | None = None
    asked: list[Ask] = field(default_factory=list)
    known: list[Mapping[PaperId, date]] = field(default_factory=list)

    async def fetch(self, ask: Ask) -> AsyncIterator[Batch]:
        self.asked.append(ask)
        for batch in self.batches:
            self.known.append(await ask.known([one.id for one in batch.papers]))
            yield batch
        if self.error is not None:
            raise self.error


def loaded(store: Store, *sources: Source, since: date | None = None, **others: Any) -> list[Loaded]:
    moments = iter([NOW + timedelta(seconds=second) for second in range(20)])
    clock = partial(next, moments)
    return asyncio.run(load(store.papers, store.loads, sources, clock=clock, since=since, **others))


def records(store: Store) -> list[dict[str, Any]]:
    return [dict(row) for row in store.database.rows("select * from loads order by id")]


def shelf(
    *papers: Paper,
    replacements: Sequence[Paper] = (),
    skipped: Sequence[Skipped] = (),
    error: BaseException | None = None,
) -> Shelf:
    return Shelf("shelf", [Batch(papers=papers, replacements=replacements, skipped=skipped)], error)


def silent(error: BaseException) -> Shelf:
    return Shelf("silent", [], error)


@pytest.mark.parametrize(
    "error", [SourceUnavailableError("silent: answered 503"), SourceFormatError("silent: not XML")]
)
def test_a_source_that_fails_does_not_stop_the_others(store: Store, error: Exception) -> None:
    first, failed, last = loaded(store, shelf(paper(1)), silent(error), shelf(paper(2)))
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


def test_a_source_is_told_the_time_since_when_and_what_it_said_last(store: Store) -> None:
    source = Shelf("shelf", [Batch(cursor="page 2"), Batch(), Batch(cursor="page 4")])
    loaded(store, source, since=DAY - timedelta(days=4))
    loaded(store, source, at=NOW + timedelta(days=1))
    first, second = source.asked
    assert (first.now, first.since, first.cursor) == (NOW, DAY - timedelta(days=4), "")
    assert (second.now, second.since, second.cursor) == (NOW + timedelta(days=1), None, "page 4")


def test_each_batch_is_stored_before_the_next_is_asked_for(store: Store) -> None:
    source = Shelf("shelf", [Batch(papers=[paper(1)]), Batch(papers=[paper(1), paper(2)])])
    loaded(store, source)
    assert source.known == [{}, {"arxiv:2505.00001": DAY}]


def test_what_came_before_a_failure_is_kept_with_its_cursor(store: Store) -> None:
    error = SourceUnavailableError("shelf: answered 503")
    source = Shelf("shelf", [Batch(papers=[paper(1)], cursor="page 2", asked="page 1")], error)
    [one] = loaded(store, source)
    assert (one.new, one.cursor, one.error) == (1, "page 2", "shelf: answered 503")
    assert store.loads.cursor("shelf") == "page 2"
    assert store.loads.history("shelf", NOW).last_success is None


def test_a_load_that_is_interrupted_leaves_its_record(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        loaded(store, Shelf("shelf", [Batch(papers=[paper(1)], cursor="page 2")], KeyboardInterrupt()))
    [row] = records(store)
    assert (row["new"], row["error"], row["cursor"]) == (1, "was interrupted", "page 2")


def test_a_fault_of_ours_costs_one_source_and_is_raised_in_the_end(store: Store) -> None:
    with pytest.raises(RecursionError):
        loaded(store, silent(RecursionError("too deep")), shelf(paper(1)))
    assert [(row["source"], row["new"], row["error"]) for row in records(store)] == [
        ("silent", 0, "RecursionError: too deep"),
        ("shelf", 1, ""),
    ]


def test_the_newest_day_is_never_one_that_is_still_to_come_in_new_york(store: Store) -> None:
    evening = datetime(2025, 5, 28, 2, 40, tzinfo=UTC)
    batch = Batch(papers=[paper(1), paper(2, announced=DAY + timedelta(days=1))], behind=["cs.IR"])
    [one] = loaded(store, Shelf("shelf", [batch]), at=evening)
    assert (one.newest, one.behind) == (DAY, ["cs.IR"])
    assert store.loads.history("shelf", evening).behind == "cs.IR"


def test_a_load_tells_how_far_it_is(store: Store) -> None:
    said = []

    def progress(source: str, received: int, total: int | None) -> None:
        said.append((source, received, total))

    source = Shelf("shelf", [Batch(papers=[paper(1)], total=3), Batch(papers=[paper(2)], replacements=[paper(1)])])
    loaded(store, source, progress=progress)
    assert said == [("shelf", 1, 3), ("shelf", 3, None)]


def test_a_load_says_what_it_asked_for_and_how_new_it_was(store: Store) -> None:
    days = [DAY - timedelta(days=number) for number in range(3)]
    batches = [
        Batch(papers=[paper(number, announced=day)], asked=f"part {number // 2}") for number, day in enumerate(days)
    ]
    [one] = loaded(store, Shelf("shelf", batches))
    assert (one.asked, one.newest, one.seconds) == (["part 0", "part 1"], DAY, 1.0)
    [row] = records(store)
    assert (row["asked"], row["newest"]) == ("part 0, part 1", DAY.isoformat())


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
        asyncio.run(load(store.papers, store.loads, [silent(SourceUnavailableError("x"))], clock=clock, since=None))
