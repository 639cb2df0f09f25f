"""Fits on the disk, one after the other: what is there, in which order, and what stays."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digestbot.ranking.fit import Fit
from digestbot.store.fits import Fits
from tests.factories import NOW
from tests.store.saved_fits import LIBRARY, RECIPE, add, files, fit, hours, last, named, only


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
