"""What tests need of others, systems and programs and packages: where it is, and what happens without it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import pytest

_CHECKOUT = Path(__file__).resolve().parents[1]

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals and file modes as POSIX has them")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them")


def missing(what: str) -> NoReturn:
    """Skip the test for want of something; in CI, which installs all that is needed, fail it."""
    if os.environ.get("DIGESTBOT_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what}, and DIGESTBOT_REQUIRE_PEERS=1 wants it")
    pytest.skip(what)


def node_packages() -> Path:
    """Return the folder of npm packages: ``DIGESTBOT_NODE_PEERS``, or the one that ``.ci/run`` makes."""
    named = os.environ.get("DIGESTBOT_NODE_PEERS")
    return Path(named).resolve() if named else _CHECKOUT / ".peers" / "node_modules"
