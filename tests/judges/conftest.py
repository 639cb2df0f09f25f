"""Fixtures of the judges: the mails, once for all of them, and the programs that judge."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jinja2
import pytest

from tests.factories import new_store
from tests.judges.mails import write_all
from tests.judges.node import ask
from tests.required import missing, node_packages

Judge = Callable[[str, Any], Any]


@pytest.fixture(scope="session")
def mails(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, templates: jinja2.Environment
) -> dict[str, bytes]:
    """One mail of each kind, as the bytes that are sent."""
    path = shutil.copyfile(empty_database, tmp_path_factory.mktemp("judged") / "digestbot.sqlite")
    with closing(new_store(path)) as store:
        return write_all(store, templates)


@pytest.fixture
def judge(peer: Callable[[str], str]) -> Judge:
    """Ask a script of this folder, run by node; without its packages the test skips, in CI it fails."""
    node, folder = peer("node"), node_packages()
    if not folder.is_dir():
        missing(f"there are no packages in {folder.name}; .ci/run says how they are installed")

    def judged(script: str, given: Any) -> Any:
        return json.loads(ask(node, script, json.dumps(given)))

    return judged
