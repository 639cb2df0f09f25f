"""Which papers may be in a digest, and what a digest is made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.digest.compose import best, compose, confirm_delivery, digest_delivery, is_candidate, window
from digestbot.models import DeliveryKind
from tests.factories import DAY, NOW, digest, paper, scored, subscriber

days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def ago(number: int) -> date:
    return DAY - timedelta(days=number)


@pytest.mark.parametrize(
    ("last_delivered", "window_days", "first"),
    [
        (None, 3, ago(2)),
        (None, 1, DAY),
        (None, 90, ago(13)),
        (ago(1), 1, DAY),
        (ago(1), 3, ago(2)),
        (ago(3), 1, ago(2)),
        (ago(5), 3, ago(4)),
        (ago(14), 3, ago(13)),
        (ago(400), 3, ago(13)),
    ],
)
def test_the_window_reaches_back_to_the_last_delivered_digest_but_not_for_ever(
    last_delivered: date | None, window_days: int, first: date
) -> None:
    assert window(DAY, last_delivered, window_days) == (first, DAY)


@settings(deadline=None, max_examples=50)
@given(days, st.integers(1, 400), st.integers(1, 30))
def test_the_window_ends_today_and_has_from_one_to_fourteen_days(today: date, passed: int, window_days: int) -> None:
    first, last = window(today, today - timedelta(days=passed), window_days)
    assert last == today
    assert 1 <= (last - first).days + 1 <= 14
    # A day that nobody has been sent yet is in the window, unless it is too long ago.
    assert first <= max(today - timedelta(days=passed) + timedelta(days=1), today - timedelta(days=13))


def test_a_candidate_is_new_and_neither_sent_nor_rated() -> None:
    span = (ago(2), DAY)
    one = paper(1)
    assert is_candidate(one, span, set(), set())
    assert not is_candidate(one, span, {one.id}, set())
    assert not is_candidate(one, span, set(), {one.id})
    assert is_candidate(one, span, {"arxiv:other"}, {"arxiv:another"})


@pytest.mark.parametrize(
    ("announced", "expected"), [(ago(3), False), (ago(2), True), (DAY, True), (DAY + timedelta(days=1), False)]
)
def test_a_candidate_was_announced_inside_the_window_and_never_tomorrow(announced: date, expected: bool) -> None:
    assert is_candidate(paper(announced=announced), (ago(2), DAY), set(), set()) is expected


def test_a_digest_keeps_the_order_of_what_was_chosen() -> None:
    made = compose([scored(3), scored(1), scored(2)], subscriber(), local_day=DAY, now=NOW, number=7, considered=40)
    assert [(item.position, item.paper.id[-1]) for item in made.items] == [(1, "3"), (2, "1"), (3, "2")]
    assert (made.subscriber_id, made.local_day, made.number, made.considered) == (subscriber().id, DAY, 7, 40)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 12))
def test_the_best_of_a_digest_are_in_its_order_and_none_left_out_is_better(scores: list[int], most: int) -> None:
    whole = digest(*(paper(number) for number, _ in enumerate(scores, 1)))
    items = tuple(replace(item, score=score) for item, score in zip(whole.items, scores, strict=True))
    kept = best(replace(whole, items=items), most).items
    left = [item for item in items if item not in kept]
    assert len(kept) == min(most, len(items))
    assert list(kept) == [item for item in items if item in kept]
    for one in kept:
        assert all((one.score, -one.position) > (other.score, -other.position) for other in left)
    assert best(whole, None) is whole


def test_the_time_of_composing_has_whole_seconds() -> None:
    made = compose([scored()], subscriber(), local_day=DAY, now=NOW.replace(microsecond=7), number=1, considered=1)
    assert made.composed_at == NOW


def test_the_message_id_follows_from_subscriber_and_day_and_differs_for_others() -> None:
    def made(number: int, day: date) -> str:
        reader = subscriber(number)
        return digest_delivery(digest(reader=reader, local_day=day), reader, domain="example.org").message_id

    assert made(1, DAY) == made(1, DAY)
    assert len({made(1, DAY), made(2, DAY), made(1, ago(1))}) == 3
    assert made(1, DAY).startswith("<2025-05-27.")
    assert made(1, DAY).endswith("@example.org>")


def test_a_digest_goes_to_its_reader_under_its_own_key() -> None:
    made, reader = digest(), subscriber()
    delivery = digest_delivery(made, reader, domain="example.org")
    assert (delivery.kind, delivery.key, delivery.digest_id) == (DeliveryKind.DIGEST, str(made.id), made.id)
    assert (delivery.address, delivery.created_at) == (reader.email, made.composed_at)


def test_signing_up_again_asks_again() -> None:
    first = confirm_delivery(subscriber(), domain="example.org", now=NOW)
    again = confirm_delivery(subscriber(), domain="example.org", now=NOW + timedelta(days=3))
    assert first.kind == DeliveryKind.CONFIRM
    assert first.key != again.key
    assert first.message_id != again.message_id
