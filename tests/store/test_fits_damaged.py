"""Fits on the disk that cannot be used: each is left out and said, and the one before it is read."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.saved import sealed
from digestbot.store.fits import Fits
from tests.factories import NOW
from tests.store.saved_fits import LIBRARY, add, files, fit, hours, named

_ROUNDS = itertools.count()


def refused(fits: Fits, *folders: Path) -> str:
    """Read nothing, say what is wrong with each of these folders, and return what that is."""
    with capture_logs() as logs:
        assert hours(fits) is None
    assert [(line["event"], line["folder"]) for line in logs] == [("saved fit left out", str(one)) for one in folders]
    assert {line["log_level"] for line in logs} <= {"warning"}
    return "; ".join(line["problem"] for line in logs)


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
