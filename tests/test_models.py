"""The words: what days, times and zones may be, and ids that follow from what they name."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import UsageError
from digestbot.models import WEEKDAYS, canonical_days, digest_id, parse_time, weekdays, zone
from tests.factories import DAY, paper

DIGEST_OF_ONE = 630_505_382_545_896_575


@given(st.times())
def test_a_time_of_day_survives_a_round_trip(moment: time) -> None:
    assert parse_time(f"{moment:%H:%M}") == moment.replace(second=0, microsecond=0)


def test_a_leading_zero_may_be_left_out() -> None:
    assert parse_time("7:05") == time(7, 5)


@pytest.mark.parametrize(
    "text", ["", "7", "07", "07:5", "07:60", "24:00", "7am", "-1:00", "007:00", "07:00:00", "07.00", "٧:٦٠"]
)
def test_what_is_no_time_of_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="use HH:MM, for example 07:00"):
        parse_time(text)


@given(st.text(max_size=12))
def test_any_text_is_a_time_or_a_usage_error(text: str) -> None:
    try:
        found = parse_time(text)
    except UsageError:
        return
    assert isinstance(found, time)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_zones_are_known_by_their_names(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/Berlin\n", "\0", "x" * 5000]
)
def test_what_is_no_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(UsageError, match="use a name such as Europe/Berlin or UTC"):
        zone(name)


@pytest.mark.parametrize(
    ("days", "numbers", "written"),
    [
        ("daily", range(7), "daily"),
        ("weekdays", range(5), "weekdays"),
        ("weekly", [4], "weekly"),
        ("thu, Mon", [0, 3], "mon,thu"),
        ("fri", [4], "weekly"),
        ("sun,sun", [6], "sun"),
    ],
)
def test_days_have_one_way_to_be_written(days: str, numbers: list[int], written: str) -> None:
    assert weekdays(days) == frozenset(numbers)
    assert canonical_days(days) == written


@given(st.lists(st.sampled_from(WEEKDAYS), min_size=1))
def test_the_one_way_means_the_same_days(names: list[str]) -> None:
    written = canonical_days(",".join(names))
    assert weekdays(written) == {WEEKDAYS.index(name) for name in names}
    assert canonical_days(written) == written


@pytest.mark.parametrize("days", ["", ",", "mon,", "monday", "mon thu", "monthly", "daily,mon"])
def test_what_names_no_days_is_refused_with_examples(days: str) -> None:
    with pytest.raises(UsageError, match="use daily, weekdays, weekly, or a list such as mon,thu"):
        weekdays(days)


@given(st.integers(1, 2**63 - 1), st.dates(), st.integers(1, 2**63 - 1), st.dates())
def test_a_digest_id_follows_from_reader_and_day_and_fits_the_store(
    reader: int, day: date, other: int, other_day: date
) -> None:
    assert 0 <= digest_id(reader, day) < 2**63
    assert digest_id(reader, day) == digest_id(reader, day)
    if (reader, day) != (other, other_day):
        assert digest_id(reader, day) != digest_id(other, other_day)


def test_digest_ids_stay_what_they_are_as_links_in_old_mails_carry_them() -> None:
    assert digest_id(1, DAY) == DIGEST_OF_ONE
    assert digest_id(1, DAY + timedelta(days=1)) != DIGEST_OF_ONE


@given(st.lists(st.integers(1, 2**63 - 1), min_size=4, max_size=9, unique=True))
def test_digest_ids_of_a_day_lie_together_in_the_order_of_far_apart_readers(readers: list[int]) -> None:
    first, last = min(readers), max(readers)
    today, tomorrow = DAY, DAY + timedelta(days=1)
    assert max(digest_id(one, today) for one in readers) < min(digest_id(one, tomorrow) for one in readers)
    if last - first > 2**54:
        assert digest_id(first, today) < digest_id(last, today)


def test_words_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        paper().title = "Another"  # type: ignore[misc]
