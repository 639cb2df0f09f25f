"""The HTTP client against real servers: it waits, gives up politely, and never reads without end."""

from __future__ import annotations

import gzip
import os
import re
import time
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks

from digestbot import __version__
from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.sources.client import lane_of
from tests.factories import NOW
from tests.fakes.server import (
    Answer,
    Fault,
    cut_off,
    empty,
    huge,
    maintenance,
    moved,
    silent,
    too_many_requests,
    unavailable,
)
from tests.fakes.site import Site
from tests.sources.conftest import plain, read, said


def test_a_page_is_what_parse_makes_of_its_bytes(site: Site) -> None:
    site.pages["/a+b"] = Answer(body=b"caf\xc3\xa9 \xff")
    assert read(f"{site.url}/a+b?c=d%20e", len) == 7
    assert site.paths == ["/a+b"]
    assert site.asked[0].value("c") == "d e"


def test_it_says_who_it_is_and_whom_to_ask(site: Site) -> None:
    read(site.url + "/")
    read(site.url + "/", contact="help@example.org")
    agents = [request.headers["user-agent"] for request in site.asked]
    assert agents == [f"digestbot/{__version__}", f"digestbot/{__version__} (mailto:help@example.org)"]


def test_it_unpacks_gzip_and_asks_for_nothing_else(site: Site) -> None:
    site.pages["/"] = Answer(body=gzip.compress(b"one ") + gzip.compress(b"two"), headers={"Content-Encoding": "gzip"})
    assert read(site.url) == b"one two"
    assert site.asked[0].headers["accept-encoding"] == "gzip"
    assert site.asked[0].headers["host"] == site.url.removeprefix("http://")


def test_name_and_password_of_an_address_go_to_its_server_only_and_into_no_error(site: Site, other: Site) -> None:
    secret = site.url.replace("//", "//reader:s%20cret@")
    site.pages["/old"] = moved(other.url)(Answer())
    assert read(f"{secret}/old", allowed=[other.url]) == b"here"
    assert site.asked[0].headers["authorization"] == "Basic cmVhZGVyOnMgY3JldA=="
    assert "authorization" not in other.asked[0].headers
    for path in ("/gone", "/old"):
        assert said(secret + path).startswith(f"{site.url}{path}: ")
    assert said("http://reader:se/cret@[x").startswith("http://[x: is no web address")


def test_a_proxy_of_the_environment_is_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert read(site.url) == b"here"


@pytest.mark.parametrize(
    "fault",
    [
        too_many_requests,
        unavailable(),
        unavailable("0"),
        unavailable("soon"),
        unavailable("-5"),
        unavailable("Tue, 32 Foo 2026 99:99:99 GMT"),
        unavailable("Mon, 01 Jan 2024 00:00:00 GMT"),
        lambda _: Answer(status=500),
        cut_off,
        silent,
        empty,
        lambda _: Answer(body=b" \r\n"),
        maintenance,
        lambda _: Answer(status=304),
        lambda _: Answer(body=b"plain", headers={"Content-Encoding": "gzip"}),
        lambda _: Answer(body=gzip.compress(b"cut off")[:-9], headers={"Content-Encoding": "gzip"}),
        lambda _: Answer(body=b"odd", headers={"Content-Encoding": "br"}),
    ],
)
def test_what_may_go_better_in_a_moment_is_asked_for_again(site: Site, fault: Fault) -> None:
    site.fail(fault)
    assert read(site.url, plain, patience=1.0) == b"here"
    assert len(site.asked) == 2


def test_nobody_there_is_said_after_some_patience(free_port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    assert re.match(rf"{url}: no answer from 127\.0\.0\.1:\d+: \S+", said(url))


def test_a_server_that_stays_busy_is_given_up_politely(site: Site) -> None:
    site.pages["/"] = Answer(status=503)
    assert said(site.url, patience=0.6) == f"{site.url}: answered 503"
    assert 2 <= len(site.asked) <= 5


def test_the_waits_between_tries_grow(site: Site) -> None:
    waits: list[float] = []
    before = get_on_retry_hooks()
    set_on_retry_hooks([lambda retry: waits.append(retry.wait_for)])
    try:
        # The server ends the tries, and not the patience: that is used up by a slow machine, too.
        site.fail(lambda _: Answer(status=429), lambda _: Answer(status=429))
        assert read(site.url, patience=4.0) == b"here"
    finally:
        set_on_retry_hooks(before)
    first, second = waits
    assert 0 < first * 1.2 < second


def test_a_page_that_parse_never_takes_is_an_error_of_its_format(site: Site) -> None:
    site.pages["/"] = maintenance(Answer())
    with pytest.raises(SourceFormatError, match=r"^this is no list of papers$"):
        read(site.url, plain, patience=0.6)
    assert len(site.asked) >= 2


def test_what_parse_says_is_no_use_is_not_asked_for_again(site: Site) -> None:
    def refuse(_: bytes) -> None:
        raise SourceUnavailableError("the service says: no such set")

    with pytest.raises(SourceUnavailableError, match=r"^the service says: no such set$"):
        read(site.url, refuse)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("status", "then"),
    [(400, ""), (403, ""), (404, ": is not there; correct"), (410, ": is gone; remove it from the settings")],
)
def test_an_answer_that_will_not_change_is_not_asked_for_again(site: Site, status: int, then: str) -> None:
    site.pages["/"] = Answer(status=status, body=b"no")
    assert said(site.url).startswith(f"{site.url}: answered {status}{then}")
    assert len(site.asked) == 1


def test_a_status_that_the_caller_accepts_is_parsed(site: Site) -> None:
    site.pages["/"] = Answer(status=500, body=b"no such id")
    assert read(site.url, accept=(200, 500)) == b"no such id"


@pytest.mark.parametrize("url", ["http://[", "", "no-scheme", "gopher://example.org/", "http://", "file:///etc/hosts"])
def test_what_is_no_address_is_an_error_not_a_crash(url: str) -> None:
    assert said(url, lane=lane_of(url, 0)).startswith(f"{url}: is no web address")


def test_a_wrong_address_in_the_settings_of_one_source_is_nothing_to_another(site: Site) -> None:
    assert read(site.url, allowed=["http://[", ""]) == b"here"


def test_a_wait_in_seconds_is_kept(site: Site) -> None:
    site.fail(unavailable("1"))
    begun = time.monotonic()
    assert read(site.url, patience=9) == b"here"
    assert time.monotonic() - begun > 0.95


@pytest.mark.parametrize("status", [429, 502])
def test_a_wait_until_a_date_is_kept(site: Site, status: int) -> None:
    # The clock of the client stands still half a second before the date, which has whole seconds only.
    date = format_datetime(NOW.replace(second=1), usegmt=True)
    site.fail(lambda _: Answer(status=status, headers={"Retry-After": date}))
    begun = time.monotonic()
    assert read(site.url, patience=2, clock=lambda: NOW.replace(microsecond=500_000)) == b"here"
    assert time.monotonic() - begun > 0.45


@pytest.mark.parametrize("asked", ["90", format_datetime(NOW + timedelta(seconds=90), usegmt=True)])
def test_a_wait_beyond_our_patience_is_given_up_at_once_with_the_time_to_come_back(site: Site, asked: str) -> None:
    site.fail(unavailable(asked))
    text = said(site.url, patience=20, clock=lambda: NOW)
    assert (
        text == f"{site.url}: answered 503: come back in 90 s, at {NOW + timedelta(seconds=90):%Y-%m-%d %H:%M:%S} UTC"
    )
    assert len(site.asked) == 1


@pytest.mark.parametrize("asked", ["9" * 20, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_of_years_is_no_crash(site: Site, asked: str) -> None:
    site.fail(unavailable(asked))
    assert "come back in 86400 s" in said(site.url)


def test_other_processes_and_the_next_load_wait_too(site: Site, tmp_path: Path) -> None:
    site.fail(unavailable("1"))
    begun = time.monotonic()
    assert "come back in 1 s" in said(site.url, folder=tmp_path)
    assert read(site.url, folder=tmp_path) == b"here"
    assert time.monotonic() - begun > 0.95


def peak_of(ask: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        ask()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_body_beyond_the_cap_is_refused_before_it_is_read(site: Site) -> None:
    site.fail(huge)
    assert said(site.url).endswith("sends more than 50 MB")
    assert len(site.asked) == 1


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_cap(site: Site) -> None:
    site.pages["/"] = Answer(body=b"x" * 100_000, repeat=2000, undeclared=True)
    peak = peak_of(lambda: said(site.url, max_bytes=5_000_000))
    assert len(site.asked) == 1
    assert peak < 20_000_000


def test_a_small_body_that_unpacks_beyond_the_cap_is_refused_and_costs_no_memory(site: Site) -> None:
    packer = zlib.compressobj(level=1, wbits=31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(200)) + packer.flush()
    site.pages["/"] = Answer(body=bomb, headers={"Content-Encoding": "gzip"})
    peak = peak_of(lambda: said(site.url, max_bytes=5_000_000))
    assert len(site.asked) == 1
    assert peak < 20_000_000


def test_a_body_as_long_as_the_cap_is_taken(site: Site) -> None:
    site.pages["/"] = Answer(body=b"x" * 2_000_000)
    site.pages["/packed"] = Answer(body=gzip.compress(b"x" * 2_000_000), headers={"Content-Encoding": "gzip"})
    assert read(site.url, len, max_bytes=2_000_000) == 2_000_000
    assert read(site.url + "/packed", len, max_bytes=2_000_000) == 2_000_000


def test_packed_bytes_survive_in_whatever_pieces_they_arrive(site: Site) -> None:
    body = os.urandom(1_000_000) + bytes(3_000_000) + os.urandom(1_000_000)
    site.pages["/"] = Answer(body=gzip.compress(body) + bytes(512), headers={"Content-Encoding": "gzip"})
    assert read(site.url) == body


def test_an_answer_that_stops_is_not_waited_for_without_end(site: Site) -> None:
    site.pages["/"] = Answer(body=b"zz", drip=0.5)
    assert "nothing from 127.0.0.1" in said(site.url, timeout=0.1, patience=0.05)


def test_an_answer_that_drips_is_not_read_without_end(site: Site) -> None:
    site.pages["/"] = Answer(body=b"z" * 50, drip=0.05)
    assert "no end of an answer from 127.0.0.1" in said(site.url, timeout=0.1, patience=0.05)
