"""Disks with little room: a small one of its own, or a limit on what this process and those it starts may write."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Root mounts a tmpfs, where all files share the room; a limit on the size of each file is what any user can do.
KINDS = ("tmpfs", "limit")
_SIZE = "32m"


@dataclass(frozen=True)
class Disk:
    """A folder, and how to have only so many bytes of room in it for a while."""

    folder: Path
    full: Callable[[int], AbstractContextManager[None]]


@contextlib.contextmanager
def small_disk(kind: str, folder: Path) -> Iterator[Disk]:
    """Make a folder a disk of one of the kinds; the test skips where that cannot be."""
    if sys.platform != "linux":
        pytest.skip("tmpfs and RLIMIT_FSIZE as Linux has them")
    if kind == "limit":
        yield Disk(folder, limited)
        return
    if os.getuid() != 0 or not _mounted("-t", "tmpfs", "-o", f"size={_SIZE}", "digestbot-tests", str(folder)):
        pytest.skip("mounting a small tmpfs needs root; the file size limit is tested instead")
    try:
        yield Disk(folder, lambda room: _filled(folder, room))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def limited(room: int) -> Iterator[None]:
    """Let no file of this process, or of one that it starts, grow beyond ``room`` bytes."""
    resource = pytest.importorskip("resource", reason="limits on a process are POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _mounted(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _filled(folder: Path, room: int) -> Iterator[None]:
    """Leave so much room on the disk."""
    usage = os.statvfs(folder)
    filler = folder / "filler"
    filler.write_bytes(bytes(max(0, usage.f_bavail * usage.f_bsize - room)))
    try:
        yield
    finally:
        filler.unlink()
