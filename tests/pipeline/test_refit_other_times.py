"""Fits of other times: a look at another day, or another program, does not change what today ranks by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digestbot.models import LIKE, Digest, Paper
from digestbot.pipeline.compose import Composer
from digestbot.pipeline.refit import Fitter, Refitting
from digestbot.ranking.features import Recipe
from digestbot.ranking.rank import Choice
from digestbot.store import Store
from digestbot.store.fits import Fits
from tests.factories import DAY, NOW
from tests.pipeline.peers import DOMAIN, composer, fitter, join
from tests.pipeline.refits import EVERY, HOUR, corpus, fits, given, large, many
from tests.ranking.library import ROBOTS, library, on


def of_many_days(days: int) -> list[Paper]:
    """Return a thousand papers of before these days, and one of each of them, the last of which is today."""
    old = [replace(one, announced=DAY - timedelta(days=days)) for one in many(1000, first=5001)]
    return old + [on(ROBOTS, number, announced=DAY - timedelta(days=number)) for number in range(days)]


def test_a_program_that_never_ends_sees_the_newer_fit_of_another(tmp_path: Path) -> None:
    papers = many(1000)
    scheduler = large(tmp_path, papers)
    given(scheduler.current(NOW))
    papers += many(20, first=2001)
    other = given(large(tmp_path, papers).current(NOW + EVERY))
    before = fits(tmp_path).saved()
    seen = given(scheduler.current(NOW + EVERY + HOUR))
    assert (seen.fitted_at, seen.fingerprint) == (NOW + EVERY, other.fingerprint)
    assert fits(tmp_path).saved() == before, "it made none of its own"


def test_a_program_that_never_ends_does_not_go_back_to_a_fit_of_the_past(tmp_path: Path) -> None:
    old = [replace(one, announced=DAY - timedelta(days=9)) for one in many(30)]
    papers = [*many(1000, first=2001), *old]
    scheduler = large(tmp_path, papers)
    first = given(scheduler.current(NOW))
    past = large(tmp_path, papers).current(NOW - 2 * EVERY)
    assert corpus(given(past)) == {one.id for one in old}
    assert scheduler.current(NOW + HOUR) is first


def test_looks_at_other_times_leave_the_fit_of_today_in_use(tmp_path: Path) -> None:
    papers = of_many_days(40)
    today = given(large(tmp_path, papers).current(NOW))
    for days in (3, 6, 9, 12, 15, 18):
        past = given(large(tmp_path, papers).current(NOW - days * EVERY))
        assert past.fitted_at == NOW - days * EVERY, "it is of its time"
        # The next program, which looks at today a little later.
        found = given(large(tmp_path, papers).current(NOW + HOUR))
        assert (found.fitted_at, found.fingerprint) == (NOW, today.fingerprint)
    assert [fitted_at for _, fitted_at in fits(tmp_path).saved()] == [NOW - days * EVERY for days in (0, 12, 15, 18)]


def test_a_fit_of_another_time_is_found_again_too(tmp_path: Path) -> None:
    papers = of_many_days(40)
    times = [NOW, NOW - 9 * EVERY, NOW + 9 * EVERY]
    papers += [replace(one, announced=DAY + timedelta(days=5)) for one in many(3, first=8001)]
    made = [given(large(tmp_path, papers).current(time)).fingerprint for time in times]
    before = fits(tmp_path).saved()
    assert len(set(made)) == len(before) == 3
    one_program = large(tmp_path, papers)
    for used in (one_program, large(tmp_path, papers), one_program):
        found = [given(used.current(time + HOUR)) for time in times]
        assert [(one.fitted_at, one.fingerprint) for one in found] == list(zip(times, made, strict=True))
    assert fits(tmp_path).saved() == before


def test_of_two_fits_for_the_same_time_the_one_made_last_is_used(tmp_path: Path) -> None:
    papers = many(1000)
    scheduler = large(tmp_path, papers)
    scheduler.current(NOW)
    papers += many(250, first=2001)
    assert given(large(tmp_path, papers).current(NOW)).corpus == 1250
    for used in (scheduler, large(tmp_path, papers)):
        assert given(used.current(NOW)).corpus == 1250
    assert len(fits(tmp_path).saved()) == 2


def test_a_nearest_fit_that_is_damaged_gives_way_to_the_next_and_is_said_once(tmp_path: Path) -> None:
    papers = [replace(one, announced=DAY - timedelta(days=9)) for one in many(1000)]
    first = given(large(tmp_path, papers).current(NOW - 2 * EVERY))
    damaged = tmp_path / "fits" / fits(tmp_path).write(replace(first, fitted_at=NOW))
    for path in damaged.iterdir():
        path.write_bytes(b"")
    used = large(tmp_path, papers)
    with capture_logs() as logs:
        found = [given(used.current(NOW)).fitted_at for _ in range(3)]
    assert found == [NOW - 2 * EVERY] * 3, "the corpus is the same"
    assert [(line["event"], line["folder"]) for line in logs] == [("saved fit left out", str(damaged))]


@pytest.mark.parametrize("order", ["preview send", "preview other send", "other preview send", "send preview"])
def test_a_preview_and_a_send_of_the_same_time_rank_the_same_whichever_comes_first(store: Store, order: str) -> None:
    papers = library()
    store.papers.add(papers, NOW)
    reader = join(store, "reader")
    store.ratings.record(reader.id, {papers[0].id: LIKE, papers[20].id: LIKE}, now=NOW, origin="cli")

    def step(name: str) -> list[Digest]:
        # Each is a program of its own, which has nothing but the disk.
        if name == "other":
            given(fitter(store).current(NOW - HOUR, [on(ROBOTS, 901)]))
            return []
        program = composer(store, floor=-9.0)
        return program.compose([(reader, DAY)], NOW) if name == "preview" else list(program.compose_due(NOW))

    # What a program gives that keeps its fit to itself.
    alone = Composer(
        store.papers,
        store.subscribers,
        store.ratings,
        store.digests,
        Fitter(store.papers, Fits(store.database.path.with_name("own")), Refitting(recipe=Recipe(dimensions=20))),
        choice=Choice(floor=-9.0),
        window_days=3,
        domain=DOMAIN,
    ).compose([(reader, DAY)], NOW)
    assert len(alone[0].items) == reader.papers
    # Who was served is due no more, and a preview after that shows the same.
    assert [found for name in order.split() if (found := step(name))] == [alone, alone]
