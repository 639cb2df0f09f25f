"""The outbox: claim, send, mark."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from digestbot.digest.compose import confirm_delivery
from digestbot.models import (
    Claim,
    DeliveryKind,
    DeliveryState,
    SubscriberState,
)
from digestbot.store import Preferences, Store
from tests.factories import NOW, alert, paper
from tests.store.scenes import LATER, claim, drained, held, join, mark, post


class OutboxContract:
    """The outbox: claim, send, mark."""

    def test_a_pending_mail_is_claimed_at_any_time_a_deferred_one_when_it_is_due(self, store: Store) -> None:
        post(store, join(store), [paper(1)])
        [claimed] = claim(store, 1, NOW - timedelta(days=400))
        mark(store, claimed, DeliveryState.DEFERRED, NOW, next_at=LATER)
        assert claim(store, 1, NOW) == []
        assert len(claim(store, 1, LATER)) == 1

    def test_a_claim_is_sending_for_everybody_before_it_returns(
        self, store: Store, another: Callable[[], Store]
    ) -> None:
        made, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        claimed = claim(store, 5, NOW)
        assert [one.id for one in claimed] == [delivery.id]
        assert held(another(), made).state == DeliveryState.SENDING
        assert claim(another(), 5, NOW) == []
        store.outbox.close_run()

    def test_a_claim_takes_what_has_waited_longest_and_sign_ups_first(self, store: Store) -> None:
        readers = [join(store) for _ in range(3)]
        made = [post(store, reader, [paper()])[1] for reader in readers]
        pending = store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
        store.outbox.add(confirm_delivery(pending, domain="example.org", now=NOW))
        store.outbox.open_run("one")
        assert [one.kind for one in claim(store, 1, NOW)] == [DeliveryKind.CONFIRM]
        assert [one.id for one in claim(store, 2, NOW)] == [one.id for one in made[:2]]
        assert [one.id for one in claim(store, 9, NOW)] == [made[2].id]
        assert claim(store, 9, NOW) == []
        store.outbox.close_run()

    def test_a_mail_of_the_same_kind_and_key_is_taken_once(self, store: Store) -> None:
        pending = store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
        for _ in range(2):
            store.outbox.add(confirm_delivery(pending, domain="example.org", now=NOW))
        assert store.outbox.counts() == {DeliveryState.PENDING: 1}

    def test_a_deferred_mail_is_claimed_when_its_time_has_come_and_not_before(self, store: Store) -> None:
        _, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        claim(store, 1, NOW)
        mark(store, delivery, DeliveryState.DEFERRED, NOW, code=451, text="later", next_at=LATER)
        assert claim(store, 1, LATER - timedelta(microseconds=1)) == []
        [again] = claim(store, 1, LATER)
        assert (again.id, again.attempts, again.message_id) == (delivery.id, 2, delivery.message_id)
        store.outbox.close_run()

    def test_a_released_mail_is_as_if_it_had_not_been_tried(self, store: Store) -> None:
        made, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        [claimed] = claim(store, 1, NOW)
        mark(store, claimed, DeliveryState.PENDING, NOW, tried=False)
        assert held(store, made) == delivery
        mark(store, delivery, DeliveryState.SENT, NOW)
        mark(store, claimed, DeliveryState.PENDING, NOW, tried=False)
        assert held(store, made).state == DeliveryState.SENT
        store.outbox.close_run()

    def test_the_hash_of_the_bytes_comes_back_with_the_next_claim(self, store: Store) -> None:
        _, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        store.outbox.settle(NOW, NOW, claims=[Claim(delivery=delivery, bytes_hash="abc")])
        mark(store, delivery, DeliveryState.DEFERRED, NOW, next_at=NOW)
        assert claim(store, 1, NOW)[0].bytes_hash == "abc"
        store.outbox.close_run()

    @pytest.mark.parametrize("state", [SubscriberState.PAUSED, SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED])
    def test_what_waits_for_who_has_left_expires(self, store: Store, state: SubscriberState) -> None:
        ada, bela = join(store), join(store)
        left, _ = post(store, ada, [paper()])
        stays, _ = post(store, bela, [paper()])
        pending = store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
        confirm = confirm_delivery(pending, domain="example.org", now=NOW)
        store.outbox.add(confirm)
        store.subscribers.set_state(ada.id, state, NOW)
        assert store.outbox.drop_unwanted(LATER) == {DeliveryState.EXPIRED: 1}
        assert held(store, left).state == DeliveryState.EXPIRED
        assert held(store, stays).state == DeliveryState.PENDING
        store.subscribers.set_state(pending.id, SubscriberState.ACTIVE, NOW)
        assert store.outbox.drop_unwanted(LATER) == {DeliveryState.EXPIRED: 1}
        found = store.outbox.find(DeliveryKind.CONFIRM, confirm.key)
        assert found is not None
        assert found.state == DeliveryState.EXPIRED

    def test_a_living_runs_mails_are_left_alone_and_a_finished_runs_recovered(
        self, store: Store, another: Callable[[], Store]
    ) -> None:
        made, delivery = post(store, join(store), [paper()])
        living = another()
        living.outbox.open_run("living")
        claim(living, 1, NOW)
        store.outbox.open_run("next")
        assert store.outbox.recover(LATER, "resend") == []
        assert held(store, made).state == DeliveryState.SENDING
        living.outbox.close_run()
        [found] = store.outbox.recover(LATER, "resend")
        assert (found.id, found.state, found.message_id) == (delivery.id, DeliveryState.PENDING, delivery.message_id)
        assert store.outbox.recover(LATER, "resend") == []
        assert [one.id for one in claim(store, 1, LATER)] == [delivery.id]
        store.outbox.close_run()

    def test_a_run_does_not_recover_its_own_mails(self, store: Store) -> None:
        post(store, join(store), [paper()])
        store.outbox.open_run("one")
        claim(store, 1, NOW)
        assert store.outbox.recover(NOW, "resend") == []
        store.outbox.close_run()

    def test_threads_that_claim_at_once_never_get_the_same_mail(self, store: Store) -> None:
        made = [post(store, join(store), [paper()])[1].id for _ in range(24)]
        store.outbox.open_run("one")
        start = Barrier(4)

        def drain() -> list[int]:
            start.wait()
            return drained(store)

        with ThreadPoolExecutor(4) as pool:
            claimed = [one for share in [pool.submit(drain) for _ in range(4)] for one in share.result()]
        assert sorted(claimed) == sorted(made)
        assert store.outbox.counts() == {DeliveryState.SENT: 24}
        store.outbox.close_run()

    def test_an_alert_goes_to_the_admin_before_digests_whoever_has_left(self, store: Store) -> None:
        reader = join(store)
        post(store, reader, [paper()])
        store.subscribers.set_state(reader.id, SubscriberState.PAUSED, NOW)
        staying, _ = post(store, join(store), [paper()])
        store.outbox.add(alert())
        assert store.outbox.drop_unwanted(LATER) == {DeliveryState.EXPIRED: 1}
        store.outbox.open_run("one")
        [first] = claim(store, 1, NOW)
        assert (first.kind, first.subscriber_id, first.address) == (DeliveryKind.ALERT, None, "admin@example.org")
        assert first.details == alert().details
        assert [one.digest_id for one in claim(store, 9, NOW)] == [staying.id]
        store.outbox.close_run()

    def test_an_alert_is_nobodys_when_one_subscriber_is_served(self, store: Store) -> None:
        store.outbox.add(alert())
        assert claim(store, 9, NOW, only=join(store).id) == []

    def test_what_may_have_arrived_is_held_and_does_not_expire(self, store: Store) -> None:
        made, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        mark(store, delivery, DeliveryState.DEFERRED, NOW, next_at=NOW, uncertain=True)
        again = held(store, made)
        mark(store, again, DeliveryState.EXPIRED, NOW, code=451, text="later")
        assert held(store, made).state == DeliveryState.HELD
        store.outbox.close_run()
