"""The tally: how many there are of everything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digestbot.models import DeliveryState, RateLimits, SubscriberState
from digestbot.store import Store
from digestbot.store.suppressions import Cause
from tests.factories import NOW, alert, load, paper
from tests.store.scenes import LATER, claim, join, mark, post


class TallyContract:
    """How many there are of everything."""

    def test_an_empty_store_has_nothing_to_count(self, store: Store) -> None:
        found = store.tally.figures(NOW)
        assert (dict(found.deliveries), dict(found.subscribers), dict(found.suppressions)) == ({}, {}, {})
        assert (found.papers, found.oldest_waiting, dict(found.last_success), dict(found.slowed)) == (0, None, {}, {})

    def test_deliveries_are_counted_by_kind_and_state_and_subscribers_by_state(self, store: Store) -> None:
        gone = join(store)
        for reader in (join(store), join(store), gone):
            mark(store, post(store, reader, [paper(1), paper(2)])[1], DeliveryState.SENT, NOW)
        store.subscribers.set_state(gone.id, SubscriberState.UNSUBSCRIBED, NOW)
        store.outbox.add(alert())
        found = store.tally.figures(NOW)
        assert found.deliveries == {("alert", "pending"): 1, ("digest", "sent"): 3}
        assert found.subscribers == {"active": 2, "unsubscribed": 1}
        assert found.papers == 2

    @pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.DEFERRED, DeliveryState.SENDING])
    def test_the_oldest_mail_that_waits_is_the_one_that_came_first(self, store: Store, state: DeliveryState) -> None:
        mark(store, post(store, join(store), [paper()])[1], DeliveryState.SENT, NOW)
        assert store.tally.figures(NOW).oldest_waiting is None
        store.outbox.add(alert(created_at=LATER))
        [one] = claim(store, 1, LATER)
        if state != DeliveryState.SENDING:
            mark(store, one, state, LATER)
        store.outbox.add(alert(2, created_at=LATER + timedelta(hours=1)))
        assert store.tally.figures(NOW).oldest_waiting == LATER

    @pytest.mark.parametrize(
        ("cause", "counted"),
        [
            (Cause.HARD, "hard"),
            (Cause.SOFT, "soft"),
            (Cause.COMPLAINT, "complaint"),
            (Cause.ADMIN, "other"),
            (Cause.IMPORT, "other"),
        ],
    )
    def test_suppressions_are_counted_by_what_led_to_them(self, store: Store, cause: Cause, counted: str) -> None:
        store.suppressions.suppress("gone@example.org", "a complaint (bounce)", NOW, cause=cause)
        assert store.tally.figures(NOW).suppressions == {counted: 1}

    def test_the_last_success_of_a_source_is_the_start_of_its_last_load_without_an_error(self, store: Store) -> None:
        for started, error in ((NOW, ""), (LATER, ""), (LATER + timedelta(hours=1), "answered 503")):
            store.loads.record(load("arxiv", started_at=started, error=error))
        store.loads.record(load("lab-notes", error="answered 503"))
        assert store.tally.figures(NOW).last_success == {"arxiv": LATER}

    def test_a_server_is_slowed_from_when_it_asked_for_patience_until_it_takes_all_again(self, store: Store) -> None:
        store.outbox.open_run("one", RateLimits(server="server mail.example.org:25", per_second=5))
        store.outbox.slow_down(10.0, NOW)
        assert store.tally.figures(NOW).slowed == {"mail.example.org:25": 5.0}
        half = store.tally.figures(NOW + timedelta(minutes=15)).slowed["mail.example.org:25"]
        assert 5 < half < 10
        assert store.tally.figures(LATER).slowed == {}
        store.outbox.close_run()
