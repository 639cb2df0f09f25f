"""Fits on the disk: complete or not there, whoever writes at the same time, is killed or has no room."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Background, Rows, located
from digestbot.ranking.saved import sealed
from digestbot.store.fits import Fits
from tests.factories import NOW
from tests.ranking.library import PROTEINS, ROBOTS, library, on

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 30.0
RECIPE = Recipe(dimensions=4)
LIBRARY = library()
_ROUNDS = itertools.count()


def fit(hours: int = 0) -> Fit:
    """Return a fit that its hour tells from others."""
    return Fit.of(LIBRARY, RECIPE, NOW + timedelta(hours=hours))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "digestbot.sqlite.fits"


def named(number: int, hours: int = 0) -> str:
    """Return the name of the fit that was written as number so and so, for this hour."""
    return f"fit-{number:06d}-20250527T{8 + hours:02}0000.000000Z"


def last(fits: Fits) -> str | None:
    """Return the name of the fit that was written last."""
    return fits.saved()[-1][0] if fits.saved() else None


def hours(fits: Fits) -> float | None:
    """Return the hour of the fit that was written last of those that can be read."""
    for name, _ in reversed(fits.saved()):
        found = fits.read(name, RECIPE)
        if found is not None:
            return (found.fitted_at - NOW) / timedelta(hours=1)
    return None


def only(fits: Fits) -> Fit:
    """Return the one fit that there is."""
    [(name, _)] = fits.saved()
    found = fits.read(name, RECIPE)
    assert found is not None
    return found


def add(fits: Fits, name: str, some: Fit, *numbers: int) -> Fit:
    """Add rows of new papers of these numbers."""
    longer = some.extended([on(ROBOTS, number) for number in numbers])
    many = len(numbers)
    fits.add_rows(name, longer.papers[-many:], longer.rows.take(range(-many, 0)))
    return longer


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refused(fits: Fits, *folders: Path) -> str:
    """Read nothing, say what is wrong with each of these folders, and return what that is."""
    with capture_logs() as logs:
        assert hours(fits) is None
    assert [(line["event"], line["folder"]) for line in logs] == [("saved fit left out", str(one)) for one in folders]
    assert {line["log_level"] for line in logs} <= {"warning"}
    return "; ".join(line["problem"] for line in logs)


# one after the other


def test_where_nothing_was_saved_there_is_no_fit(folder: Path) -> None:
    fits = Fits(folder)
    assert fits.saved() == []
    assert not folder.exists()


def test_fits_are_listed_with_their_times_as_they_were_written(folder: Path) -> None:
    fits = Fits(folder)
    names = [fits.write(fit(hour)) for hour in (2, 1)]
    assert names == [named(1, 2), named(2, 1)]
    assert Fits(folder).saved() == [(names[0], NOW + timedelta(hours=2)), (names[1], NOW + timedelta(hours=1))]
    with capture_logs() as logs:
        found = [Fits(folder).read(name, RECIPE) for name in names]
    assert logs == []
    assert [(one.fitted_at, one.papers) for one in found if one] == [
        (NOW + timedelta(hours=2), fit().papers),
        (NOW + timedelta(hours=1), fit().papers),
    ]


def test_the_time_of_a_fit_is_kept_to_the_microsecond_and_in_any_zone(folder: Path) -> None:
    moment = datetime.fromisoformat("2025-05-27T20:00:00.000001+12:00")
    name = Fits(folder).write(Fit.of(LIBRARY, RECIPE, moment))
    assert Fits(folder).saved() == [(name, moment)]
    assert only(Fits(folder)).fitted_at == moment


def test_nobody_else_may_look_at_what_is_saved(folder: Path) -> None:
    name = Fits(folder).write(fit())
    assert [one.stat().st_mode & 0o777 for one in (folder, folder / name)] == [0o700, 0o700]


def test_older_fits_are_removed_but_the_last_three(folder: Path) -> None:
    fits = Fits(folder)
    names = [fits.write(fit(hour)) for hour in range(6)]
    assert sorted(path.name for path in folder.iterdir()) == names[3:]


def test_the_fit_for_the_latest_time_stays_whatever_is_looked_at_after_it(folder: Path) -> None:
    fits = Fits(folder)
    # Nothing was written so late: this is for a time that the disk has not seen.
    ahead = fits.write(fit(24 * 365 * 500))
    today = fits.write(fit(0))
    past = [fits.write(fit(-hour)) for hour in range(1, 6)]
    assert [name for name, _ in fits.saved()] == [today, *past[-3:]]
    assert not (folder / ahead).exists()
    tomorrow = fits.write(fit(24))
    assert [name for name, _ in fits.saved()] == [*past[-2:], tomorrow]


def test_fits_are_told_apart_by_number_also_beyond_six_digits(folder: Path) -> None:
    fits = Fits(folder)
    (folder / fits.write(fit(1))).rename(folder / named(999_999, 1))
    names = [named(999_999 + number, 1) for number in (1, 2, 3)]
    assert [fits.write(fit(1)) for _ in names] == names
    assert [name for name, _ in fits.saved()] == names


def test_rows_are_added_to_the_fit_they_belong_to(folder: Path) -> None:
    fits = Fits(folder)
    name = fits.write(fit())
    longer = add(fits, name, add(fits, name, fit(), 901), 902, 903)
    found = only(fits)
    assert found.papers == longer.papers
    assert found.rows.terms.toarray().tolist() == longer.rows.terms.toarray().tolist()
    assert found.rows.place.tolist() == longer.rows.place.tolist()


def test_rows_for_a_fit_that_is_gone_are_dropped(folder: Path) -> None:
    fits = Fits(folder)
    fits.write(fit())
    before = files(folder)
    add(fits, named(9), fit(), 901)
    assert files(folder) == before


# what cannot be used


def damage_first(one: Path) -> None:
    [path] = one.glob("features.*")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def truncate_rows(one: Path) -> None:
    [path] = one.glob("rows-*")
    os.truncate(path, 100)


def remove_facts(one: Path) -> None:
    [path] = one.glob("fit.*")
    path.unlink()


def put_a_folder(one: Path) -> None:
    (one / "rows-000001.0.npz").mkdir()


def of_another_version(one: Path) -> None:
    [path] = one.glob("fit.*")
    content = json.dumps(json.loads(path.read_bytes()) | {"version": "0.0.9"}).encode()
    path.unlink()
    (one / sealed("fit.json", content)).write_bytes(content)


def empty(one: Path) -> None:
    shutil.rmtree(one)
    one.mkdir()


def make_a_file(one: Path) -> None:
    shutil.rmtree(one)
    one.write_bytes(b"no folder")


SPOILS = [damage_first, truncate_rows, remove_facts, put_a_folder, of_another_version, empty, make_a_file]


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_fit_that_cannot_be_used_is_left_out_and_said(folder: Path, spoil: Callable[[Path], None]) -> None:
    fits = Fits(folder)
    spoil(folder / fits.write(fit()))
    refused(fits, folder / named(1))


@pytest.mark.parametrize("spoil", SPOILS)
def test_beside_a_fit_that_cannot_be_used_the_one_before_is_read_and_the_next_is_new(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    fits = Fits(folder)
    fits.write(fit(1))
    spoil(folder / fits.write(fit(2)))
    with capture_logs() as logs:
        assert hours(fits) == 1
    assert [line["folder"] for line in logs] == [str(folder / named(2, 2))]
    assert fits.write(fit(3)) == named(3, 3)
    with capture_logs() as logs:
        assert hours(fits) == 3
    assert logs == []


def test_a_fit_of_another_version_is_left_out_with_both_versions(folder: Path) -> None:
    fits = Fits(folder)
    of_another_version(folder / fits.write(fit()))
    assert "version 0.0.9" in refused(fits, folder / named(1))


def test_a_fit_of_other_settings_is_left_out_and_an_older_one_of_these_is_read(folder: Path) -> None:
    fits = Fits(folder)
    fits.write(Fit.of(LIBRARY, Recipe(dimensions=5), NOW))
    assert "settings" in refused(fits, folder / named(1))
    fits.write(fit(1))
    fits.write(Fit.of(LIBRARY, Recipe(dimensions=5), NOW))
    with capture_logs() as logs:
        assert hours(fits) == 1
    assert [line["folder"] for line in logs] == [str(folder / named(3))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_byte_changes_in_whatever_file_the_fit_is_left_out(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / f"{next(_ROUNDS)}"
    fits = Fits(folder)
    add(fits, fits.write(fit()), fit(), 901)
    path = folder / data.draw(st.sampled_from(files(folder)), label="file")
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    refused(fits, path.parent)


@pytest.mark.parametrize(
    "name",
    [
        "fit-old",
        "fit-000007",
        f"{named(7)}.bak",
        "fit-٠٠٠٠٠٩-20250527T080000.000000Z",
        "fit-000007-20259999T080000.000000Z",
        "notes.txt",
        "lost+found",
    ],
)
def test_what_others_put_beside_the_fits_is_no_fit(folder: Path, name: str) -> None:
    fits = Fits(folder)
    fits.write(fit(1))
    shutil.copytree(folder / named(1, 1), folder / name)
    assert last(fits) == named(1, 1)
    assert [fits.write(fit(hour)) for hour in (2, 3, 4)] == [named(2, 2), named(3, 3), named(4, 4)]
    assert hours(fits) == 4
    assert (folder / name).is_dir(), "what is not ours stays"


@pytest.mark.parametrize("name", ["notes.txt", ".fit.json.swp", "._fit.json"])
def test_what_others_put_into_a_fit_is_not_looked_at(folder: Path, name: str) -> None:
    fits = Fits(folder)
    (folder / fits.write(fit(1)) / name).write_bytes(b"not ours")
    with capture_logs() as logs:
        assert hours(fits) == 1
    assert logs == []


def test_a_file_where_the_folder_should_be_is_an_error_when_writing_only(folder: Path) -> None:
    folder.write_bytes(b"no folder")
    fits = Fits(folder)
    assert fits.saved() == []
    with pytest.raises(OSError):
        fits.write(fit())


# debris


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


# a disk without room


@contextlib.contextmanager
def limited(room: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``room`` bytes."""
    resource = pytest.importorskip("resource", reason="limits on a process are POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mounted(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def filled(folder: Path, room: int) -> Iterator[None]:
    """Leave so much room on the disk."""
    usage = os.statvfs(folder)
    filler = folder.parent / "filler"
    filler.write_bytes(bytes(max(0, usage.f_bavail * usage.f_bsize - room)))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture(params=["tmpfs", "limit"])
def full(request: pytest.FixtureRequest, folder: Path) -> Iterator[Callable[[int], AbstractContextManager[None]]]:
    """How to have only so much room for files in the folder."""
    if sys.platform != "linux":
        pytest.skip("tmpfs and RLIMIT_FSIZE as Linux has them")
    if request.param == "limit":
        yield limited
        return
    if os.getuid() != 0 or not mounted("-t", "tmpfs", "-o", "size=1m", "digestbot-tests", str(folder.parent)):
        pytest.skip("mounting a small tmpfs needs root; the file size limit is tested instead")
    try:
        yield lambda room: filled(folder, room)
    finally:
        subprocess.run(["umount", str(folder.parent)], check=True)


@pytest.mark.parametrize("room", [0, 4096])
def test_a_full_disk_leaves_the_older_fit_and_nothing_that_looks_like_one(
    folder: Path, full: Callable[[int], AbstractContextManager[None]], room: int
) -> None:
    fits = Fits(folder)
    name = fits.write(fit(1))
    before = files(folder)
    with full(room):
        with pytest.raises(OSError):
            fits.write(fit(2))
        with pytest.raises(OSError):
            add(fits, name, fit(1), *range(900, 1000))
        assert files(folder) == before
        assert (last(fits), hours(fits)) == (name, 1)
    assert [path.name for path in folder.iterdir()] == [name]
    fits.write(fit(3))
    assert hours(fits) == 3


# several programs


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


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
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
