"""What resembles a paper, on its page: found off the event loop, kept a little, and never waited for long."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from digestbot.cli.installation import Installation
from digestbot.pipeline.refit import Fitter, Refitting
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.settings import read_settings
from digestbot.store import Store
from digestbot.store.fits import Fits
from digestbot.web.app import create_app
from digestbot.web.similar import NoPapers
from tests.factories import NOW, described, paper
from tests.web.conftest import near, tree, words
from tests.web.library import ALL, BATS, MICE, OWLS, ROBOTS, Library

HOUR = timedelta(hours=1)


def test_similar_papers_are_named_with_what_both_speak_of_and_lead_to_their_own_pages(library: Library) -> None:
    found = near(library.page(OWLS))
    assert [(title, url) for title, url, _ in found] == [
        (one.title, library.links.paper(one.id)) for one in (MICE, BATS)
    ]
    assert found[0][2].startswith("Both speak of")
    assert "hunt" in found[1][2]
    row = tree(library.page(OWLS)).xpath("//section//li[1]/p[1]")[0].text_content()
    assert " ".join(row.split()) == "Ada Quill, Bela Vane cs.IR · 27 May 2025"


def test_at_most_eight_similar_papers_are_named(library_of: Callable[..., Library]) -> None:
    copies = [replace(OWLS, id=f"lab:{number}", authors=(f"Ann Author{number}",)) for number in range(12)]
    library = library_of(OWLS, *copies, ROBOTS)
    assert len(near(library.page(OWLS))) == 8


def test_a_paper_like_no_other_says_so(library: Library) -> None:
    page = library.page(ROBOTS)
    assert near(page) == []
    assert "No other paper here has much in common with this one." in words(page)


def test_without_a_fit_the_page_stands_and_says_when_similar_papers_come(library_of: Callable[..., Library]) -> None:
    library = library_of(*ALL, fit=False)
    page = library.page(OWLS)
    assert page.status_code == 200
    assert OWLS.abstract in words(page)
    assert "They come with the next digest" in words(page)
    assert page.headers["cache-control"] == "no-store"
    library.fit = Fit.of(ALL, Recipe(), NOW)
    assert len(near(library.page(OWLS))) == 2


def test_a_fit_that_is_saved_is_used_and_none_is_made(store: Store, tmp_path: Path) -> None:
    store.papers.add(ALL, NOW)
    fits = Fits(tmp_path / "fits")
    of_pages = Fitter(NoPapers(), fits, Refitting())
    assert of_pages.current(NOW) is None
    assert fits.saved() == []
    made = Fitter(store.papers, fits, Refitting()).current(NOW)
    assert made is not None
    store.papers.add([paper(9)], NOW)
    for later in (NOW, NOW + timedelta(days=90)):
        taken = of_pages.current(later)
        assert taken is not None
        assert taken.fingerprint == made.fingerprint
    assert len(fits.saved()) == 1


def test_the_service_compares_papers_by_what_digests_were_ranked_with(tmp_path: Path) -> None:
    installation = Installation(read_settings(None, {}, folder=tmp_path), {})
    installation.store.papers.add(ALL, NOW)
    app = create_app(installation.pages(), installation.paper_pages)
    with TestClient(app, base_url=installation.links.base_url) as client:
        assert "They come with the next digest" in words(client.get(f"/paper/{OWLS.id}"))
        assert not list(tmp_path.glob("*.fits"))
        installation.fitter.current(NOW)
        assert len(near(client.get(f"/paper/{OWLS.id}"))) == 2
    installation.close()


def test_digests_and_pages_of_one_process_look_at_the_same_fit(tmp_path: Path) -> None:
    here, other_program = (Installation(read_settings(None, {}, folder=tmp_path), {}) for _ in range(2))
    here.store.papers.add(ALL, NOW)
    other_program.fitter.current(NOW)
    read = here.fits_of_pages.current(NOW)
    assert read is not None
    used = here.fitter.current(NOW + HOUR)
    assert used is not None
    assert here.fits_of_pages.current(NOW + HOUR) is used
    # What the page had read by itself is not held any longer.
    before = weakref.ref(read)
    del read
    assert before() is None
    # With rows of papers that came since it is still the same.
    used = here.fitter.current(NOW + HOUR, [paper(9)])
    assert here.fits_of_pages.current(NOW + HOUR) is used
    for installation in (here, other_program):
        installation.close()


def test_pages_compare_by_what_another_program_has_made_since(tmp_path: Path) -> None:
    here, other_program = (Installation(read_settings(None, {}, folder=tmp_path), {}) for _ in range(2))
    here.store.papers.add(ALL, NOW)
    here.fitter.current(NOW)
    here.store.papers.add([paper(9)], NOW)
    newer = other_program.fitter.current(NOW + HOUR)
    taken = here.fits_of_pages.current(NOW + HOUR)
    assert newer is not None
    assert taken is not None
    assert taken.fingerprint == newer.fingerprint
    for installation in (here, other_program):
        installation.close()


def test_what_was_found_is_kept_for_some_minutes(library: Library) -> None:
    first = near(library.page(OWLS))
    library.times.append(NOW + timedelta(minutes=4))
    assert near(library.page(OWLS)) == first
    assert library.asked == 1
    library.times.append(NOW + timedelta(minutes=6))
    assert near(library.page(OWLS)) == first
    assert library.asked == 2


def test_what_was_found_for_another_text_or_with_another_fit_is_not_shown(library: Library) -> None:
    library.page(OWLS)
    library.store.papers.add([replace(OWLS, title="Grippers of owls", abstract=ROBOTS.abstract)], NOW)
    assert near(library.page(OWLS))[0][0] == ROBOTS.title
    library.page(MICE)
    library.fit = Fit.of([*ALL, paper(5)], Recipe(), NOW + timedelta(hours=1))
    library.page(BATS)
    before = library.asked
    library.page(MICE)
    assert library.asked == before + 1


def test_a_similar_paper_that_became_one_with_another_is_named_by_its_id_of_now(
    library_of: Callable[..., Library],
) -> None:
    work = described()
    other = paper(9, title="Counting what the index forgets, again")
    library = library_of(work["feed"], other, ROBOTS)
    assert [url for _, url, _ in near(library.page(other))] == [library.links.paper(work["feed"].id)]
    library.store.papers.add([work["arxiv"]], NOW)
    assert [url for _, url, _ in near(library.page(other))] == [library.links.paper(work["arxiv"].id)]
    assert library.asked == 1


def test_a_page_does_not_wait_long_for_its_similar_papers(library_of: Callable[..., Library]) -> None:
    library = library_of(*ALL, patience=0.02)
    library.may_go_on.clear()
    page = library.page(OWLS)
    assert page.status_code == 200
    assert "Open this page again in a moment." in words(page)
    assert page.headers["cache-control"] == "no-store"
    library.wait_until_it_is_asked()
    library.let_it_finish()
    assert len(near(library.page(OWLS))) == 2
    assert library.asked == 1


def test_other_pages_answer_while_papers_are_compared(library_of: Callable[..., Library]) -> None:
    library = library_of(*ALL)
    library.may_go_on.clear()
    pages: list[Any] = []
    visits = [threading.Thread(target=lambda: pages.append(library.page(OWLS))) for _ in range(3)]
    for visit in visits:
        visit.start()
    library.wait_until_it_is_asked()
    assert library.client.get("/healthz").status_code == 200
    assert library.client.get("/readyz").status_code == 200
    library.may_go_on.set()
    for visit in visits:
        visit.join()
    # Three who ask at once wait for one answer.
    assert [len(near(page)) for page in pages] == [2, 2, 2]
    assert library.asked == 1


def test_of_very_many_papers_asked_for_at_once_the_last_stand_without(library_of: Callable[..., Library]) -> None:
    papers = [paper(number, title=f"Owls {number}", authors=(f"Ann A{number}",)) for number in range(1, 31)]
    library = library_of(*papers, patience=0.001)
    library.may_go_on.clear()
    pages = [library.page(one) for one in papers]
    assert {page.status_code for page in pages} == {200}
    library.may_go_on.set()
    while not near(library.page(papers[15])):
        time.sleep(0.001)
    assert library.asked == 16


def test_of_the_papers_asked_for_the_last_are_kept(library_of: Callable[..., Library]) -> None:
    library = library_of(*ALL, most_kept=2)
    for one in (OWLS, MICE, OWLS, BATS):
        library.page(one)
    assert library.asked == 3
    library.page(OWLS)
    assert library.asked == 3
    library.page(MICE)
    assert library.asked == 4
