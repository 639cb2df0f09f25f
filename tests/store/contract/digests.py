"""Digests as composed, and what counts as sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digestbot.digest.compose import digest_delivery
from digestbot.models import (
    DeliveryState,
    Reason,
)
from digestbot.store import Preferences, Store
from tests.factories import DAY, NOW, digest, paper
from tests.store.scenes import LATER, claim, held, history, join, mark, post, sent_papers


class DigestsContract:
    """Digests as composed, and what counts as sent."""

    def test_what_may_have_arrived_counts_as_sent_while_it_waits_and_is_held_when_replaced(self, store: Store) -> None:
        reader = join(store)
        _, delivery = post(store, reader, [paper(1)])
        [claimed] = claim(store, 1, NOW)
        mark(store, claimed, DeliveryState.DEFERRED, NOW, next_at=LATER, uncertain=True)
        assert sent_papers(store, reader.id) == {paper(1).id}
        # Another program composed the next day's digest before it knew: it is not taken.
        store.papers.add([paper(2)], NOW)
        repeats = digest(paper(1), reader=reader, local_day=DAY + timedelta(days=1))
        assert store.digests.add([(repeats, digest_delivery(repeats, reader, domain="example.org"))]) == []
        fresh = digest(paper(2), reader=reader, local_day=DAY + timedelta(days=1))
        assert store.digests.add([(fresh, digest_delivery(fresh, reader, domain="example.org"))]) == [fresh.id]
        old = store.outbox.find(delivery.kind, delivery.key)
        assert old is not None
        assert old.state == DeliveryState.HELD

    def test_a_digest_comes_back_as_composed(self, store: Store) -> None:
        made, delivery = post(store, join(store), [paper(3), paper(1), paper(2)])
        assert store.digests.find(made.id) == made
        assert store.digests.find(made.id + 1) is None
        assert (delivery.state, delivery.digest_id) == (DeliveryState.PENDING, made.id)

    def test_a_digest_keeps_the_language_it_was_composed_in(self, store: Store) -> None:
        reader = join(store, language="de")
        made, _ = post(store, reader, [paper(1)])
        store.subscribers.edit(reader.id, lambda _: Preferences(language="en"), LATER)
        assert store.digests.find(made.id) == made
        assert made.language == "de"

    def test_an_older_digest_still_shows_the_older_text(self, store: Store) -> None:
        reader = join(store)
        older, _ = post(store, reader, [paper(1, upvotes=5), paper(2)])
        for title in ("Second title", "Third title"):
            store.papers.add([paper(1, title=title, authors=("Cy Rill",), upvotes=50)], LATER)
        assert store.digests.find(older.id) == older
        current = store.papers.get([paper(1).id])[paper(1).id]
        newer, _ = post(store, reader, [current], DAY + timedelta(days=1))
        found = store.digests.find(newer.id)
        assert found is not None
        assert found.items[0].paper.title == "Third title"

    def test_a_second_digest_for_the_same_local_day_is_refused(self, store: Store) -> None:
        reader = join(store)
        first, _ = post(store, reader, [paper(1)])
        store.papers.add([paper(2)], NOW)
        second = replace(digest(paper(2), reader=reader), composed_at=LATER)
        assert store.digests.add([(second, digest_delivery(second, reader, domain="example.org"))]) == []
        assert store.digests.find(first.id) == first
        assert store.outbox.counts() == {DeliveryState.PENDING: 1}

    def test_a_newer_digest_expires_the_older_that_has_not_gone_out(self, store: Store) -> None:
        ada, bela = join(store), join(store)
        older, _ = post(store, ada, [paper(1)])
        others, _ = post(store, bela, [paper(1)])
        newer, _ = post(store, ada, [paper(2)], DAY + timedelta(days=1))
        assert held(store, older).state == DeliveryState.EXPIRED
        assert held(store, newer).state == DeliveryState.PENDING
        assert held(store, others).state == DeliveryState.PENDING
        assert store.digests.last_day(ada.id) == DAY + timedelta(days=1)

    def test_a_newer_digest_leaves_what_has_gone_out_alone(self, store: Store) -> None:
        reader = join(store)
        older, delivery = post(store, reader, [paper(1)])
        store.outbox.open_run("one")
        claim(store, 1, NOW)
        mark(store, delivery, DeliveryState.SENT, NOW)
        post(store, reader, [paper(2)], DAY + timedelta(days=1))
        assert held(store, older).state == DeliveryState.SENT
        store.outbox.close_run()

    @pytest.mark.parametrize("state", list(DeliveryState))
    def test_papers_count_as_sent_while_they_may_have_arrived(self, store: Store, state: DeliveryState) -> None:
        reader = join(store)
        _, delivery = post(store, reader, [paper(1), paper(2)])
        mark(store, delivery, state, NOW)
        counts = state in {DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.HELD}
        assert sent_papers(store, reader.id) == ({paper(1).id, paper(2).id} if counts else set())
        after = DAY + timedelta(days=1)
        assert history(store, reader.id, before=after).last_delivered == (DAY if counts else None)
        assert history(store, reader.id, before=DAY).last_delivered is None

    def test_digests_are_counted_before_a_day(self, store: Store) -> None:
        reader = join(store)
        assert (store.digests.last_day(reader.id), history(store, reader.id, before=DAY).digests) == (None, 0)
        for ahead in range(3):
            post(store, reader, [paper(ahead + 1)], DAY + timedelta(days=ahead))
        assert history(store, reader.id, before=DAY + timedelta(days=2)).digests == 2
        assert list(store.subscribers.active_with_last_day()) == [(reader, DAY + timedelta(days=2))]

    def test_a_reason_keeps_its_kind_and_terms(self, store: Store) -> None:
        reader = join(store)
        store.papers.add([paper(1)], NOW)
        made = digest(paper(1), reader=reader)
        item = replace(made.items[0], reason=Reason(kind="trending"), score=0.1 + 0.2)
        made = replace(made, items=(item,))
        store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
        assert store.digests.find(made.id) == made
