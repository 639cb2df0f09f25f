"""A page of Hugging Face's daily papers: every entry a paper, or skipped with its place."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import SourceFormatError
from digestbot.sources.huggingface import Page, parse_page
from tests.factories import DAY, paper
from tests.fakes.huggingface import item
from tests.sources.json_values import anything

YESTERDAY = DAY - timedelta(days=1)


def parsed(*entries: Any) -> Page:
    return parse_page(json.dumps(entries).encode(), day=DAY)


def test_an_entry_is_a_paper_of_arxiv() -> None:
    assert parsed(item(7)).papers == (
        paper(
            7,
            categories=(),
            upvotes=7,
            comment_count=2,
            announced=DAY,
            links=("https://huggingface.co/papers/2505.00007",),
        ),
    )


def test_the_day_is_the_one_that_was_asked_for_whatever_the_entry_says() -> None:
    odd = item(1, YESTERDAY, publishedAt="2025-5-2", submittedOnDailyAt="yesterday evening")
    assert parsed(odd).papers[0].announced == DAY


def test_authors_who_are_hidden_are_not_shown() -> None:
    authors = [{"name": "Ada  Quill"}, {"name": "Bela Vane", "hidden": True}, {"name": None}, "Cleo", {}]
    assert parsed(item(1, authors=authors)).papers[0].authors == ("Ada Quill",)
    assert parsed(item(1, authors=None)).papers[0].authors == ()


def test_a_paper_that_was_withdrawn_is_left_out() -> None:
    page = parsed(item(1, withdrawnAt="2025-05-27T03:00:00.000Z"), item(2))
    assert [one.id for one in page.papers] == ["arxiv:2505.00002"]
    assert (page.entries, page.skipped) == (2, ())


@pytest.mark.parametrize(
    ("sent", "count"), [(12, 12), (12.0, 12), (None, 0), ("many", 0), (-3, 0), (True, 0), (1e300, 0)]
)
def test_counts_are_whole_numbers_whatever_is_sent(sent: object, count: int) -> None:
    one = parsed(item(1, upvotes=sent, numComments=sent)).papers[0]
    assert (one.upvotes, one.comment_count) == (count, count)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (None, "no paper in it"),
        ({"title": "outer only"}, "no paper in it"),
        (item(1, id=None), "id '' is not arXiv's"),
        (item(1, id=2503.0213), "id '' is not arXiv's"),
        (item(1, id="a blog"), "id 'a blog' is not arXiv's"),
        (item(1, title=" \n"), "arxiv:2505.00001: no title"),
    ],
)
def test_a_broken_entry_is_skipped_and_the_others_are_taken(entry: object, problem: str) -> None:
    page = parsed(item(2), entry, item(3))
    assert [one.id for one in page.papers] == ["arxiv:2505.00002", "arxiv:2505.00003"]
    assert [(one.place, one.problem) for one in page.skipped] == [(f"{DAY}, page 1, entry 2", problem)]


@pytest.mark.parametrize("body", [b"", b"{", b"<html></html>", b"[" * 100_000, b"3", b'{"error":"Invalid date"}'])
def test_what_is_no_list_is_a_format_error(body: bytes) -> None:
    with pytest.raises(SourceFormatError, match=r"huggingface: (not JSON|not a list of papers|Invalid date)"):
        parse_page(body, day=DAY)


def test_bytes_that_are_not_utf8_cost_one_entry() -> None:
    body = json.dumps([item(1), item(2, title="Bees"), item(3)]).encode().replace(b"Bees", b"B\xff\xfes")
    page = parse_page(body, day=DAY)
    assert [one.id for one in page.papers] == ["arxiv:2505.00001", "arxiv:2505.00003"]
    assert [one.problem for one in page.skipped] == ["not UTF-8"]


def test_half_a_character_in_an_escape_is_dropped() -> None:
    assert parsed(item(1, title="Bees \ud83d \udc80 fly")).papers[0].title == "Bees fly"


@given(st.binary(max_size=200))
def test_any_bytes_are_papers_or_a_format_error(body: bytes) -> None:
    try:
        parse_page(body, day=DAY)
    except SourceFormatError:
        return


@given(st.sampled_from(sorted(item()["paper"])), anything, anything)
def test_any_value_of_a_field_leaves_the_other_entries_alone(name: str, value: object, comments: object) -> None:
    spoilt = item(1, numComments=comments)
    spoilt["paper"][name] = value
    page = parsed(spoilt, item(2))
    assert "arxiv:2505.00002" in [one.id for one in page.papers]
    assert all(one.upvotes >= 0 and one.title and one.announced == DAY for one in page.papers)


def test_other_fields_than_those_of_the_tables_do_not_matter() -> None:
    bare = {"paper": {"id": "2505.00001", "title": "Sparse retrieval, part 1"}}
    page = parse_page(json.dumps([bare]).encode(), day=DAY)
    assert page.papers == (replace(paper(1), abstract="", authors=(), categories=(), links=page.papers[0].links),)
