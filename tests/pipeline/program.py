"""The command line as its users run it: in a process of its own, or in this one to save the start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from digestbot.cli import main

PATIENCE = 60.0


def environ() -> dict[str, str]:
    """Return the environment without settings of ours in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIGESTBOT_")}


def command(settings: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "digestbot", *call(settings, *arguments)]


def call(settings: Path, *arguments: str) -> list[str]:
    return ["--settings", str(settings), *arguments]


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE, env=environ(), check=False
    )


def done(settings: Path, *arguments: str) -> None:
    """Run a command in this process, where everything is loaded already; it must succeed."""
    with pytest.raises(SystemExit) as end:
        main(call(settings, *arguments))
    assert end.value.code == 0
