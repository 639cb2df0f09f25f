"""Refitting: when a fit is made anew, what it is made of, and what stays in use when it cannot be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from digestbot.models import LIKE, Digest, Paper, PaperId
from digestbot.pipeline.compose import Composer
from digestbot.pipeline.refit import Fitter, Refitting
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.rank import Choice
from digestbot.store import Store
from digestbot.store.fits import Fits
from tests.factories import DAY, NOW, paper
from tests.pipeline.peers import DOMAIN, composer, fitter, join
from tests.pipeline.program import done
from tests.ranking.library import PROTEINS, ROBOTS, SPEECH, library, on
from tests.store.test_fits import limited

HOUR, EVERY = timedelta(hours=1), timedelta(hours=24)
RECIPE = Recipe(dimensions=4)
FIRST = "fit-000001-20250527T080000.000000Z"
SUBJECTS = (ROBOTS, PROTEINS, SPEECH)


@dataclass
class Shelf:
    """Many papers, in memory: putting thousands into a database takes too long."""

    papers: list[Paper]

    def newest(self, limit: int, *, until: date) -> list[Paper]:
        return [one for one in self.papers if one.announced <= until][:limit]

    def newest_revisions(self, limit: int, *, until: date) -> list[tuple[PaperId, int]]:
        return [(one.id, one.revision) for one in self.newest(limit, until=until)]


def many(count: int, first: int = 1) -> list[Paper]:
    return [on(SUBJECTS[number % 3], number) for number in range(first, first + count)]


def fits(tmp_path: Path) -> Fits:
    return Fits(tmp_path / "fits")


def large(tmp_path: Path, papers: list[Paper], **changes: Any) -> Fitter:
    values: dict[str, Any] = {"every": EVERY, "recipe": RECIPE}
    return Fitter(Shelf(papers), fits(tmp_path), Refitting(**values | changes))


def given(found: Fit | None) -> Fit:
    assert found is not None
    return found


def corpus(fit: Fit) -> set[PaperId]:
    """Return what the fit was made of."""
    return {paper for paper, _ in fit.papers[: fit.corpus]}


def folder(store: Store) -> Path:
    return store.database.path.with_name(f"{store.database.path.name}.fits")


def names(store: Store) -> list[str]:
    return sorted(path.name for path in folder(store).iterdir())


def rows(fit: Fit, papers: Sequence[Paper]) -> list[list[float]]:
    found: list[list[float]] = fit.rows_of(papers).terms.toarray().tolist()
    return found


# which papers


def test_without_papers_there_is_no_fit_and_no_folder(store: Store) -> None:
    assert fitter(store).current(NOW) is None
    assert not folder(store).exists()


def test_papers_of_a_day_that_has_begun_nowhere_are_left_out(store: Store) -> None:
    papers = library()
    # At 08:00 UTC it is 22:00 of the same day where days begin first.
    papers[0], papers[1] = (replace(one, announced=DAY + timedelta(days=1)) for one in papers[:2])
    store.papers.add(papers, NOW)
    assert corpus(given(fitter(store).current(NOW))) == {one.id for one in papers[2:]}
    assert corpus(given(fitter(store).current(NOW + 2 * HOUR))) == {one.id for one in papers}


def test_a_fit_is_made_of_the_newest_papers(store: Store) -> None:
    papers = [on(ROBOTS, number, announced=DAY - timedelta(days=number)) for number in range(20)]
    store.papers.add(papers, NOW)
    fit = given(fitter(store, corpus_papers=12).current(NOW))
    assert corpus(fit) == {one.id for one in papers[:12]}
    assert fit.fitted_at == NOW


def test_a_preview_of_the_past_knows_nothing_of_what_came_later(store: Store) -> None:
    papers = library()
    past = NOW - timedelta(days=30)
    old = [replace(one, announced=past.date()) for one in papers[:20]]
    store.papers.add([*old, *papers[20:]], NOW)
    assert len(corpus(given(fitter(store).current(NOW)))) == len(papers)
    assert corpus(given(fitter(store).current(past))) == {one.id for one in old}
    assert len(corpus(given(fitter(store).current(NOW)))) == len(papers)


# when


def test_a_small_corpus_is_fitted_anew_when_it_changed_and_only_then(store: Store) -> None:
    papers = library()
    store.papers.add(papers[1:], NOW)
    used = fitter(store)
    first = given(used.current(NOW))
    assert used.current(NOW + 10 * EVERY) is first
    store.papers.add(papers[:1], NOW)
    second = given(used.current(NOW + HOUR))
    assert (second.fitted_at, len(corpus(second))) == (NOW + HOUR, len(papers))
    store.papers.add([replace(papers[0], abstract=PROTEINS)], NOW)
    assert given(used.current(NOW + 2 * HOUR)).fitted_at == NOW + 2 * HOUR


def test_a_larger_corpus_is_fitted_anew_when_the_fit_is_old_and_there_are_other_papers(tmp_path: Path) -> None:
    papers = many(1000)
    used = large(tmp_path, papers)
    first = given(used.current(NOW))
    assert used.current(NOW + 10 * EVERY) is first, "nothing is new"
    papers += many(20, first=2001)
    assert used.current(NOW + EVERY - HOUR) is first
    second = given(used.current(NOW + EVERY))
    assert (second.fitted_at, second.corpus) == (NOW + EVERY, 1020)


def test_a_larger_corpus_that_grew_by_a_quarter_is_fitted_anew_at_once(tmp_path: Path) -> None:
    papers = many(1000)
    used = large(tmp_path, papers)
    first = given(used.current(NOW))
    papers += many(249, first=2001)
    assert used.current(NOW + HOUR) is first
    papers += many(1, first=3001)
    assert given(used.current(NOW + HOUR)).corpus == 1250


def test_a_preview_of_next_year_does_not_keep_its_fit_in_use_until_then(tmp_path: Path) -> None:
    papers = many(1000)
    ahead = [replace(one, announced=DAY + timedelta(days=300)) for one in many(10, first=2001)]
    year = timedelta(days=365)
    assert given(large(tmp_path, papers + ahead).current(NOW + year)).corpus == 1010
    fit = given(large(tmp_path, papers + ahead).current(NOW))
    assert (fit.fitted_at, fit.corpus) == (NOW, 1000)


def test_new_papers_are_only_transformed_saved_and_not_made_again(tmp_path: Path) -> None:
    papers = many(1000)
    used = large(tmp_path, papers)
    first = given(used.current(NOW))
    recent = many(5, first=2001)
    papers += recent
    second = given(used.current(NOW + HOUR, recent))
    assert second.features is first.features
    assert (second.fitted_at, second.fingerprint, second.corpus) == (NOW, first.fingerprint, 1000)
    assert second.papers[1000:] == tuple((one.id, 1) for one in recent)
    assert used.current(NOW + HOUR, recent) is second

    # The next program finds the rows on the disk: there is nothing for it to add.
    before = sorted((tmp_path / "fits").rglob("*"))
    third = given(large(tmp_path, papers).current(NOW + 2 * HOUR, recent))
    assert (third.fitted_at, third.papers) == (NOW, second.papers)
    assert rows(third, recent) == rows(second, recent)
    assert sorted((tmp_path / "fits").rglob("*")) == before


def test_a_paper_whose_text_changed_gets_a_new_row_in_the_same_fit(tmp_path: Path) -> None:
    papers = many(1000)
    used = large(tmp_path, papers)
    first = given(used.current(NOW, papers[:3]))
    papers[0] = changed = replace(papers[0], title="robot voice", abstract=PROTEINS, revision=2)
    for second in (used.current(NOW + HOUR, papers[:3]), large(tmp_path, papers).current(NOW + HOUR, papers[:3])):
        assert given(second).fitted_at == NOW
        assert rows(given(second), [changed]) == first.features.rows([changed]).terms.toarray().tolist()
        assert given(second).papers[1000:] == ((changed.id, 2),)


# in use


def test_the_disk_is_read_once(store: Store) -> None:
    store.papers.add(library(), NOW)
    fitter(store).current(NOW)
    used = fitter(store)
    first = given(used.current(NOW))
    for path in folder(store).glob("*/*"):
        path.write_bytes(b"")
    with capture_logs() as logs:
        assert used.current(NOW) is first
    assert logs == []


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


# of other times


def of_many_days(days: int) -> list[Paper]:
    """Return a thousand papers of before these days, and one of each of them, the last of which is today."""
    old = [replace(one, announced=DAY - timedelta(days=days)) for one in many(1000, first=5001)]
    return old + [on(ROBOTS, number, announced=DAY - timedelta(days=number)) for number in range(days)]


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


def test_a_like_of_an_id_that_a_paper_had_before_is_found(store: Store) -> None:
    work = on(ROBOTS, 901, id="doi:10.5555/901", doi="10.5555/901", title="Robot grasp with a gripper of felt")
    store.papers.add([*library(), work], NOW)
    store.papers.add([replace(work, id="arxiv:2505.00901")], NOW)
    assert store.papers.resolve(["doi:10.5555/901"]) == {"doi:10.5555/901": "arxiv:2505.00901"}
    fit = given(fitter(store).current(NOW))
    found, taken = fit.find(["doi:10.5555/901", "arxiv:2505.00901"], store.papers.get)
    assert sorted(found) == ["arxiv:2505.00901", "doi:10.5555/901"]
    one, other = taken.terms.toarray()
    assert one == pytest.approx(other, abs=1e-6)
    assert one.any()


# what goes wrong


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


def test_a_fit_of_the_command_line_is_used_by_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"id": one.id, "title": one.title, "abstract": one.abstract}) for one in library()]
    (tmp_path / "papers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "settings.toml").write_text("", encoding="utf-8")
    done(tmp_path / "settings.toml", "load", "--file", str(tmp_path / "papers.jsonl"))
    done(tmp_path / "settings.toml", "subscriber", "add", "reader@example.org", "--confirmed")
    found = []
    for _ in range(2):
        done(tmp_path / "settings.toml", "preview", "reader@example.org")
        found.append(sorted((tmp_path / "digestbot.sqlite.fits").rglob("*")))
    assert len(found[0]) == 4, "a folder with three files"
    assert found[1] == found[0]
    assert "warning" not in capsys.readouterr().err


def test_time_may_be_told_in_any_zone(store: Store) -> None:
    store.papers.add(library(), NOW)
    elsewhere = datetime.fromisoformat("2025-05-27T20:00:00+12:00")
    assert elsewhere == NOW
    first = given(fitter(store).current(elsewhere))
    assert given(fitter(store).current(NOW)).fitted_at == first.fitted_at == NOW
