"""A server that answers as told, and an office that delivers to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jinja2
import pytest

from digestbot.links import Links
from digestbot.store import Store
from tests.pipeline.peers import Office, Post, letters, listening


@pytest.fixture
def server(free_port: Callable[[], int]) -> Iterator[Post]:
    with listening(Post(free_port())) as post:
        yield post


@pytest.fixture
def office(store: Store, server: Post, templates: jinja2.Environment, links: Links) -> Office:
    return Office(store, letters(store, templates, links), server.port)
