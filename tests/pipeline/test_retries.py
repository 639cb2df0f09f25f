"""When a mail is tried again, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.digest.compose import confirm_delivery, digest_delivery
from digestbot.pipeline import retries
from tests.factories import NOW, digest, paper, subscriber

CHANCE = st.floats(0, 1, exclude_max=True)
MINUTE = timedelta(minutes=1)


def test_the_waits_grow_to_four_hours() -> None:
    assert [retries.wait(attempts, 0.0) // MINUTE for attempts in (1, 2, 3, 4, 5, 50)] == [5, 15, 60, 240, 240, 240]


@given(st.integers(1, 100), CHANCE)
def test_what_failed_together_does_not_come_back_together(attempts: int, chance: float) -> None:
    shortest = retries.wait(attempts, 0.0)
    assert shortest <= retries.wait(attempts, chance) <= 1.25 * shortest


@given(CHANCE)
def test_a_greylisted_mail_comes_back_between_five_and_fifteen_minutes_as_long_as_that_may_help(chance: float) -> None:
    for attempts in (1, 2, 6):
        assert 5 * MINUTE <= retries.wait(attempts, chance, greylisted=True) <= 15 * MINUTE
    assert retries.wait(7, chance, greylisted=True) == retries.wait(7, chance)


@pytest.mark.parametrize(("days", "left"), [("daily", timedelta(days=1)), ("tue", timedelta(days=5))])
def test_a_digest_is_tried_until_the_next_one_is_due_and_five_days_at_most(days: str, left: timedelta) -> None:
    reader = subscriber(days=days)
    made = digest(paper(1), reader=reader, composed_at=NOW)
    delivery = digest_delivery(made, reader, domain="example.org")
    deadline = retries.deadline(delivery, made, reader)
    assert abs(deadline - NOW - left) < timedelta(hours=12)
    assert deadline <= NOW + timedelta(days=5)


def test_other_mails_are_tried_as_long_as_the_link_in_them_is_good() -> None:
    delivery = confirm_delivery(subscriber(), domain="example.org", now=NOW)
    assert retries.deadline(delivery, None, subscriber()) == delivery.created_at + timedelta(hours=48)
