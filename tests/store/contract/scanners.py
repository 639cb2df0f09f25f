"""A program that presses every button of a mail is no reader: its events are kept and left out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import pytest

from digestbot.models import DISLIKE, LIKE, Digest, PaperId, Rating
from digestbot.store import Store
from tests.factories import NOW, paper
from tests.store.contract.merging import apart
from tests.store.scenes import LATER, join, post

Value: TypeAlias = Literal[1, 0, -1]
# Which paper of a mail, counted from 0, and what is said of it.
Press: TypeAlias = tuple[int, Value]

# What ends a burst, and what is just too short for that.
QUIET = timedelta(seconds=30, microseconds=1)
NOT_QUIET = timedelta(seconds=30)


def mail(store: Store, papers: int = 3) -> Digest:
    """Return a mail to a new reader."""
    return post(store, join(store), [paper(number) for number in range(1, papers + 1)])[0]


def record(store: Store, made: Digest, values: Mapping[int, Value], now: datetime = NOW) -> dict[PaperId, int]:
    """Record one form of the page of a mail; papers are counted from 0."""
    by_id = {made.items[place].paper.id: value for place, value in values.items()}
    return store.ratings.record(made.subscriber_id, by_id, now=now, origin="mail", digest_id=made.id)


def press(
    store: Store, made: Digest, presses: Iterable[Press], now: datetime = NOW, *, seconds: float = 1.0
) -> datetime:
    """Press one button after the other, so many seconds between them; return when the last was pressed."""
    last = now
    for number, (place, value) in enumerate(presses):
        last = now + timedelta(seconds=number * seconds)
        record(store, made, {place: value}, last)
    return last


def everything(papers: int = 3) -> list[Press]:
    """Return all the buttons of a mail in its order: like and not for me, paper by paper."""
    values: tuple[Value, Value] = (LIKE, DISLIKE)
    return [(place, value) for place in range(papers) for value in values]


def ratings(store: Store, made: Digest) -> list[Rating]:
    return store.ratings.of([made.subscriber_id])[made.subscriber_id]


def values(store: Store, made: Digest) -> dict[int, int]:
    """Return what counts, by place in the mail."""
    by_id = {one.paper_id: one.value for one in ratings(store, made)}
    return {place: by_id[item.paper.id] for place, item in enumerate(made.items) if item.paper.id in by_id}


def events(store: Store, made: Digest, *, left_out: bool) -> list[int]:
    rows = store.database.rows(
        "select value from rating_events where digest_id = ? and left_out = ? order by id", (made.id, left_out)
    )
    return [row["value"] for row in rows]


class ScannersContract:
    """Every paper of one mail liked and disliked in one burst: a scanner's. Everything else: a person's."""

    # a scanner

    @pytest.mark.parametrize("papers", [2, 3, 10])
    def test_like_and_dislike_of_everything_are_kept_as_events_and_do_not_count(
        self, store: Store, papers: int
    ) -> None:
        made = mail(store, papers)
        press(store, made, everything(papers))
        assert ratings(store, made) == []
        assert events(store, made, left_out=True) == [LIKE, DISLIKE] * papers
        assert events(store, made, left_out=False) == []

    @pytest.mark.parametrize("first", [LIKE, DISLIKE])
    def test_everything_in_one_form_and_the_contrary_in_another_is_a_scanners(
        self, store: Store, first: Literal[1, -1]
    ) -> None:
        made = mail(store)
        assert len(record(store, made, dict.fromkeys(range(3), first))) == 3
        contrary: Value = DISLIKE if first == LIKE else LIKE
        assert record(store, made, dict.fromkeys(range(3), contrary), NOW + NOT_QUIET) == {}
        assert ratings(store, made) == []

    def test_a_scanner_that_takes_minutes_is_one_as_long_as_it_goes_on(self, store: Store) -> None:
        made = mail(store, 10)
        last = press(store, made, everything(10), seconds=NOT_QUIET.total_seconds())
        assert last - NOW > timedelta(minutes=9)
        assert ratings(store, made) == []

    def test_what_it_presses_after_it_was_recognised_does_not_count_either(self, store: Store) -> None:
        made = mail(store)
        last = press(store, made, everything())
        for _ in range(3):
            last += NOT_QUIET
            assert record(store, made, {0: LIKE, 2: DISLIKE}, last) == {}
        assert ratings(store, made) == []
        assert events(store, made, left_out=False) == []

    def test_ratings_become_again_what_they_were_before_with_their_times(self, store: Store) -> None:
        made = mail(store, 5)
        record(store, made, {0: LIKE, 1: DISLIKE, 2: LIKE})
        record(store, made, {2: 0}, NOW + timedelta(minutes=1))
        before = ratings(store, made)
        press(store, made, everything(5), LATER)
        assert ratings(store, made) == before
        assert values(store, made) == {0: LIKE, 1: DISLIKE}

    def test_a_rating_from_the_command_line_in_the_middle_of_it_counts(self, store: Store) -> None:
        made = mail(store)
        press(store, made, everything()[:4])
        store.ratings.record(made.subscriber_id, {made.items[0].paper.id: LIKE}, now=NOW, origin="cli")
        press(store, made, everything()[4:])
        assert values(store, made) == {0: LIKE}

    def test_a_persons_click_counts_when_it_is_quiet_again(self, store: Store) -> None:
        made = mail(store)
        last = press(store, made, everything())
        id_of_first = made.items[0].paper.id
        assert record(store, made, {0: LIKE}, last + QUIET) == {id_of_first: 0}
        assert record(store, made, {1: DISLIKE}, last + QUIET) != {}
        assert values(store, made) == {0: LIKE, 1: DISLIKE}

    def test_a_second_scanner_leaves_what_was_said_between_the_two(self, store: Store) -> None:
        made = mail(store)
        press(store, made, everything())
        record(store, made, {0: LIKE}, LATER)
        press(store, made, reversed(everything()), LATER + timedelta(hours=1))
        assert values(store, made) == {0: LIKE}

    def test_the_scanner_of_one_reader_costs_another_nothing(self, store: Store) -> None:
        scanned, other = mail(store), mail(store)
        record(store, other, {0: LIKE, 1: DISLIKE})
        press(store, scanned, everything())
        assert values(store, other) == {0: LIKE, 1: DISLIKE}
        assert events(store, other, left_out=True) == []

    def test_the_scanner_of_one_mail_costs_the_readers_other_mails_nothing(self, store: Store) -> None:
        made = mail(store)
        others = [paper(number) for number in (7, 8)]
        yesterday, _ = post(
            store, store.subscribers.get(made.subscriber_id), others, made.local_day - timedelta(days=1)
        )
        press(store, made, everything()[:3])
        record(store, yesterday, {0: LIKE, 1: LIKE})
        press(store, made, everything()[3:])
        assert values(store, yesterday) == {0: LIKE, 1: LIKE}
        assert values(store, made) == {}

    def test_papers_that_become_one_in_the_middle_of_it_do_not_hide_it(self, store: Store) -> None:
        published, post_of_it, preprint = apart()
        made, _ = post(store, join(store), [published, post_of_it, paper(7)])
        record(store, made, {0: LIKE, 1: LIKE, 2: LIKE})
        store.papers.add([preprint], NOW)
        now_shown = store.digests.find(made.id)
        assert now_shown is not None
        record(store, now_shown, {0: DISLIKE, 1: DISLIKE})
        assert ratings(store, made) == []
        assert events(store, made, left_out=False) == []

    def test_two_that_press_at_the_same_time_are_one_scanner(self, store: Store) -> None:
        made = mail(store, 5)
        together = threading.Barrier(2, timeout=20)

        def say(value: Value) -> None:
            together.wait()
            press(store, made, [(place, value) for place in range(5)], seconds=0)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(say, (LIKE, DISLIKE)))
        assert ratings(store, made) == []
        assert sorted(events(store, made, left_out=True)) == [DISLIKE] * 5 + [LIKE] * 5
        assert events(store, made, left_out=False) == []

    # a person

    @pytest.mark.parametrize("value", [LIKE, DISLIKE])
    def test_who_says_the_same_of_everything_is_believed(self, store: Store, value: Literal[1, -1]) -> None:
        one_form, one_by_one = mail(store, 10), mail(store, 10)
        record(store, one_form, dict.fromkeys(range(10), value))
        press(store, one_by_one, [(place, value) for place in range(10)], seconds=0)
        assert values(store, one_form) == values(store, one_by_one) == dict.fromkeys(range(10), value)

    def test_a_second_thought_about_the_only_paper_of_a_mail_counts(self, store: Store) -> None:
        made = mail(store, 1)
        press(store, made, everything(1))
        assert values(store, made) == {0: DISLIKE}

    def test_a_second_thought_about_all_papers_but_one_counts(self, store: Store) -> None:
        made = mail(store, 3)
        press(store, made, everything(2))
        assert values(store, made) == {0: DISLIKE, 1: DISLIKE}

    def test_a_second_thought_after_a_while_counts(self, store: Store) -> None:
        made = mail(store)
        record(store, made, dict.fromkeys(range(3), LIKE))
        record(store, made, dict.fromkeys(range(3), DISLIKE), NOW + QUIET)
        assert values(store, made) == dict.fromkeys(range(3), DISLIKE)

    def test_who_liked_everything_yesterday_may_dislike_it_today(self, store: Store) -> None:
        made = mail(store)
        record(store, made, dict.fromkeys(range(3), LIKE))
        record(store, made, dict.fromkeys(range(3), DISLIKE), NOW + timedelta(days=1))
        assert values(store, made) == dict.fromkeys(range(3), DISLIKE)

    def test_liking_and_taking_back_and_liking_again_counts(self, store: Store) -> None:
        made = mail(store)
        press(store, made, [(place, value) for place in range(3) for value in (LIKE, 0, LIKE)])
        assert values(store, made) == dict.fromkeys(range(3), LIKE)

    def test_what_a_scanner_said_yesterday_is_no_half_of_what_a_person_says_today(self, store: Store) -> None:
        made = mail(store)
        press(store, made, everything())
        press(store, made, [*everything(2), (2, LIKE)], LATER)
        assert values(store, made) == {0: DISLIKE, 1: DISLIKE, 2: LIKE}

    def test_ratings_from_the_command_line_count_however_fast_they_come(self, store: Store) -> None:
        made = mail(store)
        for place, value in everything():
            of_it = {made.items[place].paper.id: value}
            store.ratings.record(made.subscriber_id, of_it, now=NOW, origin="cli")
        assert values(store, made) == dict.fromkeys(range(3), DISLIKE)

    def test_a_form_that_says_nothing_new_leaves_out_nothing(self, store: Store) -> None:
        # Events of a version that did not look for scanners: what they led to is what the reader knows by now.
        made = mail(store)
        press(store, made, everything())
        with store.database.write() as connection:
            connection.execute("update rating_events set left_out = 0")
        before = list(store.database.connection.iterdump())
        record(store, made, dict.fromkeys(range(3), 0), LATER)
        assert list(store.database.connection.iterdump()) == before
