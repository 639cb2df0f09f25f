"""Refitting when it goes wrong: the old fit stays in use, and what cannot be saved is used all the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digestbot.store import Store
from tests.disks import limited
from tests.factories import DAY, NOW, paper
from tests.pipeline.peers import fitter
from tests.pipeline.refits import HOUR, RECIPE, folder, given, large, many, rows
from tests.ranking.library import ROBOTS, library, on

FIRST = "fit-000001-20250527T080000.000000Z"


def names(store: Store) -> list[str]:
    return sorted(path.name for path in folder(store).iterdir())


def test_a_corpus_without_words_leaves_the_old_fit_in_use(store: Store) -> None:
    wordless = [paper(n, title="1 + 1", abstract="", authors=(), categories=(), announced=DAY) for n in (901, 902)]
    store.papers.add([replace(one, announced=DAY - timedelta(days=1)) for one in library()], NOW)
    used = fitter(store, corpus_papers=2)
    first = given(used.current(NOW))
    store.papers.add(wordless, NOW)
    with capture_logs() as logs:
        assert used.current(NOW) is first
        assert given(fitter(store, corpus_papers=2).current(NOW)).papers == first.papers
    assert [(line["event"], line["log_level"]) for line in logs] == [("no new fit: the old one stays", "warning")] * 2
    assert names(store) == [FIRST]


def test_papers_without_words_alone_give_no_fit(store: Store) -> None:
    store.papers.add([paper(title="1 + 1", abstract="", authors=(), categories=())], NOW)
    with capture_logs() as logs:
        assert fitter(store).current(NOW) is None
    assert [line["log_level"] for line in logs] == ["warning"]


def test_a_corpus_that_none_can_be_made_of_is_tried_again_only_when_it_changed(store: Store) -> None:
    store.papers.add([paper(title="1 + 1", abstract="", authors=(), categories=())], NOW)
    used = fitter(store)
    with capture_logs() as logs:
        assert [used.current(NOW + number * HOUR) for number in range(3)] == [None] * 3
        assert len(logs) == 1
        store.papers.add([paper(2, title="2 + 2", abstract="", authors=(), categories=())], NOW)
        assert [used.current(NOW + number * HOUR) for number in range(3)] == [None] * 3
    assert len(logs) == 2
    store.papers.add(library(), NOW)
    assert used.current(NOW) is not None


@pytest.mark.parametrize("kind", ["fit.*", "features.*", "rows-*"])
def test_a_fit_that_is_damaged_is_made_anew(store: Store, kind: str) -> None:
    store.papers.add(library(), NOW)
    first = given(fitter(store).current(NOW))
    [path] = folder(store).glob(f"*/{kind}")
    path.write_bytes(path.read_bytes()[:-1])
    with capture_logs() as logs:
        second = given(fitter(store).current(NOW + HOUR))
    assert [line["folder"] for line in logs] == [str(folder(store) / FIRST)]
    assert second.fitted_at == NOW + HOUR
    assert rows(second, library()) == rows(first, library())
    with capture_logs() as logs:
        assert given(fitter(store).current(NOW + 2 * HOUR)).fitted_at == NOW + HOUR
    assert logs == []


def test_a_fit_of_other_settings_is_made_anew(store: Store) -> None:
    store.papers.add(library(), NOW)
    fitter(store).current(NOW)
    with capture_logs() as logs:
        fit = given(fitter(store, recipe=RECIPE).current(NOW + HOUR))
    assert [(line["folder"], line["event"]) for line in logs] == [(str(folder(store) / FIRST), "saved fit left out")]
    assert (fit.features.recipe, fit.fitted_at) == (RECIPE, NOW + HOUR)


def test_a_fit_that_cannot_be_saved_is_used_all_the_same(store: Store) -> None:
    store.papers.add(library(), NOW)
    folder(store).write_bytes(b"no folder")
    used = fitter(store)
    with capture_logs() as logs:
        first = given(used.current(NOW))
        second = given(used.current(NOW, [on(ROBOTS, 901)]))
    assert [line["event"] for line in logs] == ["the fit cannot be saved"]
    assert (second.fitted_at, len(second.papers)) == (first.fitted_at, len(first.papers) + 1)


def test_a_fit_that_cannot_be_saved_does_not_give_way_to_an_older_one(store: Store) -> None:
    store.papers.add(library()[1:], NOW)
    fitter(store).current(NOW)
    used = fitter(store)
    used.current(NOW)
    moved = folder(store).rename(store.database.path.with_name("moved"))
    folder(store).write_bytes(b"no folder")
    store.papers.add(library()[:1], NOW)
    with capture_logs():
        newer = given(used.current(NOW + HOUR))
    assert newer.fitted_at == NOW + HOUR
    folder(store).unlink()
    moved.rename(folder(store))
    assert used.current(NOW + HOUR) is newer


def test_rows_that_cannot_be_saved_are_used_all_the_same(tmp_path: Path) -> None:
    papers, recent = many(1000), many(3, first=2001)
    used = large(tmp_path, papers)
    used.current(NOW)
    with capture_logs() as logs, limited(0):
        fit = given(used.current(NOW, recent))
    assert [line["event"] for line in logs] == ["new rows cannot be saved"]
    assert (fit.fitted_at, fit.unknown(recent)) == (NOW, [])


def test_rows_of_a_fit_that_was_removed_meanwhile_are_used_all_the_same(tmp_path: Path) -> None:
    papers, recent = many(1000), many(3, first=2001)
    used = large(tmp_path, papers)
    used.current(NOW)
    [saved] = (tmp_path / "fits").iterdir()
    shutil.rmtree(saved)
    with capture_logs() as logs:
        assert given(used.current(NOW, recent)).unknown(recent) == []
    assert logs == []
