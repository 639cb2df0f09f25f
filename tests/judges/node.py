"""Judges that come as npm packages: small scripts beside this file ask them, for all mails at once."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.required import node_packages

_HERE = Path(__file__).resolve().parent


# To start a browser takes longer than to judge by it, and several tests ask the same of it.
@cache
def ask(node: str, script: str, given: str) -> str:
    """Return what a script answers; both are JSON."""
    done = subprocess.run(
        [node, str(_HERE / script), str(node_packages())],
        input=given,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
