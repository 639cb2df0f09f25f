"""The command line as its users run it: in a process of its own, or in this one to save the start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from digestbot.cli import main

# Only whether it ends matters: a busy machine is slow.
PATIENCE = 180.0


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


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.01)
