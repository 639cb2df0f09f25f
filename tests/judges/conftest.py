"""Fixtures of the judges: the mails, once for all of them, and the programs that judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.judges.mails import Post, write_all
from tests.judges.node import ask
from tests.required import missing, node_packages

Judge = Callable[[str, Any], Any]


@pytest.fixture(scope="session")
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    """Every mail, with its envelope."""
    return write_all(tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="session")
def mails(post: Post) -> dict[str, bytes]:
    """Every mail, as the bytes that are sent."""
    return {name: sent.content for name, sent in post.mails.items()}


@pytest.fixture
def judge(peer: Callable[[str], str]) -> Judge:
    """Ask a script of this folder, run by node; without its packages the test skips, in CI it fails."""
    node, folder = peer("node"), node_packages()
    if not folder.is_dir():
        missing(f"there are no packages in {folder.name}; .ci/run says how they are installed")

    def judged(script: str, given: Any) -> Any:
        return json.loads(ask(node, script, json.dumps(given)))

    return judged
