"""Fixtures, all of them real things: a database in a temporary folder, free ports, peers found on the PATH."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import pytest
import structlog
from hypothesis import settings

from digestbot.digest.environment import environment
from digestbot.links import Links
from digestbot.settings import packaged
from digestbot.store import Store
from tests.factories import KEY, new_store
from tests.required import missing


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write the golden mails of tests/data anew")


# The laws are tried on fewer examples in the gate than by make soak.
# Machines wobble: no law is a matter of milliseconds.
settings.register_profile("gate", max_examples=40, deadline=None)
settings.register_profile("soak", max_examples=500, deadline=None)
settings.load_profile("soak" if os.environ.get("DIGESTBOT_SOAK") == "1" else "gate")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """Compare bytes with a file of ``tests/data``; with ``--rewrite-golden`` write the file instead."""

    def check(name: str, made: bytes) -> None:
        path = Path(__file__).parent / "data" / name
        if request.config.getoption("--rewrite-golden"):
            path.write_bytes(made)
        if made != path.read_bytes():
            pytest.fail(f"tests/data/{name} differs; look at it with --rewrite-golden and git diff")

    return check


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows: making one takes ten times as long as copying it."""
    path = tmp_path_factory.mktemp("empty") / "digestbot.sqlite"
    new_store(path).close()
    return path


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    opened = new_store(shutil.copyfile(empty_database, tmp_path / "digestbot.sqlite"))
    yield opened
    opened.close()


@pytest.fixture
def links() -> Links:
    return Links("https://papers.example.org", [KEY])


@pytest.fixture(scope="session")
def templates() -> jinja2.Environment:
    return environment(packaged("templates"))


@pytest.fixture
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture
def peer() -> Callable[[str], str]:
    """Return the path of a program of another project; without it the test skips, in CI it fails."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/postfix/sbin")
        return path if path is not None else missing(f"{name} is not installed")

    return find


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the checkout, which a clone elsewhere does not have."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the data of ../shared, which is not here")
    return folder


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()
