"""Sites on loopback that a test fills with pages, and a client that asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from digestbot.errors import SourceFormatError, SourceUnavailableError
from digestbot.sources.client import Client, Lane
from tests.fakes.server import serving
from tests.fakes.site import Site

AT_ONCE = Lane(name="at once", seconds=0)


def read(url: str, parse: Callable[[bytes], Any] = bytes, *, lane: Lane = AT_ONCE, **options: Any) -> Any:
    """Read one page with a client of its own, which has little patience."""
    asked = {name: options.pop(name) for name in ("cached", "accept") if name in options}
    values: dict[str, Any] = {"folder": None, "clock": lambda: datetime.now(UTC), "patience": 0.3, "timeout": 5.0}

    async def run() -> Any:
        client = Client(**values | options)
        return await client.read(url, parse, lane=lane, **asked)

    return asyncio.run(run())


def plain(body: bytes) -> bytes:
    """Parse a page that is not HTML."""
    if body.startswith(b"<!DOCTYPE"):
        raise SourceFormatError("this is no list of papers")
    return body


def said(url: str, **options: Any) -> str:
    with pytest.raises(SourceUnavailableError) as caught:
        read(url, plain, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as served:
        yield served


@pytest.fixture
def other() -> Iterator[Site]:
    """Another site, on a port of its own."""
    with serving(Site()) as served:
        yield served
