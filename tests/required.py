"""Programs and packages of other projects that tests need: where they are, and what happens without one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

_CHECKOUT = Path(__file__).resolve().parents[1]


def missing(what: str) -> NoReturn:
    """Skip the test for want of something; in CI, which installs all that is needed, fail it."""
    if os.environ.get("DIGESTBOT_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what}, and DIGESTBOT_REQUIRE_PEERS=1 wants it")
    pytest.skip(what)


def node_packages() -> Path:
    """Return the folder of npm packages: ``DIGESTBOT_NODE_PEERS``, or the one that ``.ci/run`` makes."""
    named = os.environ.get("DIGESTBOT_NODE_PEERS")
    return Path(named).resolve() if named else _CHECKOUT / ".peers" / "node_modules"
