"""Small fits to write, and what the tests of their folder ask about it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.store.fits import Fits
from tests.factories import NOW
from tests.ranking.library import ROBOTS, library, on

RECIPE = Recipe(dimensions=4)
LIBRARY = library()


def fit(hours: int = 0) -> Fit:
    """Return a fit that its hour tells from others."""
    return Fit.of(LIBRARY, RECIPE, NOW + timedelta(hours=hours))


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
    """Return the names of all files of the fits."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
