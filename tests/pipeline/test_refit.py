"""Refitting: when a fit is made anew, what it is made of, and what is only added to it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digestbot.store import Store
from tests.factories import DAY, NOW
from tests.pipeline.peers import fitter
from tests.pipeline.program import done
from tests.pipeline.refits import EVERY, HOUR, corpus, folder, given, large, many, rows
from tests.ranking.library import PROTEINS, ROBOTS, library, on

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


def test_time_may_be_told_in_any_zone(store: Store) -> None:
    store.papers.add(library(), NOW)
    elsewhere = datetime.fromisoformat("2025-05-27T20:00:00+12:00")
    assert elsewhere == NOW
    first = given(fitter(store).current(elsewhere))
    assert given(fitter(store).current(NOW)).fitted_at == first.fitted_at == NOW


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
