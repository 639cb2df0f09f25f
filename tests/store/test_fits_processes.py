"""Fits on the disk and several programs: they write at once, or are killed while they do."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from structlog.testing import capture_logs

from digestbot.ranking.features import Features
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Background, Rows, located
from digestbot.store.fits import Fits
from tests.factories import NOW
from tests.ranking.library import PROTEINS, ROBOTS, on
from tests.required import needs_posix
from tests.store.saved_fits import LIBRARY, RECIPE, add, fit, hours, last, named, only

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 30.0


def add_some(folder: Path, name: str, first: int) -> None:
    some = fit()
    for number in range(first, first + 5):
        some = add(Fits(folder), name, some, number)


def write_some(folder: Path, hour: int) -> list[str]:
    return [Fits(folder).write(fit(hour)) for _ in range(8)]


def add_and_write(folder: Path, name: str, start: Barrier, answer: Connection) -> None:
    """Add rows to a fit, then write others, each at the same time as another process; answer the names."""
    start.wait()
    add_some(folder, name, 1000)
    start.wait()
    answer.send(write_some(folder, 1))


def test_programs_that_add_and_write_at_once_lose_nothing_of_one_another(folder: Path) -> None:
    shared = Fits(folder).write(fit())
    start = SPAWN.Barrier(2, timeout=PATIENCE)
    mine, theirs = SPAWN.Pipe(duplex=False)
    other = SPAWN.Process(target=add_and_write, args=(folder, shared, start, theirs))
    other.start()
    theirs.close()
    with capture_logs() as logs:
        try:
            start.wait()
            add_some(folder, shared, 2000)
            wait_for(lambda: len(list((folder / shared).glob("rows-*"))) == 11)
            found = only(Fits(folder))
            start.wait()
            names = write_some(folder, 2)
            assert mine.poll(PATIENCE), "the process did not answer"
            names += mine.recv()
        finally:
            mine.close()
            other.join(PATIENCE)
            other.kill()
        assert hours(Fits(folder)) in {1, 2}
    assert logs == []
    added = [on(ROBOTS, first + step) for first in (1000, 2000) for step in range(5)]
    assert {paper for paper, _ in found.papers} == {one.id for one in LIBRARY + added}
    assert len(set(names)) == 16
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def wait_for(done: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def large() -> Fit:
    """Return a fit that takes a while to write."""
    terms = [f"term{number}" for number in range(20_000)]
    background = Background(np.ones((len(terms), 200), dtype=np.float32), np.zeros(200, dtype=np.float32))
    features = Features(terms, np.ones(len(terms), dtype=np.float32), 1.0, background, RECIPE)
    rows: Rows = located(features.transform([on(PROTEINS, 1)]), background)
    return Fit(features, NOW, 1, "large", (("x:1", 1),), rows)


def write_for_ever(folder: Path) -> None:
    fits, some = Fits(folder), large()
    while True:
        fits.write(some)


@needs_posix
def test_of_a_program_that_is_killed_while_it_writes_nothing_is_taken_for_a_fit(folder: Path) -> None:
    fits = Fits(folder)
    fits.write(fit(7))
    writer = SPAWN.Process(target=write_for_ever, args=(folder,))
    writer.start()
    try:
        # In the first fit, whose facts are there and whose arrays are not.
        wait_for(lambda: list(folder.glob(".new-*/*")))
    finally:
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join(PATIENCE)
    assert writer.exitcode == -signal.SIGKILL
    with capture_logs() as logs:
        assert hours(fits) in {0, 7}
    assert logs == []
    fits.write(fit(9))
    assert hours(fits) == 9


def test_what_killed_programs_left_is_removed_after_a_day_and_never_read(folder: Path) -> None:
    fits = Fits(folder)
    name = fits.write(fit(1))
    for debris in (".new-old", ".new-now"):
        shutil.copytree(folder / name, folder / debris)
    for file in (".rows-old", ".rows-now"):
        (folder / name / file).write_bytes(b"half of it")
    for old in (folder / ".new-old", folder / name / ".rows-old"):
        os.utime(old, (time.time() - 90_000,) * 2)
    with capture_logs() as logs:
        assert (last(fits), hours(fits)) == (name, 1)
    assert logs == []

    assert fits.write(fit(2)) == named(2, 2)
    assert sorted(path.name for path in folder.iterdir()) == [".new-now", named(1, 1), named(2, 2)]
    assert (folder / name / ".rows-now").exists(), "somebody may be writing it"
    assert not (folder / name / ".rows-old").exists()
