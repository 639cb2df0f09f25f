"""Fits on the disk, beside the database: one folder each, complete or not there at all.

What is here can be made anew from the papers: when it is absent, damaged or of another version, it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from digestbot.models import PaperId
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Rows
from digestbot.ranking.saved import ROWS, SavedFitError, pack, pack_rows, unpack

log = structlog.get_logger()

_PREFIX = "fit-"
# One before the newest stays, for whoever is reading it, and should the newest turn out to be damaged.
_KEPT = 2


class Fits:
    """The saved fits of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> str | None:
        """Return the name of the newest fit, ``None`` when there is none."""
        names = self._names()
        return names[-1] if names else None

    def read(self) -> tuple[str, Fit] | None:
        """Return the newest fit that can be used, ``None`` when there is none; say what is wrong with newer ones."""
        for name in reversed(self._names()):
            folder = self._folder / name
            try:
                return name, unpack({path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))})
            except (SavedFitError, OSError) as error:
                log.warning("saved fit left out", folder=str(folder), problem=str(error))
        return None

    def write(self, fit: Fit) -> str:
        """Save a fit, which is the newest from now on, and return its name; raise ``OSError`` when it cannot be."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            _write_all(made, pack(fit))
            name = self._place(made)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        for old in self._names()[:-_KEPT]:
            shutil.rmtree(self._folder / old, ignore_errors=True)
        return name

    def _place(self, made: Path) -> str:
        number = int((self.newest() or f"{_PREFIX}0").removeprefix(_PREFIX))
        while True:
            number += 1
            name = f"{_PREFIX}{number:06d}"
            # Renaming onto a folder that another program made meanwhile fails, as long as that is not empty.
            with contextlib.suppress(FileExistsError, NotADirectoryError):
                try:
                    made.rename(self._folder / name)
                except OSError:
                    if not (self._folder / name).exists():
                        raise
                    continue
                return name

    def add_rows(self, name: str, papers: Sequence[tuple[PaperId, int]], rows: Rows) -> None:
        """Add rows to the fit of this name, if it is still there; raise ``OSError`` when they cannot be."""
        folder = self._folder / name
        if not folder.is_dir():
            return
        number = len(list(folder.glob(f"{ROWS}*.npz")))
        handle, made = tempfile.mkstemp(prefix=".rows-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pack_rows(papers, rows))
            # Of two programs that add at once one wins; what the other added is made again when it is needed.
            Path(made).replace(folder / f"{ROWS}{number:04d}.npz")
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob(f"{_PREFIX}*")) if self._folder.is_dir() else []


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
