"""Tables: the header tells the delimiter and the columns, and one bad row is one bad row."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.models import Paper
from digestbot.sources import Skipped
from digestbot.sources.tables import parse
from digestbot.sources.text import one_line
from tests.factories import DAY

HEADER = "id,title,abstract,authors,categories,announced,url,pdf_url,doi,comment,upvotes"


def parsed(content: str | bytes) -> list[Paper | Skipped]:
    raw = content.encode() if isinstance(content, str) else content
    return list(parse(raw.splitlines(keepends=True), name="papers.csv", default_day=DAY))


def papers(content: str | bytes) -> list[Paper]:
    return [found for found in parsed(content) if isinstance(found, Paper)]


def skipped(content: str | bytes) -> list[tuple[str, str]]:
    return [(found.place, found.problem) for found in parsed(content) if isinstance(found, Skipped)]


def test_a_full_row_is_a_paper() -> None:
    row = (
        'arxiv:2505.00001v2,"Owl, sparse",Two words.,Ada Quill; Bela Vane,cs.IR cs.CL;stat.ML,2025-05-20,'
        "https://example.org/a,https://example.org/a.pdf,https://doi.org/10.5555/OWLS,12 pages,7"
    )
    assert papers(f"{HEADER}\n{row}\n") == [
        Paper(
            id="arxiv:2505.00001",
            title="Owl, sparse",
            abstract="Two words.",
            authors=("Ada Quill", "Bela Vane"),
            categories=("cs.IR", "cs.CL", "stat.ML"),
            announced=date(2025, 5, 20),
            url="https://example.org/a",
            pdf_url="https://example.org/a.pdf",
            doi="10.5555/owls",
            comment="12 pages",
            upvotes=7,
        )
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff", "sep={}\r\n", "\n\n"])
def test_the_header_tells_the_delimiter_whatever_its_case(delimiter: str, start: str) -> None:
    rows = [[" Title ", '"ID"', "mood", "Authors"], ["Owls", "x:1", "fine", '"Ada Quill; Bela Vane"'], ["Cats", "x:2"]]
    content = start.format(delimiter) + "\r\n".join(delimiter.join(row) for row in rows)
    assert [(one.id, one.title, one.authors, one.announced) for one in papers(content)] == [
        ("x:1", "Owls", ("Ada Quill", "Bela Vane"), DAY),
        ("x:2", "Cats", (), DAY),
    ]


@pytest.mark.parametrize(
    ("cells", "identifier"),
    [
        (",10.48550/arXiv.2505.00001,", "arxiv:2505.00001"),
        (",10.5555/OWLS,", "doi:10.5555/owls"),
        (",10.5555/OWLS,https://arxiv.org/abs/2505.00001v2", "arxiv:2505.00001"),
        (",,https://doi.org/10.5555/owls", "doi:10.5555/owls"),
        ("x:1,10.5555/OWLS,", "x:1"),
    ],
)
def test_an_id_that_is_missing_follows_from_doi_or_address(cells: str, identifier: str) -> None:
    [found] = papers(f"title,id,doi,url\nOwls,{cells}\n")
    assert found.id == identifier
    [without_column] = papers(f"title,doi,url\nOwls,{cells.partition(',')[2] or 'x'}\n") if cells[0] == "," else [found]
    assert without_column.id == identifier


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,name\n", "lacks title"),
        ("title,name\n", r"lacks id \(or doi, or url\)"),
        ("a,b\n", r"lacks id \(or doi, or url\) and title"),
        ("x:1,Owls\n", "must name the columns"),
        ('{"id": "x:1", "title": "Owls"}\n', "must name the columns"),
        ("id,title\n".encode("utf-16"), "must name the columns"),
        ("\0" * 200_000, "must name the columns"),
        ("<html>maintenance</html>", "must name the columns"),
    ],
)
def test_a_table_without_the_columns_names_what_is_missing(content: str | bytes, said: str) -> None:
    with pytest.raises(SourceFormatError, match=f"papers.csv: .*{said}"):
        parsed(content)


def test_broken_rows_are_skipped_with_the_line_that_they_start_on() -> None:
    content = (
        "id,title,url,announced,upvotes\n"
        'x:1,"One\nover two lines"\n'
        "\n"
        ",Two\n"
        ",,,,\n"
        "x:3,\n"
        "owls,Four\n"
        "x:5,Five,javascript:alert(1)\n"
        "x:6,Six,,27.05.2025\n"
        "x:7,Seven,,,many\n"
        "x:8,Eight,,,,more,cells\n"
    )
    assert [(one.id, one.title) for one in papers(content)] == [("x:1", "One over two lines"), ("x:8", "Eight")]
    assert skipped(content) == [
        ("papers.csv, line 5", "no id, and none follows from doi or url"),
        ("papers.csv, line 7", "x:3: no title"),
        ("papers.csv, line 8", "id 'owls' is not source:identifier without blanks"),
        ("papers.csv, line 9", "url 'javascript:alert(1)' is not an http address"),
        ("papers.csv, line 10", "announced '27.05.2025' is not a day (YYYY-MM-DD)"),
        ("papers.csv, line 11", "upvotes is not a whole number from 0"),
    ]


def test_a_row_in_another_encoding_is_skipped_and_told() -> None:
    content = "id,title\nx:1,Größe\n".encode() + "x:2,Größe\n".encode("latin-1") + b"x:3,Owls\n"
    assert [one.title for one in papers(content)] == ["Größe", "Owls"]
    assert skipped(content) == [("papers.csv, line 3", "not UTF-8; save the file as UTF-8")]


def test_what_is_unseen_is_not_taken() -> None:
    assert papers("id,title\nx:1,Ow\0ls\u202e\n")[0].title == "Ow ls"


def test_a_field_or_row_beyond_the_limit_is_skipped_and_reading_goes_on() -> None:
    content = f"id,title\nx:1,{'x' * 200_000}\nx:2,Two\nx:3,{'y,' * 600_000}\nx:4,Four\n"
    assert [one.id for one in papers(content)] == ["x:2", "x:4"]
    assert skipped(content) == [
        ("papers.csv, line 2", "not CSV: field larger than field limit (131072)"),
        ("papers.csv, line 4", "longer than 1,000,000 bytes"),
    ]


def test_an_open_quotation_mark_does_not_lose_the_whole_table() -> None:
    rows = "".join(f"x:{number},Owls number {number}\n" for number in range(12_000))
    found = papers(f'id,title\nx:first,"Owls\n{rows}')
    assert found[-1].id == "x:11999"
    assert len(found) > 5_000


@pytest.mark.parametrize("piece", ['"', '""', ",", '"\n', "\0", '1,"\n', '"a""b",x\n'])
def test_a_hostile_table_takes_no_more_time_than_its_length(piece: str) -> None:
    started = time.process_time()
    parsed("id,title\n" + piece * 30_000)
    assert time.process_time() - started < 20


tables = st.lists(
    st.sampled_from(["id", "title", "doi", "url", "x:1", ",", ";", "\t", '"', "\r", "\n", "\0", "é", "upvotes", "٣"])
)


@settings(deadline=None)
@given(
    st.binary(max_size=100)
    | tables.map("".join).map(str.encode)
    | tables.map("".join).map("id,title,doi,url,upvotes\n".__add__).map(str.encode)
)
@example(b"id,title\r\nx:1,a\rb\r\n")
@example(b"id,title,upvotes\nx:1,a,\xc2\xb2\n")
def test_any_bytes_are_papers_or_a_format_error(content: bytes) -> None:
    try:
        found = parsed(content)
    except SourceFormatError:
        return
    for one in found:
        if isinstance(one, Paper):
            assert one.title == one_line(one.title) != ""
            one.title.encode("utf-8")
            assert " " not in one.id
        else:
            assert len(one.problem) < 500
