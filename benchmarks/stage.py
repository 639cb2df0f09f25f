"""What every benchmark stands on: the shared data, and the command line of this checkout."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
DATA = CHECKOUT.parent / "shared" / "data"


class AbsentError(Exception):
    """Something that the benchmark needs is not on this machine; the benchmark is skipped."""


def data_files(folder: Path, *names: str) -> list[Path]:
    """Return the named files of the shared data; raise ``AbsentError`` when one is not there."""
    files = [folder / name for name in names]
    for file in files:
        if not file.is_file():
            raise AbsentError(f"there is no {file}; --data names the folder with the project's data")
    return files


def paper_lines(path: Path) -> Iterator[tuple[str, date, bytes]]:
    """Yield the id, the day and the line itself of every paper of a gzipped paper file."""
    with gzip.open(path) as file:
        for line in file:
            entry = json.loads(line)
            yield entry["id"], date.fromisoformat(entry["announced"]), line


def environment() -> dict[str, str]:
    """Return the environment without what would change digestbot's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIGESTBOT_")}


def digestbot(settings: Path, *arguments: str | Path) -> str:
    """Run a command of digestbot in a process of its own and return what it printed."""
    command = [sys.executable, "-m", "digestbot", "--settings", str(settings), *map(str, arguments)]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"digestbot {' '.join(command[5:])} ended with {done.returncode}: {done.stdout}")
    return done.stdout


def say(text: str) -> None:
    """Tell how far the benchmark is, on stderr."""
    print(text, file=sys.stderr, flush=True)
