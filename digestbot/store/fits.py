"""Fits on the disk, beside the database: one folder each, complete or not there at all.

What is here can be made anew from the papers: when it is absent, damaged or of another version, it is. Each is for a
time, and several stay, since commands may look at different times (``preview --at``).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from digestbot.models import PaperId
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Rows
from digestbot.ranking.saved import ROWS, SavedFitError, pack, pack_rows, unpack

log = structlog.get_logger()

# Which one it is of those that were written, and the time it is for: fit-000007-20250527T080000.000000Z.
_NAME = re.compile(r"fit-([0-9]{6,})-([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)", re.ASCII)
_TIME = "%Y%m%dT%H%M%S.%fZ"
# So many of those written last stay: for whoever is reading one, for looks at other days, and should one turn out to be
# damaged. Besides them stays the one for the latest time up to now, however many looks at other times came after it.
_KEPT = 3
# No program writes for so long: what is older and not complete was left by one that was killed.
_ABANDONED_SECONDS = 86_400


class Fits:
    """The saved fits of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def saved(self) -> list[tuple[str, datetime]]:
        """Return the name of each fit and the time it was made for, that which was written last at the end."""
        return [(name, fitted_at) for _, fitted_at, name in self._all()]

    def read(self, name: str, recipe: Recipe) -> Fit | None:
        """Return the fit of this name; ``None`` when it cannot be used with this recipe, and why not is said."""
        folder = self._folder / name
        try:
            fit = unpack({path.name: path.read_bytes() for path in _files(folder)})
            if fit.features.recipe == recipe:
                return fit
            problem = "it was made with other settings"
        except (SavedFitError, OSError) as error:
            problem = str(error)
        log.warning("saved fit left out", folder=str(folder), problem=problem)
        return None

    def write(self, fit: Fit) -> str:
        """Save a fit and return its name; raise ``OSError`` when it cannot be."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            for name, content in pack(fit).items():
                _write(made / name, content)
            name = self._place(made, fit.fitted_at)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        with contextlib.suppress(OSError):
            self._tidy(name)
        return name

    def _place(self, made: Path, fitted_at: datetime) -> str:
        number = max((number for number, _, _ in self._all()), default=0)
        while True:
            number += 1
            name = f"fit-{number:06d}-{fitted_at.astimezone(UTC).strftime(_TIME)}"
            try:
                made.rename(self._folder / name)
            except OSError:
                # Another program made one of this name meanwhile. (One that is empty is replaced.)
                if not (self._folder / name).exists():
                    raise
            else:
                return name

    def _tidy(self, written: str) -> None:
        # What the disk takes for now.
        now = (self._folder / written).stat().st_mtime
        found = self._all()
        past = [one for one in found if one[1].timestamp() <= now]
        kept = {*found[-_KEPT:], *sorted(past, key=lambda one: (one[1], one))[-1:]}
        for old in found:
            if old not in kept:
                shutil.rmtree(self._folder / old[-1], ignore_errors=True)
        last = now - _ABANDONED_SECONDS
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

    def _all(self) -> list[tuple[int, datetime, str]]:
        """Return number, time and name of each fit, in the order they were written."""
        try:
            names = [path.name for path in self._folder.iterdir()]
        except OSError:
            # There is no folder yet, or none that can be read; whoever writes is told what is wrong.
            return []
        return sorted(filter(None, map(_parsed, names)))


def _parsed(name: str) -> tuple[int, datetime, str] | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return int(found[1]), datetime.strptime(found[2], _TIME).replace(tzinfo=UTC), name
    except ValueError:
        # Digits that are no time: somebody else's.
        return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.suffix in {".json", ".npz"})


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
