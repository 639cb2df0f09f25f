"""Zotero's own exports: its JSON, wrapped or not, and its table."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import pytest

from digestbot.models import Paper
from digestbot.sources import csl, tables
from tests.factories import DAY
from tests.sources.bibliography_texts import papers, skipped

OWL = {
    "itemType": "preprint",
    "title": "Sparse Retrieval of Owls",
    "abstractNote": "We look\nfor owls.",
    "creators": [
        {"creatorType": "author", "firstName": "Ada", "lastName": "Quill"},
        {"creatorType": "author", "name": "Owl Consortium"},
        {"creatorType": "editor", "firstName": "Cleo", "lastName": "Stork"},
    ],
    "date": "2023-06-29",
    "DOI": "10.5555/Owls",
    "url": "https://example.org/owls",
    "extra": "Number: 7\narXiv:2306.13455 [cs]",
}


def own(*entries: object) -> str:
    return json.dumps({"config": {"id": "x"}, "version": {}, "items": entries})


def table(**cells: str) -> str:
    written = io.StringIO()
    rows = csv.DictWriter(written, ["Key", "Item Type", *cells], quoting=csv.QUOTE_ALL)
    rows.writeheader()
    rows.writerow({"Key": "ABCD", "Item Type": "preprint"} | cells)
    return written.getvalue()


def listed(**cells: str) -> Paper:
    lines = table(**cells).encode("utf-8-sig").splitlines(keepends=True)
    [found] = tables.parse(lines, name="x", default_day=DAY)
    assert isinstance(found, Paper)
    return found


@pytest.mark.parametrize("content", [own(OWL), json.dumps([OWL]), json.dumps([{"key": "A", "data": OWL}])])
def test_an_entry_of_zoteros_own_json_is_a_paper(content: str) -> None:
    assert papers(csl.parse, content) == [
        Paper(
            id="arxiv:2306.13455",
            title="Sparse Retrieval of Owls",
            abstract="We look for owls.",
            authors=("Ada Quill", "Owl Consortium"),
            categories=(),
            announced=date(2023, 6, 29),
            url="https://example.org/owls",
            doi="10.5555/owls",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "identifier"),
    [
        ({"extra": ""}, "doi:10.5555/owls"),
        ({"extra": "Replies to arXiv:2001.00001"}, "doi:10.5555/owls"),
        ({"extra": "", "archiveID": "arXiv:2306.13455"}, "arxiv:2306.13455"),
        ({"extra": "", "DOI": "", "url": "http://arxiv.org/abs/2306.13455"}, "arxiv:2306.13455"),
    ],
)
def test_an_entry_of_zoteros_own_json_is_named_like_any_other(changes: dict[str, Any], identifier: str) -> None:
    assert [found.id for found in papers(csl.parse, own(OWL | changes))] == [identifier]


def test_attachments_and_notes_are_no_papers_and_broken_entries_are_skipped() -> None:
    attached = [{"itemType": "attachment", "title": "PDF"}, {"itemType": "note", "note": "x"}]
    content = own(*attached, OWL, OWL | {"title": ""}, OWL | {"creators": "Quill"})
    assert len(papers(csl.parse, content)) == 1
    assert skipped(csl.parse, content) == [
        ("x, entry 4", "no title"),
        ("x, entry 5", "creators is not a list of names"),
    ]


def test_a_row_of_zoteros_table_is_a_paper() -> None:
    cells = {"Publication Year": "2023", "Author": "Quill, Ada; Owl Consortium", "Title": "Sparse Retrieval of Owls"}
    cells |= {"DOI": "10.5555/Owls", "Url": "https://example.org/owls", "Abstract Note": "We look\nfor owls."}
    assert listed(**cells, Date="2023-06-29", Extra="arXiv:2306.13455 [cs]") == Paper(
        id="arxiv:2306.13455",
        title="Sparse Retrieval of Owls",
        abstract="We look for owls.",
        authors=("Ada Quill", "Owl Consortium"),
        categories=(),
        announced=date(2023, 6, 29),
        url="https://example.org/owls",
        doi="10.5555/owls",
    )


def test_a_row_of_zoteros_table_needs_a_title_alone_and_its_year_is_no_day_of_now() -> None:
    plain = listed(Author="Quill, Ada", Title="Sparse Retrieval of Owls")
    assert plain.id.startswith("file:")
    assert plain.announced == DAY - timedelta(days=15)
    dated = listed(**{"Publication Year": "2021", "Author": "Quill, Ada", "Title": "Owls"})
    assert dated.announced == date(2021, 12, 31)


def test_a_table_with_our_own_columns_is_read_by_them() -> None:
    lines = [b"id,title,author,date\n", b"x:1,Owls,Ada Quill,2021\n"]
    [found] = tables.parse(lines, name="x", default_day=DAY)
    assert isinstance(found, Paper)
    assert (found.id, found.authors, found.announced) == ("x:1", (), DAY)
