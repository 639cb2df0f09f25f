"""When a service may be asked again: what it said itself, kept apart from the pace."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from digestbot.sources.client import Lane
from tests.factories import NOW
from tests.fakes.server import unavailable
from tests.fakes.site import Site
from tests.sources.conftest import read, said


def test_a_service_is_left_alone_for_as_long_as_it_asked(site: Site, tmp_path: Path) -> None:
    site.fail(unavailable("3600"))
    said(site.url, folder=tmp_path, clock=lambda: NOW)
    begun = time.monotonic()
    for later in (timedelta(seconds=70), timedelta(minutes=58)):
        text = said(site.url, folder=tmp_path, clock=lambda later=later: NOW + later)
        assert (
            text == f"{site.url}: asked to come back at {NOW + timedelta(hours=1):%H:%M} UTC, and is not asked before"
        )
    assert time.monotonic() - begun < 20
    assert len(site.asked) == 1
    assert read(site.url, folder=tmp_path, clock=lambda: NOW + timedelta(hours=1, seconds=1)) == b"here"


def test_the_minute_to_come_back_is_never_too_early(site: Site, tmp_path: Path) -> None:
    now = NOW.replace(minute=0, second=20)
    site.fail(unavailable("600"))
    said(site.url, folder=tmp_path, clock=lambda: now)
    assert f"at {now.hour:02}:11 UTC" in said(site.url, folder=tmp_path, clock=lambda: now)


def test_a_moment_of_some_seconds_is_waited_for_even_with_little_patience(site: Site, tmp_path: Path) -> None:
    site.fail(unavailable("1"))
    said(site.url, folder=tmp_path, patience=0.1)
    begun = time.monotonic()
    assert read(site.url, folder=tmp_path, patience=0.1) == b"here"
    assert 0.6 < time.monotonic() - begun < 20


def test_a_moment_that_was_kept_once_is_over(site: Site, tmp_path: Path) -> None:
    """However the clock is set then."""
    site.fail(unavailable("3600"))
    said(site.url, folder=tmp_path, clock=lambda: NOW)
    read(site.url, folder=tmp_path, clock=lambda: NOW + timedelta(hours=2))
    assert read(site.url, folder=tmp_path, clock=lambda: NOW + timedelta(minutes=5)) == b"here"


@pytest.mark.parametrize("back", [timedelta(seconds=50), timedelta(minutes=9), timedelta(days=400)])
def test_a_clock_that_is_set_back_holds_up_nobody(site: Site, tmp_path: Path, back: timedelta) -> None:
    lane = Lane(name="one", seconds=0.2)
    read(site.url, lane=lane, folder=tmp_path, clock=lambda: NOW)
    begun = time.monotonic()
    assert read(site.url, lane=lane, folder=tmp_path, clock=lambda: NOW - back) == b"here"
    assert time.monotonic() - begun < 20


def test_a_clock_that_is_set_back_does_not_make_us_come_back_early(site: Site, tmp_path: Path) -> None:
    site.fail(unavailable("3600"))
    said(site.url, folder=tmp_path, clock=lambda: NOW)
    assert "asked to come back" in said(site.url, folder=tmp_path, clock=lambda: NOW - timedelta(minutes=9))


@pytest.mark.parametrize("second", [b"soon", b"nan", b"inf", b"99999999999", b"-1", b"\xff"])
def test_a_moment_to_come_back_that_was_not_written_by_us_counts_as_nothing(
    site: Site, tmp_path: Path, second: bytes
) -> None:
    (tmp_path / "one.next").write_bytes(b"0.000\n" + second + b"\n")
    assert read(site.url, lane=Lane(name="one", seconds=0), folder=tmp_path) == b"here"
