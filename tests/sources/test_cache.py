"""Kept pages: what has not changed is not sent again, and a broken cache is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from digestbot.errors import SourceFormatError
from tests.fakes.server import (
    Answer,
    Request,
)
from tests.fakes.site import Site
from tests.sources.conftest import plain, read


def changing(etag: str) -> Callable[[Request], Answer]:
    def page(request: Request) -> Answer:
        if request.headers.get("if-none-match") == etag:
            return Answer(status=304)
        return Answer(body=b"the page " * 100, headers={"ETag": etag})

    return page


@pytest.mark.parametrize("etag", ['"quoted"', 'W/"weak"', "3f2a-without-quotes", '"caf\xe9"'])
def test_a_page_that_has_not_changed_is_not_sent_again(site: Site, tmp_path: Path, etag: str) -> None:
    site.pages["/"] = changing(etag)
    answers = [read(site.url, cached=True, folder=tmp_path) for _ in range(3)]
    assert answers == [b"the page " * 100] * 3
    assert [request.headers.get("if-none-match") for request in site.asked] == [None, etag, etag]


def test_a_page_without_an_etag_is_asked_for_by_its_date(site: Site, tmp_path: Path) -> None:
    date = "Tue, 27 May 2025 00:00:00 GMT"
    site.pages["/"] = lambda request: (
        Answer(status=304)
        if "if-modified-since" in request.headers
        else Answer(body=b"x", headers={"Last-Modified": date})
    )
    assert [read(site.url, cached=True, folder=tmp_path) for _ in range(2)] == [b"x", b"x"]
    assert site.asked[1].headers["if-modified-since"] == date


def test_a_page_that_changes_replaces_the_kept_one(site: Site, tmp_path: Path) -> None:
    for etag in ("one", "two", "two"):
        site.pages["/"] = changing(etag)
        read(site.url, cached=True, folder=tmp_path)
    assert [request.headers.get("if-none-match") for request in site.asked] == [None, "one", "two"]
    site.pages["/"] = Answer(body=b"no longer marked")
    assert [read(site.url, cached=True, folder=tmp_path) for _ in range(2)] == [b"no longer marked"] * 2
    assert "if-none-match" not in site.asked[-1].headers


def test_nothing_is_kept_unless_it_was_asked_for_and_parsed(site: Site, tmp_path: Path) -> None:
    site.pages["/"] = changing("one")
    read(site.url, folder=tmp_path)
    site.pages["/"] = Answer(body=b"<!DOCTYPE html>", headers={"ETag": "one"})
    with pytest.raises(SourceFormatError):
        read(site.url, plain, cached=True, folder=tmp_path)
    assert all("if-none-match" not in request.headers for request in site.asked)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"\n\n", b'{"url": 1}\nxx', b"[" * 100_000, "half"])
def test_a_broken_file_counts_as_none(site: Site, tmp_path: Path, content: bytes | str) -> None:
    site.pages["/"] = changing("one")
    read(site.url, cached=True, folder=tmp_path)
    (kept,) = (tmp_path / "pages").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2 + 20] if isinstance(content, str) else content)
    assert read(site.url, cached=True, folder=tmp_path) == b"the page " * 100
    assert [request.headers.get("if-none-match") for request in site.asked] == [None, None]


def test_a_kept_page_that_parse_takes_no_more_is_asked_for_anew(site: Site, tmp_path: Path) -> None:
    def strict(body: bytes) -> bytes:
        if body == b"old":
            raise SourceFormatError("too old")
        return body

    site.pages["/"] = Answer(body=b"old", headers={"ETag": "1"})
    read(site.url, cached=True, folder=tmp_path)
    site.pages["/"] = lambda request: Answer(status=304) if "if-none-match" in request.headers else Answer(body=b"new")
    assert read(site.url, strict, cached=True, folder=tmp_path, patience=1.0) == b"new"


def test_only_the_newest_pages_are_kept(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for number in range(250):
        (folder / f"{number}.page").touch()
        os.utime(folder / f"{number}.page", (number, number))
    site.pages["/"] = changing("one")
    read(site.url, cached=True, folder=tmp_path)
    left = {path.name for path in folder.iterdir()}
    assert len(left) == 200
    assert "249.page" in left
    assert "50.page" not in left
