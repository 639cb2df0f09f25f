"""A disk without room for a fit: what was saved stays, and nothing half written is taken for a fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digestbot.store.fits import Fits
from tests.disks import KINDS, Disk, small_disk
from tests.store.saved_fits import add, files, fit, hours, last


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, folder: Path) -> Iterator[Disk]:
    with small_disk(request.param, folder.parent) as made:
        yield made


@pytest.mark.parametrize("room", [0, 4096])
def test_a_full_disk_leaves_the_older_fit_and_nothing_that_looks_like_one(folder: Path, disk: Disk, room: int) -> None:
    fits = Fits(folder)
    name = fits.write(fit(1))
    before = files(folder)
    with disk.full(room):
        with pytest.raises(OSError):
            fits.write(fit(2))
        with pytest.raises(OSError):
            add(fits, name, fit(1), *range(900, 1000))
        assert files(folder) == before
        assert (last(fits), hours(fits)) == (name, 1)
    assert [path.name for path in folder.iterdir()] == [name]
    fits.write(fit(3))
    assert hours(fits) == 3
