"""An arXiv whose time each test sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.arxiv import Arxiv, World
from tests.fakes.replies import FIRST, LAST, NOON
from tests.fakes.server import serving


@pytest.fixture(scope="session")
def world() -> World:
    """Built once: of a world only the time changes."""
    return World(FIRST, LAST, papers_a_day=20)


@pytest.fixture
def arxiv(world: World) -> Iterator[Arxiv]:
    world.now = NOON
    service = Arxiv(world=world)
    with serving(service):
        yield service
