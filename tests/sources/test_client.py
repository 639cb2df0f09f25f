"""The HTTP client against a real server: it waits, gives up, and never reads without end."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import pytest

from digestbot import __version__
from digestbot.errors import SourceUnavailableError
from digestbot.sources.client import Client
from tests.sources.conftest import Site


def get(url: str, client: Client | None = None) -> tuple[int, bytes]:
    async def run() -> tuple[int, bytes]:
        async with client or Client(patience=0.3) as opened:
            return await opened.get(url)

    return asyncio.run(run())


def test_a_page_is_its_status_and_its_bytes(site: Site) -> None:
    site.answers = [(200, b"caf\xc3\xa9 \xff")]
    assert get(f"{site.url}/a+b?c=d") == (200, b"caf\xc3\xa9 \xff")
    assert site.asked == ["/a+b?c=d"]


def test_it_says_who_it_is_and_whom_to_ask(site: Site) -> None:
    site.answers = [(200, b"")]
    get(site.url)
    get(site.url, Client(contact="help@example.org"))
    assert site.agents == [f"digestbot/{__version__}", f"digestbot/{__version__} (mailto:help@example.org)"]


@pytest.mark.parametrize("busy", [429, 500, 502, 503])
def test_a_busy_server_is_asked_again(site: Site, busy: int) -> None:
    site.answers = [(busy, b"Rate exceeded."), (200, b"here")]
    assert get(site.url) == (200, b"here")
    assert len(site.asked) == 2


def test_a_line_that_breaks_is_tried_again(site: Site) -> None:
    site.answers = [(0, b""), (200, b"here")]
    assert get(site.url) == (200, b"here")


def test_a_server_that_stays_busy_is_given_up_politely(site: Site) -> None:
    site.answers = [(503, b"")]
    with pytest.raises(SourceUnavailableError, match=f"{site.url}.*: answered 503"):
        get(site.url)
    assert 2 <= len(site.asked) <= 4


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_an_answer_that_will_not_change_is_not_asked_for_again(site: Site, status: int) -> None:
    site.answers = [(status, b"no")]
    assert get(site.url) == (status, b"no")
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_page_that_has_moved_is_not_followed_but_named(site: Site, status: int) -> None:
    site.answers = [(status, b"")]
    site.headers = {"Location": "http://169.254.169.254/secret"}
    with pytest.raises(
        SourceUnavailableError, match=r"has moved to http://169\.254\.169\.254/secret; change the setting"
    ):
        get(site.url)
    assert len(site.asked) == 1


def test_a_body_beyond_the_cap_is_refused(site: Site) -> None:
    site.answers = [(200, b"x" * 2_000_001)]
    with pytest.raises(SourceUnavailableError, match="sends more than 2 MB"):
        get(site.url, Client(patience=0.3, max_bytes=2_000_000))
    assert len(site.asked) == 1
    site.answers = [(200, b"x" * 2_000_000)]
    assert len(get(site.url, Client(patience=0.3, max_bytes=2_000_000))[1]) == 2_000_000


def test_a_small_body_that_unpacks_beyond_the_cap_is_refused(site: Site) -> None:
    site.answers = [(200, gzip.compress(b"x" * 3_000_000))]
    site.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(SourceUnavailableError, match="sends more than 2 MB"):
        get(site.url, Client(patience=0.3, max_bytes=2_000_000))


def test_a_body_that_is_not_what_its_encoding_says_is_an_error(site: Site) -> None:
    site.answers = [(200, b"plain")]
    site.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(SourceUnavailableError):
        get(site.url)


def test_nobody_there_is_said_after_some_patience(free_port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(SourceUnavailableError, match=rf"{url}: no answer: \S+"):
        get(url)


@pytest.mark.parametrize("url", ["http://[", "", "no-scheme", "gopher://example.org/"])
def test_what_is_no_address_is_an_error_not_a_crash(url: str) -> None:
    with pytest.raises(SourceUnavailableError):
        get(url, Client(patience=0.05))
