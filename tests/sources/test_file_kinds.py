"""Files: what a bibliography may change, what a damaged file still gives, and which encodings are read."""

from __future__ import annotations

import asyncio
import codecs
import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from digestbot.errors import SourceError, SourceFormatError
from digestbot.models import Paper
from digestbot.pipeline.load import load
from digestbot.sources import Ask, Batch
from digestbot.sources.files import FileSource, read_papers
from digestbot.store import Store
from tests.factories import DAY, NOW, paper

OWL = paper(7, title="What arXiv calls it", abstract="What arXiv says.", announced=DAY - timedelta(days=1))
NAMED = {
    "bib": "@misc{a, title = {Another Name}, abstract = {Other words.}, eprint = {2505.00007}, year = {2024}}",
    "ris": "TY  - JOUR\nTI  - Another Name\nAB  - Other words.\nM1  - arXiv:2505.00007\nPY  - 2024\nER  - \n",
    "json": '[{"title": "Another Name", "abstract": "Other words.", "number": "arXiv:2505.00007", "issued": "2024"}]',
}
MARKED = {
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def fetched(path: Path, store: Store) -> tuple[list[Batch], SourceError | None]:
    """Return the batches of a file, and the error after them."""

    async def known(ids: Sequence[str]) -> Mapping[str, date]:
        return store.papers.known(ids)

    async def fetch() -> tuple[list[Batch], SourceError | None]:
        batches, parts = list[Batch](), FileSource(path).fetch(Ask(now=NOW, since=None, cursor="", known=known))
        while True:
            try:
                batches.append(await anext(parts))
            except StopAsyncIteration:
                return batches, None
            except SourceError as error:
                return batches, error

    return asyncio.run(fetch())


def stored(path: Path, store: Store) -> Paper:
    """Return the paper of arXiv's once a file was loaded after it."""
    store.papers.add([OWL], NOW)
    for batch in fetched(path, store)[0]:
        store.papers.add(batch.papers, NOW, replacements=batch.replacements, mentions=batch.mentions)
    return store.papers.get([OWL.id])[OWL.id]


@pytest.mark.parametrize("ending", NAMED)
def test_a_bibliography_changes_nothing_of_what_arxiv_said(ending: str, tmp_path: Path, store: Store) -> None:
    path = tmp_path / f"library.{ending}"
    path.write_text(NAMED[ending])
    assert stored(path, store) == OWL


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.jsonl", '{"id": "arxiv:2505.00007", "title": "Another Name"}\n'),
        ("p.csv", "id,title\narxiv:2505.00007,Another Name\n"),
    ],
)
def test_a_paper_file_is_a_source_of_its_own(name: str, content: str, tmp_path: Path, store: Store) -> None:
    (tmp_path / name).write_text(content)
    assert stored(tmp_path / name, store).title == "Another Name"


def test_a_bibliography_mentions_papers_and_moves_no_day_by_a_title(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "p.bib.gz"
    path.write_bytes(gzip.compress(b"@misc{a, title={A}}@misc{b, title={B}, doi={10.5555/b}}" + NAMED["bib"].encode()))
    [batch] = fetched(path, store)[0]
    assert not batch.papers
    assert [one.title for one in batch.mentions] == ["A", "B", "Another Name"]
    assert [one.title for one in read_papers(path, default_day=DAY).papers] == ["A", "B", "Another Name"]
    known = paper(1, title="Owls at night, and what they hear")
    store.papers.add([known], NOW)
    (tmp_path / "q.bib").write_text(f"@misc{{a, title={{{known.title}}}, author={{Quill, Ada}}, year={{2019}}}}")
    asyncio.run(load(store.papers, store.loads, [FileSource(tmp_path / "q.bib")], clock=lambda: NOW, since=None))
    assert store.papers.get([known.id])[known.id].announced == known.announced
    assert store.papers.count() == 1


def test_what_a_bibliography_alone_has_is_corrected_by_loading_it_again(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "p.bib"
    for abstract in ("Owls heer.", "Owls hear."):
        path.write_text(f"@misc{{a, title={{Owls}}, author={{Quill, Ada}}, abstract={{{abstract}}}}}")
        asyncio.run(load(store.papers, store.loads, [FileSource(path)], clock=lambda: NOW, since=None))
    [found] = store.papers.announced(date.min, date.max)
    assert found.abstract == "Owls hear."


@pytest.mark.parametrize("missing", [20, 3_000, 100_000])
def test_the_lines_before_the_damage_are_given_and_the_file_is_named(
    missing: int, tmp_path: Path, store: Store
) -> None:
    path = tmp_path / "p.jsonl.gz"
    lines = [json.dumps({"id": f"x:{number}", "title": "Owls"}).encode() + b"\n" for number in range(300)]
    whole = gzip.compress(b"".join(lines), compresslevel=0)
    left = whole[: max(0, len(whole) - missing)] or whole[:5]
    path.write_bytes(left)
    batches, error = fetched(path, store)
    assert isinstance(error, SourceFormatError)
    assert [batch.asked for batch in batches] == ["p.jsonl.gz"]
    assert len(batches[0].papers) == left.count(b"\n")


def test_a_file_that_is_not_there_is_named_as_what_was_asked_for(tmp_path: Path, store: Store) -> None:
    batches, error = fetched(tmp_path / "gone.bib", store)
    assert [(batch.asked, batch.mentions) for batch in batches] == [("gone.bib", [])]
    assert "cannot be read: No such file" in str(error)


@pytest.mark.parametrize("mark", MARKED)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.jsonl", '{"id": "x:1", "title": "Größe"}\r\n'),
        ("p.csv", "id,title\r\nx:1,Größe\r\n"),
        ("p.bib", "@misc{a, title = {Größe}}\r\n"),
        ("p.ris", "TY  - JOUR\r\nTI  - Größe\r\nER  - \r\n"),
        ("p.json", '[{"title": "Größe"}]'),
    ],
)
def test_a_file_in_utf_16_is_read_by_its_mark(mark: bytes, name: str, content: str, tmp_path: Path) -> None:
    encoded = mark + content.encode(MARKED[mark])
    for path, written in ((tmp_path / name, encoded), (tmp_path / f"{name}.gz", gzip.compress(encoded))):
        path.write_bytes(written)
        batch = read_papers(path, default_day=DAY)
        assert ([one.title for one in batch.papers], batch.skipped) == (["Größe"], [])


def test_half_a_character_at_the_end_of_utf_16_is_no_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes('{"id": "x:1", "title": "Owls"}\n{'.encode("utf-16")[:-1])
    batch = read_papers(path, default_day=DAY)
    assert ([one.title for one in batch.papers], len(batch.skipped)) == (["Owls"], 1)
