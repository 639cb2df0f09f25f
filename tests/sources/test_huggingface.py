"""Hugging Face's daily papers against a service on loopback: every day whole in the end, and nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from digestbot.errors import SourceUnavailableError
from digestbot.models import PaperId
from digestbot.sources.huggingface import HuggingFaceSource
from tests.factories import DAY, NOW
from tests.fakes import huggingface as fake
from tests.fakes.huggingface import HuggingFace, item
from tests.fakes.server import FAILURES, Answer, Fault, Service, huge, invalid_utf8, serving
from tests.sources.memory import Memory, take

TOMORROW = DAY + timedelta(days=1)
WEEK = [DAY - timedelta(days=back) for back in range(6, -1, -1)]
YESTERDAY = DAY - timedelta(days=1)
FAULTS: dict[str, Fault] = FAILURES | {
    "invalid UTF-8": invalid_utf8,
    "huge": huge,
    "short page": fake.short_page,
    "malformed entry": fake.malformed_entry,
    "odd dates": fake.odd_dates,
    "status error": fake.status_error,
}


@pytest.fixture
def service() -> Iterator[HuggingFace]:
    made = HuggingFace(today=DAY)
    with serving(made):
        yield made


def load(service: Service, memory: Memory | None = None, **asked: Any) -> Memory:
    service.asked.clear()
    url = f"{service.url}/api/daily_papers"
    return take(lambda client: HuggingFaceSource(client, url=url, pace=0), memory, **asked)


def whole(service: Service, memory: Memory | None = None, **asked: Any) -> Memory:
    memory = load(service, memory, **asked)
    assert memory.error is None
    return memory


def fill(service: HuggingFace, each: int, days: Sequence[date] = WEEK) -> dict[PaperId, date]:
    """Put some papers into each day; return what a store should have in the end."""
    truth: dict[PaperId, date] = {}
    for place, day in enumerate(days):
        numbers = range(1000 * place + 1, 1000 * place + each + 1)
        service.days[day] = [item(number, day) for number in numbers]
        truth |= {f"arxiv:2505.{number:05d}": day for number in numbers}
    return truth


def test_the_first_load_asks_for_a_week(service: HuggingFace) -> None:
    truth = fill(service, 2)
    memory = whole(service)
    assert memory.days == truth
    assert service.days_asked == [day.isoformat() for day in WEEK]
    assert memory.pages[0].asked == WEEK[0].isoformat()


def test_later_loads_of_a_day_ask_for_two_days_and_the_first_of_the_next_for_the_week(service: HuggingFace) -> None:
    fill(service, 1)
    memory = whole(service)
    whole(service, memory, now=NOW + timedelta(hours=15))
    assert service.days_asked == [YESTERDAY.isoformat(), DAY.isoformat()]
    service.today = TOMORROW
    whole(service, memory, now=NOW + timedelta(days=1))
    assert service.days_asked == [*(day.isoformat() for day in WEEK[1:]), TOMORROW.isoformat()]


def test_upvotes_and_comments_are_refreshed_for_a_week(service: HuggingFace) -> None:
    fill(service, 1)
    memory = whole(service)
    service.days[WEEK[1]] = [item(1001, WEEK[1], upvotes=90, numComments=12)]
    service.today = TOMORROW
    whole(service, memory, now=NOW + timedelta(days=1))
    refreshed = memory.papers["arxiv:2505.01001"]
    assert (refreshed.upvotes, refreshed.comment_count) == (90, 12)


def test_days_that_were_missed_are_asked_for_too(service: HuggingFace) -> None:
    memory = whole(service)
    service.today = DAY + timedelta(days=20)
    missed = [DAY + timedelta(days=forth) for forth in range(1, 21)]
    truth = fill(service, 1, missed)
    whole(service, memory, now=NOW + timedelta(days=20))
    assert memory.days == truth
    assert service.days_asked == [day.isoformat() for day in [DAY, *missed]]


def test_an_outage_of_a_year_does_not_ask_for_a_year(service: HuggingFace) -> None:
    memory = Memory(cursor='{"day": "2024-05-27"}')
    whole(service, memory)
    assert service.days_asked[0] == "2025-03-28"


@pytest.mark.parametrize("since", [DAY - timedelta(days=9), DAY - timedelta(days=2), DAY])
def test_since_asks_from_that_day_to_today(service: HuggingFace, since: date) -> None:
    whole(service, since=since)
    days = [since + timedelta(days=forth) for forth in range((DAY - since).days + 1)]
    assert service.days_asked == [day.isoformat() for day in days]


def test_since_does_not_make_the_days_before_it_forgotten(service: HuggingFace) -> None:
    truth = fill(service, 1)
    memory = whole(service, since=DAY)
    assert memory.cursor == ""
    whole(service, memory)
    assert memory.days == truth


def test_since_before_there_were_daily_papers_begins_with_the_first(service: HuggingFace) -> None:
    service.today = date(2023, 5, 3)
    whole(service, since=date(1991, 8, 14), now=datetime(2023, 5, 3, 8, tzinfo=UTC))
    assert service.days_asked == ["2023-05-01", "2023-05-02", "2023-05-03"]


def test_since_tomorrow_asks_for_nothing(service: HuggingFace) -> None:
    assert whole(service, since=TOMORROW).batches == []
    assert service.asked == []


def test_today_is_the_day_in_utc(service: HuggingFace) -> None:
    """The service refuses days that have not begun there."""
    fill(service, 1)
    whole(service, now=datetime.fromisoformat("2025-05-28T01:30:00+02:00"))
    assert service.days_asked[-1] == DAY.isoformat()


@pytest.mark.parametrize(
    "cursor", ["garbage", "{}", "[]", "null", '{"day": 3}', '{"day": "2025-05-28"}', '{"day": "x"}', "[" * 100_000]
)
def test_a_cursor_that_cannot_be_ours_counts_as_none(service: HuggingFace, cursor: str) -> None:
    whole(service, Memory(cursor=cursor))
    assert service.days_asked == [day.isoformat() for day in WEEK]


def test_a_day_of_several_pages_is_read_to_its_empty_page(service: HuggingFace) -> None:
    truth = fill(service, 250, [DAY])
    memory = whole(service, since=DAY)
    assert memory.days == truth
    assert [len(batch.mentions) for batch in memory.pages] == [100, 100, 50]
    assert [request.value("p") for request in service.asked] == ["0", "1", "2", "3"]


def test_the_first_day_of_a_paper_that_comes_on_two_is_its_day(service: HuggingFace) -> None:
    service.days = {YESTERDAY: [item(1, YESTERDAY)], DAY: [item(1), item(2)]}
    memory = whole(service)
    assert memory.days == {"arxiv:2505.00001": YESTERDAY, "arxiv:2505.00002": DAY}


def test_a_repeated_page_is_asked_for_once_more(service: HuggingFace) -> None:
    truth = fill(service, 150, [DAY])
    service.fail(None, service.repeated)
    memory = whole(service, since=DAY)
    assert (memory.days, memory.skipped) == (truth, [])


def test_a_page_that_stays_repeated_is_passed_over_and_the_day_asked_for_again(service: HuggingFace) -> None:
    truth = fill(service, 450, [WEEK[0]])
    service.fail(None, service.repeated, service.repeated, None, service.repeated, service.repeated)
    memory = whole(service)
    assert len(memory.days) == 250
    assert memory.skipped == [f"{WEEK[0]}, page {page}: repeats what an earlier page gave" for page in (2, 4)]
    whole(service, memory)
    assert memory.days == truth


def test_a_service_that_turns_no_pages_is_not_asked_for_ever(service: HuggingFace) -> None:
    fill(service, 20, [DAY])
    service.fail(None, *[service.repeated] * 1000)
    memory = whole(service, since=DAY)
    assert len(memory.days) == 20
    assert len(service.asked) == 5


def test_a_day_without_an_end_is_given_up(service: HuggingFace) -> None:
    numbers = iter(range(1, 1000))
    service.fail(*[lambda _: Answer(body=json.dumps([item(next(numbers))]).encode())] * 1000)
    memory = load(service, since=DAY)
    assert len(memory.days) == 50
    assert str(memory.error) == f"huggingface: {DAY} does not end after 50 pages"


def test_a_day_that_fails_does_not_stop_the_others_and_is_asked_for_again(service: HuggingFace) -> None:
    truth = fill(service, 2)
    lost = WEEK[1]
    service.fail(None, None, lambda _: Answer(status=404))
    memory = load(service)
    assert isinstance(memory.error, SourceUnavailableError)
    assert "answered 404" in str(memory.error)
    assert memory.days == {one: day for one, day in truth.items() if day != lost}
    assert json.loads(memory.cursor) == {"day": WEEK[0].isoformat()}
    whole(service, memory)
    assert memory.days == truth
    assert json.loads(memory.cursor) == {"day": DAY.isoformat()}


def test_when_every_day_fails_only_four_are_asked_for(service: HuggingFace) -> None:
    fill(service, 2)
    service.fail(*[lambda _: Answer(status=500)] * 1000)
    memory = load(service, patience=0.05)
    assert isinstance(memory.error, SourceUnavailableError)
    assert memory.days == {}
    assert list(dict.fromkeys(service.days_asked)) == [day.isoformat() for day in (WEEK[0], WEEK[1], YESTERDAY, DAY)]


@pytest.mark.parametrize("first", range(6))
def test_two_days_in_a_row_that_always_fail_keep_no_new_paper_away(service: HuggingFace, first: int) -> None:
    truth = fill(service, 1)
    service.broken = frozenset(WEEK[first : first + 2])
    memory = load(service)
    assert memory.error is not None
    assert {one for one, day in truth.items() if day >= YESTERDAY and day not in service.broken} <= memory.days.keys()
    service.today = TOMORROW
    service.days[TOMORROW] = [item(9000, TOMORROW)]
    load(service, memory, now=NOW + timedelta(days=1))
    assert memory.days["arxiv:2505.09000"] == TOMORROW
    service.broken = frozenset()
    whole(service, memory, now=NOW + timedelta(days=1))
    assert truth.items() <= memory.days.items()


def test_days_that_fail_apart_from_one_another_end_nothing(service: HuggingFace) -> None:
    truth = fill(service, 1)
    lost = (WEEK[1], WEEK[3])
    service.fail(None, None, lambda _: Answer(status=404), None, None, lambda _: Answer(status=404))
    memory = load(service)
    assert memory.error is not None
    assert memory.days == {one: day for one, day in truth.items() if day not in lost}


def test_a_refresh_that_fails_does_not_move_the_cursor_back(service: HuggingFace) -> None:
    memory = Memory(cursor=json.dumps({"day": YESTERDAY.isoformat()}))
    service.fail(None, None, *[lambda _: Answer(status=404)] * 100)
    load(service, memory)
    assert memory.error is not None
    assert json.loads(memory.cursor) == {"day": YESTERDAY.isoformat()}


def test_a_first_load_that_failed_is_made_up_for_on_another_day(service: HuggingFace) -> None:
    truth = fill(service, 1)
    service.fail(*[lambda _: Answer(status=403)] * 100)
    memory = load(service)
    assert isinstance(memory.error, SourceUnavailableError)
    service.faults.clear()
    service.today = DAY + timedelta(days=3)
    whole(service, memory, now=NOW + timedelta(days=3))
    assert memory.days == truth


def test_a_load_that_is_stopped_goes_on_where_it_was(service: HuggingFace) -> None:
    missed = [DAY - timedelta(days=back) for back in range(20, -1, -1)]
    truth = fill(service, 1, missed)
    memory = Memory(cursor=json.dumps({"day": missed[0].isoformat()}))
    service.fail(*[None] * 20, *[lambda _: Answer(status=403)] * 100)
    load(service, memory)
    assert memory.error is not None
    service.faults.clear()
    whole(service, memory)
    assert memory.days == truth
    assert service.days_asked[0] == missed[9].isoformat()


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_what_is_good_was_given_and_the_next_load_completes_the_rest(
    service: HuggingFace, name: str
) -> None:
    """The fault spoils every answer from the second day on, until it is mended."""
    truth = fill(service, 3)
    service.fail(None, None, *[FAULTS[name]] * 500)
    memory = load(service, patience=0.05)
    assert memory.days.items() <= truth.items()
    assert WEEK[0] in memory.days.values()
    service.faults.clear()
    # A new day, on which the week is asked for again.
    service.today = TOMORROW
    whole(service, memory, now=NOW + timedelta(days=1))
    assert memory.days == truth


@pytest.mark.parametrize(
    "name", sorted(FAULTS.keys() - {"short page", "malformed entry", "huge", "moved to another port"})
)
def test_a_fault_that_passes_costs_nothing(service: HuggingFace, name: str) -> None:
    truth = fill(service, 3, [YESTERDAY, DAY])
    service.fail(None, None, FAULTS[name])
    assert whole(service, since=YESTERDAY).days == truth
