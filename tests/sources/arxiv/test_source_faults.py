"""What arXiv sends is spoiled: what is good is stored, nothing twice, and a later load completes the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from digestbot.store import Store
from tests.fakes.arxiv import (
    Arxiv,
    World,
    entry_without_id,
    entry_without_title,
    expired_token,
    lagging_dates,
    local_dates,
    no_entries,
    record_with_broken_date,
    record_without_title,
    unpadded_dates,
)
from tests.fakes.server import (
    FAILURES,
    Answer,
    Fault,
    cut_off,
    empty,
    huge,
    invalid_utf8,
    maintenance,
    serving,
    too_many_requests,
)
from tests.sources.arxiv.conftest import FOLLOWED, QUIET, Installation, eastern
from tests.sources.arxiv.days import DAY, FRIDAY, MONDAY, NEXT_MONDAY, SATURDAY, SUNDAY, THURSDAY, TUESDAY, WEDNESDAY

every_failure = pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES)


def test_a_stale_feed_is_nothing_new_and_its_day_is_filled(installation: Installation) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(installation.arxiv.feed.stale_day)
    assert installation.load(WEDNESDAY).new == 0
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(TUESDAY, THURSDAY)


def test_a_stale_feed_that_mends_the_same_day_asks_nothing_of_oai(installation: Installation) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(installation.arxiv.feed.stale_day)
    installation.load(eastern(WEDNESDAY, 0, 5))
    assert installation.load(WEDNESDAY).new > 0
    assert installation.asked == (3, 0)
    assert installation.stored == installation.announced(TUESDAY, WEDNESDAY)


@cache
def small_world(seed: int) -> World:
    """So few papers, in so many categories, that today's cross-lists can be more than yesterday's batch."""
    return World(MONDAY, FRIDAY, papers_a_day=9, categories=FOLLOWED, seed=seed, rates=QUIET)


@pytest.mark.parametrize("category", FOLLOWED)
@pytest.mark.parametrize("seed", range(2))
def test_a_stale_category_is_filled_and_the_others_are_not_asked_for(
    store: Store, tmp_path: Path, category: str, seed: int
) -> None:
    with serving(Arxiv(world=small_world(seed))) as arxiv:
        installation = Installation(arxiv=arxiv, store=store, folder=tmp_path)
        installation.load_each(MONDAY, TUESDAY)
        arxiv.feed.fail(arxiv.feed.stale_category(category))
        installation.load(WEDNESDAY)
        loaded = installation.load(THURSDAY)
        assert installation.stored == installation.announced(MONDAY, THURSDAY)
        assert f"OAI-PMH {category} from {WEDNESDAY}" in loaded.asked


def test_dates_that_lag_are_not_believed(installation: Installation) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(lagging_dates)
    installation.load(WEDNESDAY)
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(TUESDAY, THURSDAY)
    # OAI-PMH confirms that nothing else was announced on that day.
    assert installation.asked == (3, 3)


@pytest.mark.parametrize("fault", [unpadded_dates, local_dates])
def test_dates_in_another_form_are_the_same_days(installation: Installation, fault: Fault) -> None:
    installation.arxiv.feed.fail(fault, fault)
    installation.arxiv.oai.fail(fault, fault, fault)
    installation.load(MONDAY)
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)


@pytest.mark.parametrize("fault", [entry_without_id, entry_without_title])
def test_a_malformed_entry_costs_one_paper_until_the_next_day(installation: Installation, fault: Fault) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(fault)
    loaded = installation.load(WEDNESDAY)
    truth = installation.announced(TUESDAY, WEDNESDAY)
    assert [one.place.rpartition(" ")[0] for one in loaded.skipped] == ["arxiv feed, entry"]
    assert installation.stored.items() <= truth.items()
    assert len(truth) - len(installation.stored) <= 1
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(TUESDAY, THURSDAY)


def test_an_invalid_letter_costs_no_paper(installation: Installation) -> None:
    installation.arxiv.feed.fail(invalid_utf8)
    installation.arxiv.oai.fail(invalid_utf8)
    installation.patience = 0.2
    installation.load(MONDAY)
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)


def test_a_feed_without_entries_on_a_working_day_is_filled(installation: Installation) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(no_entries)
    assert installation.load(WEDNESDAY).new == 0
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(TUESDAY, THURSDAY)


def cut_at_two_thousand(answer: Answer) -> Answer:
    """Send as many entries as there may be, all of the same three papers."""
    head, *entries = answer.body.removesuffix(b"</feed>\n").split(b"  <entry>")
    return Answer(body=b"  <entry>".join([head, *entries[:3], *entries[:1] * 1997]) + b"</feed>\n")


def test_a_feed_that_was_cut_is_completed_by_oai(installation: Installation) -> None:
    installation.arxiv.feed.fail(cut_at_two_thousand)
    installation.load(WEDNESDAY)
    assert installation.asked == (1, 3)
    assert installation.stored == installation.announced(WEDNESDAY, WEDNESDAY)
    installation.load(eastern(WEDNESDAY, 12))
    assert installation.asked == (1, 0)


@every_failure
def test_when_the_feed_fails_oai_gives_today(installation: Installation, fault: Fault) -> None:
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(fault)
    installation.load(WEDNESDAY)
    assert installation.stored == installation.announced(TUESDAY, WEDNESDAY)


@every_failure
def test_a_first_load_that_fails_is_an_error_and_asks_nothing_more(installation: Installation, fault: Fault) -> None:
    installation.arxiv.feed.fail(fault)
    loaded = installation.load(WEDNESDAY, fails=True)
    assert (loaded.cursor, installation.asked) == ("", (1, 0))
    assert not installation.stored


@pytest.mark.parametrize(
    ("fault", "good_pages"), [(fault, number % 3) for number, fault in enumerate(FAILURES.values())], ids=FAILURES
)
def test_what_oai_gave_before_it_failed_stays_and_the_next_load_completes_it(
    installation: Installation, fault: Fault, good_pages: int
) -> None:
    installation.categories = ("cs.CL",)
    installation.arxiv.oai.page_size = 9
    fail_on_thursday(installation, good_pages, fault)


@pytest.mark.parametrize("good_pages", [1, 2])
def test_a_category_that_fails_takes_nothing_from_those_before_it(installation: Installation, good_pages: int) -> None:
    fail_on_thursday(installation, good_pages, maintenance)


def fail_on_thursday(installation: Installation, good_pages: int, fault: Fault) -> None:
    installation.load(MONDAY)
    installation.arxiv.oai.fail(*[None] * good_pages, fault)
    installation.load(THURSDAY, fails=True)
    truth = installation.announced(MONDAY, FRIDAY)
    before = installation.stored
    assert before.items() <= truth.items()
    assert (TUESDAY in before.values()) == (good_pages > 0)
    installation.load(FRIDAY)
    assert installation.stored == truth


def test_what_is_sent_without_end_is_refused(installation: Installation) -> None:
    installation.load(TUESDAY)
    installation.arxiv.oai.fail(huge)
    loaded = installation.load(FRIDAY, fails=True)
    assert "MB" in loaded.error
    installation.load(FRIDAY)
    assert installation.stored == installation.announced(TUESDAY, FRIDAY)


def test_patience_outlasts_faults_of_the_moment(installation: Installation) -> None:
    installation.patience = 1.0
    installation.arxiv.fail(cut_off, None, maintenance, empty, None, too_many_requests)
    installation.load(MONDAY)
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)


@pytest.mark.parametrize("good_pages", [0, 1, 3])
def test_an_expired_token_begins_the_list_again(installation: Installation, good_pages: int) -> None:
    installation.categories = ("cs.CL",)
    installation.arxiv.oai.page_size = 9
    installation.load(MONDAY)
    installation.arxiv.oai.fail(*[None] * good_pages, expired_token)
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)


@pytest.mark.parametrize("good_pages", [0, 1, 4])
def test_a_page_that_comes_again_hides_nothing(installation: Installation, good_pages: int) -> None:
    installation.arxiv.oai.page_size = 25
    installation.load(MONDAY)
    installation.arxiv.oai.fail(*[None] * good_pages, installation.arxiv.oai.repeated_page)
    # The first page may be one of another category, or of an earlier load.
    installation.patience = 0.5
    installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)


def test_a_page_of_an_earlier_load_is_not_todays(installation: Installation) -> None:
    installation.categories = ("cs.CL",)
    installation.load(MONDAY)
    installation.load(WEDNESDAY)
    installation.arxiv.oai.fail(installation.arxiv.oai.repeated_page)
    installation.load(FRIDAY, fails=True)
    installation.load(FRIDAY)
    assert installation.stored == installation.announced(MONDAY, FRIDAY)


def test_records_may_repeat_over_pages(installation: Installation) -> None:
    installation.arxiv.oai.page_size, installation.arxiv.oai.overlap = 9, 4
    installation.load(MONDAY)
    loaded = installation.load(THURSDAY)
    assert installation.stored == installation.announced(MONDAY, THURSDAY)
    assert loaded.new == len(installation.announced(TUESDAY, THURSDAY))


@pytest.mark.parametrize("fault", [record_without_title, record_with_broken_date])
@pytest.mark.parametrize("back", [WEDNESDAY, NEXT_MONDAY])
def test_a_malformed_record_is_asked_for_again(installation: Installation, fault: Fault, back: date) -> None:
    installation.categories = ("cs.CL",)
    installation.load(MONDAY)
    installation.arxiv.oai.fail(fault)
    loaded = installation.load(back)
    assert [one.place.rpartition(" ")[0] for one in loaded.skipped] == ["arxiv OAI, record"]
    installation.load(back + DAY)
    assert installation.stored == installation.announced(MONDAY, back + DAY)


def without_title(identifier: str) -> Fault:
    def spoil(answer: Answer) -> Answer:
        head, mark, rest = answer.body.partition(f"<id>{identifier}</id>".encode())
        return replace(
            answer,
            body=head + mark + rest.replace(b"<title>", b"<no-title>", 1).replace(b"</title>", b"</no-title>", 1),
        )

    return spoil


def test_a_record_that_stays_malformed_is_given_up_after_two_days(installation: Installation) -> None:
    installation.categories = ("cs.CL",)
    installation.load(MONDAY)
    broken = min(installation.announced(TUESDAY, TUESDAY))
    tries = []
    for day in (THURSDAY, FRIDAY, SATURDAY, SUNDAY, NEXT_MONDAY):
        installation.arxiv.oai.fail(without_title(broken.removeprefix("arxiv:")))
        tries.append(len(installation.load(day).skipped))
    assert tries == [1, 1, 1, 0, 0]
    truth = installation.announced(MONDAY, NEXT_MONDAY)
    assert installation.stored == {name: day for name, day in truth.items() if name != broken}


def edited_today(identifier: str, day: date) -> bytes:
    return (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record><header>'
        f"<identifier>oai:arXiv.org:{identifier}</identifier><datestamp>{day}</datestamp></header><metadata>"
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{identifier}</id><version version="v1">'
        "<date>Mon, 01 Jun 2026 12:00:00 GMT</date></version><title>Owls at dusk</title><authors>Ada Quill</authors>"
        "<categories>cs.CL</categories><abstract>We watch.</abstract></arXivRaw></metadata></record></ListRecords>"
        "</OAI-PMH>"
    ).encode()


def test_an_edit_of_today_does_not_say_that_todays_papers_are_in(installation: Installation) -> None:
    installation.categories = ("cs.CL",)
    installation.load(TUESDAY)
    installation.arxiv.feed.fail(maintenance)
    # OAI-PMH is late, and knows nothing of today but an edit.
    installation.arxiv.oai.fail(lambda _: Answer(body=edited_today("2606.00002", WEDNESDAY)))
    installation.load(WEDNESDAY, fails=True)
    installation.load(THURSDAY)
    assert installation.announced(TUESDAY, THURSDAY).items() <= installation.stored.items()
