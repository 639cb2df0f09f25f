"""Fits on the disk, beside the database: one folder each, complete or not there at all.

What is here can be made anew from the papers: when it is absent, damaged or of another version, it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import structlog

from digestbot.models import PaperId
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Rows
from digestbot.ranking.saved import ROWS, SavedFitError, pack, pack_rows, unpack

log = structlog.get_logger()

_NAME = re.compile(r"fit-[0-9]{6,}")
# One before the newest stays, for whoever is reading it, and should the newest turn out to be damaged.
_KEPT = 2
# No program writes for so long: what is older and not complete was left by one that was killed.
_ABANDONED_SECONDS = 86_400


class Fits:
    """The saved fits of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> str | None:
        """Return the name of the newest fit, ``None`` when there is none."""
        names = self._names()
        return names[-1] if names else None

    def read(self, recipe: Recipe) -> tuple[str, Fit] | None:
        """Return the newest fit of this recipe that can be used, ``None`` when there is none.

        What is wrong with newer ones is said.
        """
        for name in reversed(self._names()):
            folder = self._folder / name
            try:
                fit = unpack({path.name: path.read_bytes() for path in _files(folder)})
                if fit.features.recipe == recipe:
                    return name, fit
                problem = "it was made with other settings"
            except (SavedFitError, OSError) as error:
                problem = str(error)
            log.warning("saved fit left out", folder=str(folder), problem=problem)
        return None

    def write(self, fit: Fit) -> str:
        """Save a fit, which is the newest from now on, and return its name; raise ``OSError`` when it cannot be."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            for name, content in pack(fit).items():
                _write(made / name, content)
            name = self._place(made)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        with contextlib.suppress(OSError):
            self._tidy(name)
        return name

    def _place(self, made: Path) -> str:
        newest = self.newest()
        number = _number(newest) if newest else 0
        while True:
            number += 1
            name = f"fit-{number:06d}"
            try:
                made.rename(self._folder / name)
            except OSError:
                # Another program made one of this name meanwhile. (One that is empty is replaced.)
                if not (self._folder / name).exists():
                    raise
            else:
                return name

    def _tidy(self, newest: str) -> None:
        for old in self._names()[:-_KEPT]:
            shutil.rmtree(self._folder / old, ignore_errors=True)
        # Both times are the disk's.
        last = (self._folder / newest).stat().st_mtime - _ABANDONED_SECONDS
        for folder in self._folder.glob(".new-*"):
            if folder.stat().st_mtime < last:
                shutil.rmtree(folder, ignore_errors=True)
        for file in self._folder.glob("*/.rows-*"):
            if file.stat().st_mtime < last:
                file.unlink(missing_ok=True)

    def add_rows(self, name: str, papers: Sequence[tuple[PaperId, int]], rows: Rows) -> None:
        """Add rows to the fit of this name, if it is still there; raise ``OSError`` when they cannot be."""
        folder = self._folder / name
        if not folder.is_dir():
            return
        # Programs that add at once may take the same number: their rows have different names all the same.
        number = sum(path.name.startswith(ROWS) for path in _files(folder))
        final, content = pack_rows(papers, rows, number)
        handle, made = tempfile.mkstemp(prefix=".rows-", dir=folder)
        os.close(handle)
        try:
            _write(Path(made), content)
            Path(made).replace(folder / final)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise

    def _names(self) -> list[str]:
        try:
            names = [path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        except OSError:
            # There is no folder yet, or none that can be read; whoever writes is told what is wrong.
            return []
        return sorted(names, key=_number)


def _number(name: str) -> int:
    return int(name.removeprefix("fit-"))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.suffix in {".json", ".npz"})


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
