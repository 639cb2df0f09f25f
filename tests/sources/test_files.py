"""Paper files: what is broken is skipped with its place, the rest is taken."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.identifiers import address_of
from digestbot.models import Paper
from digestbot.sources import Ask, Batch, Skipped
from digestbot.sources.files import FileSource, read_papers
from digestbot.sources.json_lines import parse, parse_paper
from digestbot.sources.text import one_line
from tests.factories import DAY, NOW

FULL = {
    "id": "arxiv:2505.00001",
    "title": "Owl: sparse retrieval",
    "abstract": "Two lines\n of text.",
    "authors": ["Ada Quill", "Bela Vane"],
    "categories": ["cs.IR", "cs.CL"],
    "announced": "2025-05-20",
    "url": "https://arxiv.org/abs/2505.00001",
    "pdf_url": "https://arxiv.org/pdf/2505.00001",
    "doi": "10.48550/arXiv.2505.00001",
    "comment": "12 pages",
    "upvotes": 7,
}


def line(**changes: Any) -> bytes:
    return json.dumps(FULL | changes).encode()


def read(*lines: bytes) -> list[Paper | Skipped]:
    return list(parse([one + b"\n" for one in lines], name="papers.jsonl", default_day=DAY))


async def unknown(_: Sequence[str]) -> Mapping[str, date]:
    return {}


def fetched(path: Path, since: date | None = None) -> list[Batch]:
    async def fetch() -> list[Batch]:
        ask = Ask(now=NOW, since=since, cursor="", known=unknown)
        return [batch async for batch in FileSource(path).fetch(ask)]

    return asyncio.run(fetch())


def one(**changes: Any) -> Paper:
    return parse_paper(line(**changes), default_day=DAY)


def problem(content: bytes) -> str:
    with pytest.raises(SourceFormatError) as caught:
        parse_paper(content, default_day=DAY)
    return str(caught.value)


def test_a_full_line_is_a_paper() -> None:
    assert one() == Paper(
        id="arxiv:2505.00001",
        title="Owl: sparse retrieval",
        abstract="Two lines of text.",
        authors=("Ada Quill", "Bela Vane"),
        categories=("cs.IR", "cs.CL"),
        announced=date(2025, 5, 20),
        url="https://arxiv.org/abs/2505.00001",
        pdf_url="https://arxiv.org/pdf/2505.00001",
        doi="10.48550/arXiv.2505.00001",
        comment="12 pages",
        upvotes=7,
    )


@pytest.mark.parametrize(
    ("stated", "identifier"),
    [
        ("doi:10.1000/ABC", "doi:10.1000/abc"),
        ("10.1000/ABC", "doi:10.1000/abc"),
        ("https://doi.org/10.1000/ABC", "doi:10.1000/abc"),
        ("doi:10.48550/arXiv.2505.00001", "arxiv:2505.00001"),
        ("ARXIV:2505.00001v2", "arxiv:2505.00001"),
        ("http://arxiv.org/abs/2505.00001", "arxiv:2505.00001"),
        ("2505.00001", "arxiv:2505.00001"),
        ("Lab:ABC", "Lab:ABC"),
    ],
)
def test_an_id_has_one_form_however_it_is_written(stated: str, identifier: str) -> None:
    assert one(id=stated).id == identifier


def test_id_and_title_are_enough_and_the_day_is_the_load_day() -> None:
    found = parse_paper(b'{"id": "x:1", "title": "Owl"}', default_day=DAY)
    assert (found.abstract, found.authors, found.categories, found.url, found.upvotes) == ("", (), (), "", 0)
    assert found.announced == DAY


def test_null_is_as_good_as_nothing_and_unknown_keys_are_ignored() -> None:
    nothing = dict.fromkeys(set(FULL) - {"id", "title"})
    assert one(**nothing) == one(**nothing | {"venue": {"name": [1, 2]}, "score": 1e400, "Title": 3})


def test_the_page_of_a_paper_follows_from_its_id() -> None:
    assert one(url="").url == "https://arxiv.org/abs/2505.00001"
    assert address_of("arxiv:math/0309136") == "https://arxiv.org/abs/math/0309136"
    assert address_of("doi:10.1101/2025.01.01") == "https://doi.org/10.1101/2025.01.01"
    assert address_of("feed:2505.00001") == address_of("arxiv:nonsense") == ""


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"hello", "not JSON"),
        (line()[:-1], "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"NaN", "not a JSON object"),
        (b"\xff\xfe{}", "not JSON"),
        (json.dumps(FULL).encode("utf-16"), "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b'{"id": "x:1", "title": "t", "upvotes": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"title": "t"}', "no id"),
        (line(id=""), "no id"),
        (line(id=None), "no id"),
        (line(id=7), "id is not text"),
        (line(id="2505"), "is not source:identifier"),
        (line(id="x: 2505.00001"), "is not source:identifier"),
        (line(id="x:" + "y" * 400), "is not source:identifier"),
        (line(id="x:\ud800"), "is not source:identifier"),
        (line(id="x:\u202eabc"), "is not source:identifier"),
        (line(id="x:\0"), "is not source:identifier"),
        (b'{"id": "x:1"}', "no title"),
        (line(title=""), "no title"),
        (line(title=" \t\r\n\u00a0 "), "no title"),
        (line(title="\u0000\u202e"), "no title"),
        (line(title=["Owl"]), "title is not text"),
        (line(abstract={"text": "x"}), "abstract is not text"),
        (line(authors="Ada Quill"), "authors is not a list"),
        (line(authors=["Ada", 1]), "authors is not a list"),
        (line(categories={"cs.IR": 1}), "categories is not a list"),
        (line(announced="yesterday"), "announced 'yesterday' is not a day"),
        (line(announced="2025-02-30"), "is not a day"),
        (line(announced=20250520), "announced is not text"),
        (line(upvotes=-1), "upvotes"),
        (line(upvotes=1.5), "upvotes"),
        (line(upvotes=True), "upvotes"),
        (line(upvotes=2**60), "upvotes"),
        (line(upvotes="7"), "upvotes"),
        (line(upvotes=float("nan")), "upvotes"),
        (line(upvotes=float("inf")), "upvotes"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(broken: bytes, said: str) -> None:
    assert said in problem(broken)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "ftp://example.org/",
        "//example.org",
        "https://example.org/a b",
        'https://example.org/"onclick="x',
        "https://example.org/<b>",
        "https://example.org/\r\nBcc:",
        "https://example.org/\u202e",
    ],
)
@pytest.mark.parametrize("key", ["url", "pdf_url"])
def test_only_what_a_reader_may_safely_click_is_an_address(key: str, address: str) -> None:
    assert f"{key} " in problem(line(**{key: address}))


def test_a_problem_is_short_however_long_the_line_is() -> None:
    for broken in (line(id="x" * 100_000), line(announced="y" * 100_000), line(url="z" * 100_000), b"x" * 100_000):
        assert len(problem(broken)) < 300


def test_a_line_of_more_than_a_megabyte_is_refused() -> None:
    assert "longer than 1,000,000 bytes" in problem(line(abstract="x" * 1_000_000))


def test_broken_lines_are_skipped_with_their_place_and_the_rest_is_taken() -> None:
    found = read(b"\xef\xbb\xbf" + line(), b"", b"   ", b"not json", line(id="x:2"), line(title=" "), line(id="x:3"))
    assert [one.id for one in found if isinstance(one, Paper)] == ["arxiv:2505.00001", "x:2", "x:3"]
    assert [(one.place, one.problem.partition(":")[0]) for one in found if isinstance(one, Skipped)] == [
        ("papers.jsonl, line 4", "not JSON"),
        ("papers.jsonl, line 6", "arxiv"),
    ]


def test_of_an_id_that_stands_twice_the_later_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\n".join([line(title="First"), line(id="x:2"), line(title="Second")]))
    for batch in (read_papers(path, default_day=DAY), *fetched(path)):
        assert [(paper.id, paper.title) for paper in batch.papers] == [
            ("arxiv:2505.00001", "Second"),
            ("x:2", FULL["title"]),
        ]
        assert batch.skipped == []


def test_long_and_odd_titles_are_taken_whole_on_one_line() -> None:
    assert one(title="x" * 5000).title == "x" * 5000
    assert one(title="two\r\nlines\tand\u2028more").title == "two lines and more"
    assert one(title="🦉 תורת הגרפים <b>&").title == "🦉 תורת הגרפים <b>&"
    assert one(title="a\u202eb\0c\ud800d").title == "a b c d"
    assert one(authors=[" Ada\nQuill ", " ", "\0"]).authors == ("Ada Quill",)


def test_a_gzipped_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    content = line() + b"\r\n" + line(id="x:2")
    (tmp_path / "p.jsonl").write_bytes(content)
    (tmp_path / "p.jsonl.gz").write_bytes(gzip.compress(content))
    plain = read_papers(tmp_path / "p.jsonl", default_day=DAY)
    assert read_papers(tmp_path / "p.jsonl.gz", default_day=DAY).papers == plain.papers
    assert len(plain.papers) == 2


def test_an_empty_file_has_no_papers_and_is_one_batch(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").touch()
    empty = Batch(papers=[], skipped=[], asked="p.jsonl")
    assert read_papers(tmp_path / "p.jsonl", default_day=DAY) == empty
    assert fetched(tmp_path / "p.jsonl") == [empty]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.CSV", "id,title,announced\nx:1,Owls,2025-05-20\n"),
        ("p.bib", "@misc{a, title = {Owls}, date = {2025-05-20}}"),
        ("p.ris", "TY  - JOUR\nTI  - Owls\nDA  - 2025/05/20\nER  - \n"),
        ("p.json", '[{"title": "Owls", "issued": "2025-05-20"}]'),
        ("p.jsonl", '{"id": "x:1", "title": "Owls", "announced": "2025-05-20"}'),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_the_ending_tells_the_kind(tmp_path: Path, name: str, content: str, *, zipped: bool) -> None:
    path = tmp_path / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    [paper] = read_papers(path, default_day=DAY).papers
    assert (paper.title, paper.announced) == ("Owls", date(2025, 5, 20))
    [batch] = fetched(path)
    assert ([*batch.papers, *batch.mentions], batch.asked, batch.total) == ([paper], path.name, None)


def test_a_long_file_comes_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"".join(line(id=f"x:{number}") + b"\n" for number in range(2_000)))
    assert [len(batch.papers) for batch in fetched(path)] == [2_000]
    path.write_bytes(path.read_bytes() + b"broken\n" * 2_001)
    assert [(len(batch.papers), len(batch.skipped)) for batch in fetched(path)] == [
        (2_000, 0),
        (0, 2_000),
        (0, 1),
    ]


def test_what_stands_before_the_damage_of_a_file_is_given(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    whole = gzip.compress(b"".join(line(id=f"x:{number}") + b"\n" for number in range(9_000)), compresslevel=0)
    path.write_bytes(whole[: len(whole) // 2])

    async def fetch() -> None:
        parts = aiter(FileSource(path).fetch(Ask(now=NOW, since=None, cursor="", known=unknown)))
        sizes = [len((await anext(parts)).papers) for _ in range(3)]
        assert sizes[:2] == [2_000, 2_000]
        # Of the third part all lines are there that stand whole before the damage.
        assert 400 < sizes[2] < 600
        with pytest.raises(SourceFormatError, match="is cut off or not gzip"):
            await anext(parts)

    asyncio.run(fetch())


def test_a_bibliography_beyond_the_limit_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "p.bib.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(101):
            file.write(bytes(1_000_000))
    with pytest.raises(SourceFormatError, match=r"p\.bib\.gz: larger than 100,000,000 bytes"):
        read_papers(path, default_day=DAY)


@pytest.mark.parametrize(
    "content",
    [gzip.compress(line() * 50)[:-20], gzip.compress(line())[:5], b"plain text\n", line()],
    ids=["cut off", "a head alone", "text", "a plain paper file"],
)
def test_a_gzip_file_that_is_cut_off_or_none_is_said_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.jsonl.gz").write_bytes(content)
    with pytest.raises(SourceFormatError, match=r"p\.jsonl\.gz: is cut off or not gzip"):
        read_papers(tmp_path / "p.jsonl.gz", default_day=DAY)


@pytest.mark.parametrize("name", ["papers.xlsx", "papers.jsonl.zip", "papers", "papers.gz"])
def test_another_kind_of_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceFormatError, match=r"use \.jsonl, \.csv, \.bib, \.ris, \.json, also with \.gz"):
        read_papers(tmp_path / name, default_day=DAY)


def test_a_file_that_cannot_be_read_is_said_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match=r"gone\.jsonl: cannot be read: No such file"):
        read_papers(tmp_path / "gone.jsonl", default_day=DAY)
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(SourceUnavailableError, match="cannot be read: Is a directory"):
        read_papers(tmp_path / "folder.jsonl", default_day=DAY)


def test_since_leaves_older_papers_out_and_keeps_what_was_skipped(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(
        b"\n".join(
            [line(id="x:old"), line(id="x:new", announced="2025-05-21"), line(id="x:today", announced=None), b"broken"]
        )
    )
    [batch] = fetched(path, since=date(2025, 5, 21))
    assert [paper.id for paper in batch.papers] == ["x:new", "x:today"]
    assert len(batch.skipped) == 1
    assert len(fetched(path)[0].papers) == 3
    assert fetched(path, since=DAY + timedelta(days=1))[0].papers == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
texts = st.text(st.characters(), max_size=30)
entries = st.fixed_dictionaries(
    {"id": st.just("x:1") | texts.map("x:".__add__) | json_values, "title": texts | json_values},
    optional={key: texts | json_values | st.lists(texts, max_size=3) for key in FULL if key not in ("id", "title")},
)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b'{"id": "x:1", "title": "\\ud800"}')
def test_any_bytes_are_papers_or_skipped_lines(content: bytes) -> None:
    lines = content.splitlines(keepends=True)
    assert len(list(parse(lines, name="x", default_day=DAY))) <= len(lines)


@settings(deadline=None, max_examples=100)
@given(entries)
def test_whatever_is_taken_can_be_stored_and_shown(entry: dict[str, Any]) -> None:
    try:
        found = parse_paper(json.dumps(entry).encode(), default_day=DAY)
    except SourceFormatError:
        return
    for text in (found.id, found.title, found.abstract, found.url, found.doi, found.comment, *found.authors):
        text.encode("utf-8")
        assert text == one_line(text)
    assert found.title
    assert 0 <= found.upvotes < 2**63
    assert found.url == "" or found.url.startswith(("https://", "http://"))
