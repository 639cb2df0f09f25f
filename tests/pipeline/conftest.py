"""A server that answers as told, an office that delivers to it, and a disk that can be full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import pytest

from digestbot.links import Links
from digestbot.store import Store
from tests.disks import KINDS, Disk, small_disk
from tests.pipeline.peers import Office, Post, letters, listening


@pytest.fixture
def server(free_port: Callable[[], int]) -> Iterator[Post]:
    with listening(Post(free_port())) as post:
        yield post


@pytest.fixture
def office(store: Store, server: Post, templates: jinja2.Environment, links: Links) -> Office:
    return Office(store, letters(store, templates, links), server.port)


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A folder that can run out of room, in each of the ways."""
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(request.param, folder) as made:
        yield made
