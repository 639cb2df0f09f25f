"""bioRxiv and medRxiv against a service on loopback: every preprint once, every record of an interval read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from digestbot.errors import SourceUnavailableError
from digestbot.models import PaperId
from digestbot.sources.biorxiv import BiorxivSource, Server
from tests.factories import DAY, NOW
from tests.fakes import biorxiv as fake
from tests.fakes.biorxiv import Biorxiv, record
from tests.fakes.server import FAILURES, Answer, Fault, Service, empty, huge, invalid_utf8, serving
from tests.sources.memory import Memory, take

YESTERDAY = DAY - timedelta(days=1)
TWO_DAYS_AGO = DAY - timedelta(days=2)
THREE_DAYS = (TWO_DAYS_AGO, YESTERDAY, DAY)
FAULTS: dict[str, Fault] = FAILURES | {
    "invalid UTF-8": invalid_utf8,
    "huge": huge,
    "short page": fake.short_page,
    "no records": fake.no_records,
    "malformed entry": fake.malformed_entry,
    "unpadded dates": fake.unpadded_dates,
    "numbers as numbers": fake.numbers_as_numbers,
    "status error": fake.status_error,
}
HARMLESS = ("short page", "unpadded dates", "numbers as numbers")


@pytest.fixture
def service() -> Iterator[Biorxiv]:
    made = Biorxiv()
    with serving(made):
        yield made


def load(
    service: Service,
    memory: Memory | None = None,
    *,
    name: Server = "biorxiv",
    path: str = "/details/biorxiv",
    categories: Sequence[str] = (),
    **asked: Any,
) -> Memory:
    service.asked.clear()
    url = f"{service.url}{path}"
    return take(
        lambda client: BiorxivSource(client, name=name, url=url, categories=categories, pace=0), memory, **asked
    )


def whole(service: Service, memory: Memory | None = None, **asked: Any) -> Memory:
    memory = load(service, memory, **asked)
    assert memory.error is None
    return memory


def fill(service: Biorxiv, each: int, days: Sequence[date] = THREE_DAYS) -> dict[PaperId, date]:
    """Put some preprints into each day; return what a store should have in the end."""
    truth: dict[PaperId, date] = {}
    for day in days:
        for _ in range(each):
            number = len(service.records) + 1
            service.records.append(record(number, day))
            truth[f"doi:10.1101/2025.05.20.{number:06d}"] = day
    return truth


def test_the_first_load_asks_for_three_days(service: Biorxiv) -> None:
    truth = fill(service, 2)
    fill(service, 2, [DAY - timedelta(days=3)])
    memory = whole(service)
    assert memory.days == truth
    assert service.intervals == [("2025-05-25", "2025-05-27", 0)]
    assert (memory.pages[0].asked, memory.pages[0].total) == ("2025-05-25 to 2025-05-27", 6)
    assert memory.cursor == "2025-05-27"


@pytest.mark.parametrize(
    ("cursor", "first"),
    [
        ("2025-05-27", "2025-05-25"),
        ("2025-05-20", "2025-05-18"),
        ("2024-05-20", "2025-03-26"),
        ("2025-06-20", "2025-05-25"),
        ("garbage", "2025-05-25"),
        ("20250520T", "2025-05-25"),
        ("0001-01-01", "2025-03-26"),
    ],
)
def test_later_loads_ask_from_two_days_before_the_cursor(service: Biorxiv, cursor: str, first: str) -> None:
    whole(service, Memory(cursor=cursor))
    assert service.intervals == [(first, "2025-05-27", 0)]


def test_since_asks_from_that_day(service: Biorxiv) -> None:
    memory = whole(service, since=date(2025, 5, 1))
    assert service.intervals == [("2025-05-01", "2025-05-27", 0)]
    assert memory.cursor == "2025-05-27"


def test_since_does_not_make_the_days_before_it_forgotten(service: Biorxiv) -> None:
    truth = fill(service, 1)
    memory = whole(service, since=DAY)
    assert memory.cursor == ""
    whole(service, memory)
    assert memory.days == truth


def test_since_tomorrow_asks_for_nothing(service: Biorxiv) -> None:
    assert whole(service, since=DAY + timedelta(days=1)).batches == []
    assert service.asked == []


def test_today_is_the_day_in_utc(service: Biorxiv) -> None:
    whole(service, now=datetime.fromisoformat("2025-05-28T01:30:00+02:00"))
    assert service.intervals == [("2025-05-25", "2025-05-27", 0)]


def test_no_posts_found_is_a_whole_load_without_papers(service: Biorxiv) -> None:
    memory = whole(service)
    assert (memory.days, memory.cursor) == ({}, "2025-05-27")


def test_pages_are_counted_by_what_came(service: Biorxiv) -> None:
    truth = fill(service, 25)
    memory = whole(service)
    assert memory.days == truth
    assert [cursor for _, _, cursor in service.intervals] == [0, 30, 60]
    assert [len(batch.papers) for batch in memory.pages] == [30, 30, 15]
    assert [batch.cursor for batch in memory.pages] == ["", "", "2025-05-27"]


def test_a_page_short_of_its_count_is_continued_from_what_came(service: Biorxiv) -> None:
    truth = fill(service, 25)
    service.fail(fake.short_page)
    assert whole(service).days == truth
    assert [cursor for _, _, cursor in service.intervals] == [0, 15, 45]


def test_without_a_total_pages_are_read_to_the_empty_one(service: Biorxiv) -> None:
    truth = fill(service, 25)

    def untold(answer: Answer) -> Answer:
        return Answer(body=answer.body.replace(b'"total"', b'"sum"'))

    service.fail(*[untold] * 10)
    assert whole(service).days == truth
    assert [cursor for _, _, cursor in service.intervals] == [0, 30, 60, 75]


@pytest.mark.parametrize("path", ["", "/", "/details", "/details/", "/details/medrxiv", "/details/medrxiv/"])
def test_the_address_may_be_the_beginning_of_it(service: Biorxiv, path: str) -> None:
    service.records = [record(1, server="medRxiv"), record(2)]
    assert whole(service, name="medrxiv", path=path).days == {"doi:10.1101/2025.05.20.000001": DAY}


@pytest.mark.parametrize("chosen", ["cell biology", "cell_biology", "Cell  Biology"])
def test_categories_are_chosen_however_they_are_written(service: Biorxiv, chosen: str) -> None:
    service.records = [record(1, category="cell biology"), record(2), record(3, category="")]
    memory = whole(service, categories=[chosen, "ecology"])
    assert memory.days == {"doi:10.1101/2025.05.20.000001": DAY}
    assert memory.pages[0].papers[0].categories == ("cell biology",)


def test_a_revision_is_a_new_text_and_announces_nothing(service: Biorxiv) -> None:
    service.records = [record(1, version="2", title="Sleep of bees, at length"), record(2)]
    memory = whole(service)
    assert memory.days == {"doi:10.1101/2025.05.20.000002": DAY}
    assert [one.title for one in memory.pages[0].replacements] == ["Sleep of bees, at length"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
@pytest.mark.parametrize("between", [0, 40])
def test_a_paper_that_was_revised_since_has_its_newest_text_and_its_first_day(
    service: Biorxiv, order: tuple[int, ...], between: int
) -> None:
    """Whatever the order of its versions, and whether they share a page."""
    for day, version in zip(THREE_DAYS, order, strict=True):
        service.records.append(record(1, day, version=str(version), title=f"Text {version}"))
        service.records += [record(100 * version + number, day) for number in range(between)]
    memory = whole(service)
    assert memory.days["doi:10.1101/2025.05.20.000001"] == THREE_DAYS[order.index(1)]
    assert memory.titles["doi:10.1101/2025.05.20.000001"] == "Text 3"


def test_of_new_texts_on_several_pages_only_the_newest_is_given_and_last(service: Biorxiv) -> None:
    service.records = [record(1, YESTERDAY, version="2", title="Second")]
    fill(service, 40, [YESTERDAY])
    service.records += [record(1, DAY, version="3", title="Third")]
    service.records[1]["doi"] = "10.1101/2025.05.20.009999"
    memory = whole(service)
    assert [[one.title for one in batch.replacements] for batch in memory.pages] == [[], ["Third"]]


def test_a_load_that_breaks_off_gives_no_new_text(service: Biorxiv) -> None:
    service.records = [record(1, YESTERDAY, version="2")]
    fill(service, 40, [YESTERDAY])
    service.fail(None, *[empty] * 100)
    memory = load(service, patience=0.05)
    assert memory.error is not None
    assert [one for batch in memory.batches for one in batch.replacements] == []


def test_a_known_paper_has_its_second_text_from_the_page_that_has_its_first_too(service: Biorxiv) -> None:
    service.records = [record(1, YESTERDAY)]
    memory = whole(service)
    service.records.append(record(1, DAY, version="2", title="Second"))
    whole(service, memory)
    assert list(memory.titles.values()) == ["Second"]


def test_a_repeated_page_is_asked_for_once_more(service: Biorxiv) -> None:
    truth = fill(service, 25)
    service.fail(None, service.repeated)
    assert whole(service).days == truth


def test_a_page_that_stays_repeated_is_an_error_and_the_next_load_completes_the_rest(service: Biorxiv) -> None:
    truth = fill(service, 25)
    service.fail(None, *[service.repeated] * 100)
    memory = load(service, patience=0.1)
    assert isinstance(memory.error, SourceUnavailableError)
    assert str(memory.error) == "biorxiv: sent an earlier page again from record 31"
    assert len(memory.days) == 30
    service.faults.clear()
    whole(service, memory)
    assert memory.days == truth


def test_records_that_slide_onto_the_next_page_come_once(service: Biorxiv) -> None:
    """Records that are posted between two requests push others over the edge of the page."""
    truth = fill(service, 20, [YESTERDAY, DAY])

    def posted(answer: Answer) -> Answer:
        service.records.insert(0, record(99, YESTERDAY))
        return answer

    service.fail(posted)
    memory = whole(service)
    assert memory.days == truth
    assert whole(service, memory).days == truth | {"doi:10.1101/2025.05.20.000099": YESTERDAY}


def test_nothing_where_records_were_promised_is_an_error_that_keeps_the_cursor(service: Biorxiv) -> None:
    fill(service, 25)
    service.fail(None, *[fake.no_records] * 100)
    memory = load(service, Memory(cursor="2025-05-26"), since=TWO_DAYS_AGO - timedelta(days=1), patience=0.1)
    assert isinstance(memory.error, SourceUnavailableError)
    assert str(memory.error) == "biorxiv: sent nothing from record 31 of 75"
    assert (len(memory.days), memory.cursor) == (30, "2025-05-26")


@pytest.mark.parametrize("too_many", [1, 29])
def test_a_total_that_is_too_high_ends_the_list_with_a_word(service: Biorxiv, too_many: int) -> None:
    truth = fill(service, 15)
    service.fail(*[fake.total_of(45 + too_many)] * 100)
    memory = whole(service, Memory(cursor="2025-05-26"))
    assert (memory.days, memory.cursor) == (truth, "2025-05-27")
    assert memory.skipped == [f"biorxiv: sent nothing from record 46 of {45 + too_many}, twice"]
    assert [cursor for _, _, cursor in service.intervals] == [0, 30, 45, 45]


@pytest.mark.parametrize("stated", [1, 75])
def test_a_total_of_much_more_than_comes_is_an_error(service: Biorxiv, stated: int) -> None:
    fill(service, 15 if stated > 30 else 0)
    service.fail(*[fake.total_of(stated)] * 100)
    memory = load(service, Memory(cursor="2025-05-26"), patience=0.1)
    assert "sent nothing from record" in str(memory.error)
    assert memory.cursor == "2025-05-26"


@pytest.mark.parametrize("status", ["ok", "no posts found"])
def test_nothing_at_all_moves_the_cursor_past_no_day(service: Biorxiv, status: str) -> None:
    truth = fill(service, 1)
    service.fail(lambda _: fake.said(status))
    memory = whole(service, Memory(cursor="2025-05-26"), now=NOW + timedelta(days=9))
    assert (memory.days, memory.cursor) == ({}, "2025-05-26")
    whole(service, memory, now=NOW + timedelta(days=10))
    assert truth.items() <= memory.days.items()


def test_a_first_load_that_failed_is_made_up_for_on_another_day(service: Biorxiv) -> None:
    truth = fill(service, 1)
    service.fail(*[empty] * 100)
    memory = load(service, patience=0.05)
    assert isinstance(memory.error, SourceUnavailableError)
    service.faults.clear()
    whole(service, memory, now=NOW + timedelta(days=3))
    assert memory.days == truth


def test_no_posts_found_in_the_middle_is_an_error(service: Biorxiv) -> None:
    fill(service, 25)
    service.fail(None, *[lambda _: fake.said("no posts found")] * 100)
    assert str(load(service, patience=0.1).error) == "biorxiv: sent nothing from record 31 of 75"


def test_what_the_service_says_is_in_the_error(service: Biorxiv) -> None:
    service.fail(*[fake.status_error] * 100)
    assert "the query took too long" in str(load(service, patience=0.1).error)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("good", [0, 1])
def test_after_a_fault_what_is_good_was_given_and_the_next_load_completes_the_rest(
    service: Biorxiv, name: str, good: int
) -> None:
    """The fault spoils every answer but the first ones, until it is mended a day later."""
    truth = fill(service, 15)
    service.fail(*[None] * good, *[FAULTS[name]] * 100)
    memory = load(service, patience=0.05)
    assert memory.days.items() <= truth.items()
    assert len(memory.days) >= 30 * good
    if name in HARMLESS:
        assert memory.days == truth
    service.faults.clear()
    whole(service, memory, now=NOW + timedelta(days=1))
    assert memory.days == truth


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {"malformed entry", "huge", "moved to another port"}))
def test_a_fault_that_passes_costs_nothing(service: Biorxiv, name: str) -> None:
    truth = fill(service, 15)
    service.fail(None, FAULTS[name])
    assert whole(service).days == truth
