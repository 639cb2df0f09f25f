"""Judges that come as npm packages: small scripts beside this file ask them, for all mails at once."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def packages() -> Path:
    """Return the folder of npm packages: ``DIGESTBOT_NODE_PEERS``, or the one that ``.ci/run`` makes."""
    named = os.environ.get("DIGESTBOT_NODE_PEERS")
    return Path(named).resolve() if named else _HERE.parents[1] / ".peers" / "node_modules"


# To start a browser takes longer than to judge by it, and several tests ask the same of it.
@cache
def ask(node: str, script: str, given: str) -> str:
    """Return what a script answers; both are JSON."""
    done = subprocess.run(
        [node, str(_HERE / script), str(packages())],
        input=given,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
