"""Addresses that must not be mailed, and mails that came back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digestbot.models import DeliveryState, SubscriberState
from digestbot.store import Store
from digestbot.store.suppressions import Cause
from tests.factories import NOW, delivery, paper
from tests.store.scenes import LATER, claim, held, join, post

WEEK = timedelta(days=7)


class SuppressionsContract:
    """Addresses that must not be mailed."""

    def test_who_left_stays_so_when_the_address_is_suppressed(self, store: Store) -> None:
        reader = join(store)
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        assert store.suppressions.suppress(reader.email, "550 5.1.1", NOW)
        assert store.subscribers.get(reader.id).state == SubscriberState.UNSUBSCRIBED

    def test_a_suppression_says_who_why_and_since_when_and_the_first_reason_stays(self, store: Store) -> None:
        reader = join(store, email="Ada@example.org")
        assert store.suppressions.suppress("gone@example.org", "by hand", LATER)
        refused = "550 5.1.1 <ada@example.org>:\nnobody"
        assert store.suppressions.suppress("ada@EXAMPLE.org", refused, NOW, cause=Cause.HARD)
        assert not store.suppressions.suppress(reader.email, "again", LATER)
        first, second = store.suppressions.all()
        assert (first.email, first.reason, first.since) == (reader.email, "550 5.1.1 <address> nobody", NOW)
        assert (second.email, second.reason) == ("", "by hand")
        assert (first.cause, second.cause) == (Cause.HARD, Cause.ADMIN)
        assert first.address_hash != second.address_hash

    def test_nothing_that_waits_goes_to_a_suppressed_address_not_even_a_last_mail(self, store: Store) -> None:
        reader, other = join(store), join(store)
        made, waiting = post(store, reader, [paper()])
        _, kept = post(store, other, [paper()])
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        goodbye = delivery(9, kind="goodbye", subscriber_id=reader.id, address=reader.email)
        store.outbox.add(goodbye)
        store.suppressions.suppress(reader.email, "", NOW, cause=Cause.COMPLAINT)
        store.outbox.open_run("run")
        assert [one.message_id for one in claim(store, 9, NOW)] == [kept.message_id]
        store.outbox.close_run()
        assert held(store, made).state == DeliveryState.EXPIRED
        assert waiting.state == DeliveryState.PENDING

    def test_a_suppression_outlives_its_subscriber_whose_points_do_not(self, store: Store) -> None:
        reader = join(store)
        store.bounces.add_point(reader.id, reader.email, "<1@example.org>", NOW, stale_after=WEEK)
        store.suppressions.suppress(reader.email, "550 5.1.1", NOW)
        with store.database.write() as connection:
            connection.execute("delete from subscribers where id = ?", (reader.id,))
        assert store.suppressions.suppressed([reader.email]) == {reader.email}
        assert [(one.email, one.reason) for one in store.suppressions.all()] == [("", "550 5.1.1")]
        assert store.database.rows("select * from bounce_points") == []

    def test_an_address_taken_off_the_list_is_mailed_when_somebody_adds_it_again(self, store: Store) -> None:
        reader = join(store)
        store.suppressions.suppress(reader.email, "550 5.1.1", NOW)
        assert store.suppressions.unsuppress(reader.email.upper(), LATER)
        assert not store.suppressions.unsuppress(reader.email, LATER)
        assert store.subscribers.get(reader.id).state == SubscriberState.UNSUBSCRIBED
        assert join(store, email=reader.email).id == reader.id


class BouncesContract:
    """Mails that came back."""

    def test_a_mail_is_known_by_its_message_id_with_the_address_that_it_went_to(self, store: Store) -> None:
        reader = join(store)
        _, sent = post(store, reader, [paper()])
        found = store.bounces.posted(sent.message_id)
        assert found is not None
        assert (found.subscriber_id, found.address, found.state) == (reader.id, reader.email, DeliveryState.PENDING)
        assert store.bounces.posted("<other@example.org>") is None
        assert store.bounces.went_to(reader.id, reader.email.upper())
        assert not store.bounces.went_to(reader.id, "other@example.org")
        assert not store.bounces.went_to(reader.id + 1, reader.email)

    def test_a_mail_that_did_not_arrive_is_marked_so(self, store: Store) -> None:
        made, sent = post(store, join(store), [paper()])
        store.bounces.mark(sent.message_id, "550 5.1.1 nobody", LATER)
        assert held(store, made).state == DeliveryState.BOUNCED

    def test_one_point_a_day_and_none_twice_for_a_mail(self, store: Store) -> None:
        reader = join(store)

        def count(mail: str, days: int) -> tuple[int, bool]:
            moment = NOW + timedelta(days=days)
            return store.bounces.add_point(reader.id, "Ada@example.org", mail, moment, stale_after=WEEK)

        assert count("<1@example.org>", 0) == (1, True)
        assert count("<2@example.org>", 0) == (1, False)
        assert count("<1@example.org>", 1) == (1, False)
        assert count("<3@example.org>", 1) == (2, True)
        # Whose reports bring no Message-ID back is counted by the day alone.
        assert count("", 2) == (3, True)
        assert count("", 2) == (3, False)
        assert count("", 3) == (4, True)

    @pytest.mark.parametrize(("days", "points"), [(7, 2), (8, 1)])
    def test_points_are_stale_after_a_week_without_a_new_one(self, store: Store, days: int, points: int) -> None:
        reader = join(store)
        store.bounces.add_point(reader.id, reader.email, "<1@example.org>", NOW, stale_after=WEEK)
        later = NOW + timedelta(days=days)
        assert store.bounces.add_point(reader.id, reader.email, "", later, stale_after=WEEK) == (points, True)

    def test_points_are_of_one_address_of_one_subscriber(self, store: Store) -> None:
        reader, other = join(store), join(store)
        for whose, address in ((reader, "a@example.org"), (reader, "b@example.org"), (other, "a@example.org")):
            assert store.bounces.add_point(whose.id, address, "", NOW, stale_after=WEEK) == (1, True)
