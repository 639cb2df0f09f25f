"""What every store promises, whatever keeps the rows.

A test class of a store inherits ``StoreContract`` and gives two fixtures: ``store``, empty, whose ids
count from 1, and ``another``, which opens the same data a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest

from digestbot.digest.compose import confirm_delivery, digest_delivery
from digestbot.errors import ConflictError, NotFoundError
from digestbot.models import (
    DISLIKE,
    LIKE,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    Paper,
    Reason,
    Subscriber,
    SubscriberState,
)
from digestbot.store import Preferences, Store
from tests.factories import DAY, NOW, digest, paper

LATER = NOW + timedelta(hours=1)
_NUMBER = count(1)


def join(store: Store, **changes: Any) -> Subscriber:
    """Return a new active subscriber."""
    email = changes.pop("email", f"reader{next(_NUMBER)}@example.org")
    return store.subscribers.add(email, SubscriberState.ACTIVE, Preferences(**changes), NOW)


def post(store: Store, reader: Subscriber, papers: Iterable[Paper], day: date = DAY) -> tuple[Digest, Delivery]:
    """Store papers and a digest of them with its delivery, and return what the outbox holds."""
    shown = list(papers)
    store.papers.add(shown, NOW)
    made = digest(*shown, reader=reader, local_day=day)
    store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
    return made, held(store, made)


def held(store: Store, one: Digest) -> Delivery:
    found = store.outbox.find(DeliveryKind.DIGEST, str(one.id))
    assert found is not None
    return found


class StoreContract:
    """The promises, one a test."""

    # papers

    def test_a_paper_comes_back_as_it_was_given(self, store: Store) -> None:
        given = paper(
            authors=("Zoë “Z” Öz", "O'Neil, B."),
            categories=(),
            abstract="",
            url="https://example.org/?a=1&b=2",
            pdf_url="https://example.org/p.pdf",
            doi="10.1000/x",
            comment="two\tpages",
            upvotes=2**40,
            title="<b>🙂</b> & שלום",
        )
        assert store.papers.add([given], NOW).new == 1
        assert store.papers.get([given.id, "arxiv:0000.00000"]) == {given.id: given}

    @pytest.mark.parametrize(
        "identifier", ["arxiv:2503.02130", "arxiv:2503.10000", "x:007", "x:1e5", "doi:10.1101/1.10"]
    )
    def test_an_id_that_looks_like_a_number_stays_text(self, store: Store, identifier: str) -> None:
        store.papers.add([paper(id=identifier)], NOW)
        assert list(store.papers.get([identifier])) == [identifier]
        assert store.papers.announced(DAY, DAY)[0].id == identifier

    def test_loading_twice_adds_nothing(self, store: Store) -> None:
        papers = [paper(number) for number in range(1, 6)]
        first = store.papers.add(papers, NOW)
        again = store.papers.add(reversed(papers), LATER)
        assert (first.new, first.updated) == (5, 0)
        assert (again.new, again.updated) == (0, 0)
        assert store.papers.count() == 5

    def test_a_reworded_paper_keeps_the_day_it_was_announced(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reworded = paper(title="Sparse retrieval, revised", announced=DAY + timedelta(days=9))
        assert store.papers.add([reworded], LATER).updated == 1
        found = store.papers.get([reworded.id])[reworded.id]
        assert (found.title, found.announced, found.revision) == ("Sparse retrieval, revised", DAY, 2)

    def test_upvotes_change_without_a_new_revision(self, store: Store) -> None:
        store.papers.add([paper(upvotes=1)], NOW)
        assert store.papers.add([paper(upvotes=8)], LATER).updated == 1
        found = store.papers.get([paper().id])[paper().id]
        assert (found.upvotes, found.revision) == (8, 1)

    def test_replacements_change_known_papers_and_announce_none(self, store: Store) -> None:
        store.papers.add([paper(1)], NOW)
        added = store.papers.add([], LATER, replacements=[paper(1, abstract="Shorter."), paper(2)])
        assert (added.new, added.updated) == (0, 1)
        assert store.papers.count() == 1
        assert store.papers.get([paper(1).id])[paper(1).id].abstract == "Shorter."

    def test_papers_come_by_day_and_id_whatever_the_order_they_came_in(self, store: Store) -> None:
        papers = [paper(number, announced=DAY - timedelta(days=number % 3)) for number in (5, 2, 9, 1, 4)]
        store.papers.add(papers, NOW)
        expected = sorted(papers, key=lambda one: (one.announced, one.id))
        assert store.papers.announced(DAY - timedelta(days=2), DAY) == expected
        assert store.papers.announced(DAY, DAY) == [one for one in expected if one.announced == DAY]
        newest = store.papers.newest(2, until=DAY - timedelta(days=1))
        assert [one.id for one in newest] == ["arxiv:2505.00001", "arxiv:2505.00004"]

    def test_revisions_of_the_newest_tell_when_a_text_has_changed(self, store: Store) -> None:
        store.papers.add([paper(number, announced=DAY - timedelta(days=number)) for number in (1, 2, 3)], NOW)
        store.papers.add([paper(2, title="Reworded"), paper(3, upvotes=7)], LATER)
        assert store.papers.newest_revisions(2, until=DAY) == [(paper(1).id, 1), (paper(2).id, 2)]
        for until in (DAY, DAY - timedelta(days=2)):
            newest = [(one.id, one.revision) for one in store.papers.newest(9, until=until)]
            assert store.papers.newest_revisions(9, until=until) == newest

    def test_a_broken_batch_adds_nothing_of_itself(self, store: Store) -> None:
        def broken() -> Iterable[Paper]:
            yield paper(1)
            raise OSError("the source went away")

        with pytest.raises(OSError, match="went away"):
            store.papers.add(broken(), NOW)
        assert store.papers.count() == 0
        assert store.papers.add([paper(1)], NOW).new == 1

    # subscribers

    def test_who_chose_nothing_has_the_defaults(self, store: Store) -> None:
        reader = join(store)
        assert (reader.timezone, reader.send_at, reader.days, reader.papers) == ("UTC", time(7, 0), "daily", 10)
        chosen = join(store, timezone="Asia/Tokyo", send_at="18:30", days="mon", papers=3, categories=("cs.IR",))
        assert (chosen.timezone, chosen.send_at, chosen.days, chosen.papers) == ("Asia/Tokyo", time(18, 30), "mon", 3)
        assert store.subscribers.find(chosen.id) == chosen

    def test_an_address_is_one_subscriber_in_any_case(self, store: Store) -> None:
        reader = join(store, email="Ada@Example.org")
        with pytest.raises(ConflictError, match="already"):
            join(store, email="ada@example.ORG")
        assert store.subscribers.by_email("ADA@example.org") == reader
        assert store.subscribers.all() == [reader]

    def test_who_left_comes_back_with_the_history_under_the_same_id(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reader = join(store, timezone="Asia/Tokyo")
        store.ratings.record(reader.id, {paper().id: LIKE}, now=NOW, origin="cli")
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        assert store.subscribers.active_with_last_day() == []
        back = store.subscribers.add(reader.email, SubscriberState.PENDING, Preferences(papers=4), LATER)
        assert back == replace(reader, state=SubscriberState.PENDING, papers=4)
        assert [one.paper_id for one in store.ratings.of([back.id])[back.id]] == [paper().id]

    def test_a_suppressed_address_is_refused_and_its_subscriber_has_bounced(self, store: Store) -> None:
        reader, other = join(store, email="gone@example.org"), join(store)
        store.subscribers.suppress("GONE@example.org", "550 5.1.1 nobody here", NOW)
        store.subscribers.suppress("gone@example.org", "550 5.1.1 nobody here", LATER)
        assert store.subscribers.get(reader.id).state == SubscriberState.BOUNCED
        assert store.subscribers.suppressed(["Gone@example.org", other.email]) == {"Gone@example.org"}
        assert [one.id for one, _ in store.subscribers.active_with_last_day()] == [other.id]
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        with pytest.raises(ConflictError, match="suppressed"):
            join(store, email="gone@EXAMPLE.org")

    def test_nobody_whose_address_refuses_mail_becomes_active(self, store: Store) -> None:
        reader = join(store)
        store.subscribers.suppress(reader.email, "550 5.1.1 nobody here", NOW)
        for state in (SubscriberState.BOUNCED, SubscriberState.UNSUBSCRIBED, SubscriberState.PENDING):
            store.subscribers.set_state(reader.id, state, NOW)
            assert not store.subscribers.set_state(reader.id, SubscriberState.ACTIVE, NOW)
            assert store.subscribers.get(reader.id).state == state

    def test_a_state_changes_only_from_those_that_are_named(self, store: Store) -> None:
        reader = join(store)
        left = (SubscriberState.UNSUBSCRIBED,)
        assert not store.subscribers.set_state(reader.id, SubscriberState.PAUSED, NOW, among=left)
        assert store.subscribers.get(reader.id).state == SubscriberState.ACTIVE
        assert not store.subscribers.set_state(999, SubscriberState.PAUSED, NOW)

    def test_saving_preferences_brings_nobody_back_who_has_left(self, store: Store) -> None:
        reader = join(store)
        store.subscribers.set_state(reader.id, SubscriberState.UNSUBSCRIBED, NOW)
        store.subscribers.set_preferences(reader.id, timezone="UTC", send_at="08:00", days="daily", papers=3, now=NOW)
        assert store.subscribers.get(reader.id).state == SubscriberState.UNSUBSCRIBED

    def test_who_never_confirmed_can_be_added_again(self, store: Store) -> None:
        first = join(store)
        store.subscribers.set_state(first.id, SubscriberState.PENDING, NOW)
        again = store.subscribers.add(first.email, SubscriberState.ACTIVE, Preferences(), LATER)
        assert (again.id, again.state) == (first.id, SubscriberState.ACTIVE)

    def test_a_source_that_says_less_takes_nothing_away(self, store: Store) -> None:
        rich = paper(comment="12 pages", pdf_url="https://example.org/p.pdf", doi="10.1/x", upvotes=40)
        store.papers.add([rich], NOW)
        assert store.papers.add([paper(abstract="", authors=(), categories=())], LATER).updated == 0
        assert store.papers.get([rich.id]) == {rich.id: rich}

    def test_what_may_have_arrived_counts_as_sent_while_it_waits_and_is_held_when_replaced(self, store: Store) -> None:
        reader = join(store)
        _, delivery = post(store, reader, [paper(1)])
        [claimed] = store.outbox.claim(1, NOW)
        store.outbox.mark(claimed, DeliveryState.DEFERRED, NOW, next_at=LATER, uncertain=True)
        assert store.digests.sent_papers(reader.id) == {paper(1).id}
        # Another program composed the next day's digest before it knew: it is not taken.
        store.papers.add([paper(2)], NOW)
        repeats = digest(paper(1), reader=reader, local_day=DAY + timedelta(days=1))
        assert store.digests.add([(repeats, digest_delivery(repeats, reader, domain="example.org"))]) == []
        fresh = digest(paper(2), reader=reader, local_day=DAY + timedelta(days=1))
        assert store.digests.add([(fresh, digest_delivery(fresh, reader, domain="example.org"))]) == [fresh.id]
        old = store.outbox.find(delivery.kind, delivery.key)
        assert old is not None
        assert old.state == DeliveryState.HELD

    def test_a_pending_mail_is_claimed_at_any_time_a_deferred_one_when_it_is_due(self, store: Store) -> None:
        post(store, join(store), [paper(1)])
        [claimed] = store.outbox.claim(1, NOW - timedelta(days=400))
        store.outbox.mark(claimed, DeliveryState.DEFERRED, NOW, next_at=LATER)
        assert store.outbox.claim(1, NOW) == []
        assert len(store.outbox.claim(1, LATER)) == 1

    def test_somebody_unknown_is_none_or_an_error_that_names_the_address(self, store: Store) -> None:
        assert store.subscribers.find(42) is None
        with pytest.raises(NotFoundError):
            store.subscribers.get(42)
        with pytest.raises(NotFoundError, match=r"nobody@example\.org"):
            store.subscribers.by_email("nobody@example.org")

    # ratings

    def test_the_latest_rating_wins_and_a_clear_takes_it_away(self, store: Store) -> None:
        store.papers.add([paper(1), paper(2)], NOW)
        reader = join(store)
        one, two = paper(1).id, paper(2).id
        assert store.ratings.record(reader.id, {one: LIKE, two: LIKE}, now=NOW, origin="mail") == {one: 0, two: 0}
        assert store.ratings.record(reader.id, {one: DISLIKE}, now=LATER, origin="mail") == {one: 1}
        assert [(r.paper_id, r.value, r.rated_at) for r in store.ratings.of([reader.id])[reader.id]] == [
            (one, DISLIKE, LATER),
            (two, LIKE, NOW),
        ]
        assert store.ratings.record(reader.id, {one: 0}, now=LATER, origin="cli") == {one: -1}
        assert [rating.paper_id for rating in store.ratings.of([reader.id])[reader.id]] == [two]

    def test_the_same_rating_again_changes_nothing(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reader = join(store)
        store.ratings.record(reader.id, {paper().id: LIKE}, now=NOW, origin="mail")
        assert store.ratings.record(reader.id, {paper().id: LIKE}, now=LATER, origin="mail") == {}
        assert store.ratings.of([reader.id])[reader.id][0].rated_at == NOW

    def test_one_unknown_paper_records_none_of_the_ratings(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        reader = join(store)
        with pytest.raises(NotFoundError, match=r"arxiv:0000\.00000"):
            store.ratings.record(reader.id, {paper().id: LIKE, "arxiv:0000.00000": LIKE}, now=NOW, origin="cli")
        assert store.ratings.of([reader.id]) == {reader.id: []}

    def test_ratings_are_each_readers_own(self, store: Store) -> None:
        store.papers.add([paper()], NOW)
        ada, bela = join(store), join(store)
        store.ratings.record(ada.id, {paper().id: LIKE}, now=NOW, origin="cli")
        found = store.ratings.of([bela.id, ada.id])
        assert found[bela.id] == []
        assert [(one.subscriber_id, one.value) for one in found[ada.id]] == [(ada.id, LIKE)]

    # digests

    def test_a_digest_comes_back_as_composed(self, store: Store) -> None:
        made, delivery = post(store, join(store), [paper(3), paper(1), paper(2)])
        assert store.digests.find(made.id) == made
        assert store.digests.find(made.id + 1) is None
        assert (delivery.state, delivery.digest_id) == (DeliveryState.PENDING, made.id)

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
        store.outbox.claim(1, NOW)
        store.outbox.mark(delivery, DeliveryState.SENT, NOW)
        post(store, reader, [paper(2)], DAY + timedelta(days=1))
        assert held(store, older).state == DeliveryState.SENT
        store.outbox.close_run()

    @pytest.mark.parametrize("state", list(DeliveryState))
    def test_papers_count_as_sent_while_they_may_have_arrived(self, store: Store, state: DeliveryState) -> None:
        reader = join(store)
        _, delivery = post(store, reader, [paper(1), paper(2)])
        store.outbox.mark(delivery, state, NOW)
        counts = state in {DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.HELD}
        assert store.digests.sent_papers(reader.id) == ({paper(1).id, paper(2).id} if counts else set())
        after = DAY + timedelta(days=1)
        assert store.digests.last_delivered(reader.id, before=after) == (DAY if counts else None)
        assert store.digests.last_delivered(reader.id, before=DAY) is None

    def test_digests_are_counted_before_a_day(self, store: Store) -> None:
        reader = join(store)
        assert (store.digests.last_day(reader.id), store.digests.count(reader.id, before=DAY)) == (None, 0)
        for ahead in range(3):
            post(store, reader, [paper(ahead + 1)], DAY + timedelta(days=ahead))
        assert store.digests.count(reader.id, before=DAY + timedelta(days=2)) == 2
        assert store.subscribers.active_with_last_day() == [(reader, DAY + timedelta(days=2))]

    def test_a_reason_keeps_its_kind_and_terms(self, store: Store) -> None:
        reader = join(store)
        store.papers.add([paper(1)], NOW)
        made = digest(paper(1), reader=reader)
        item = replace(made.items[0], reason=Reason(kind="trending"), score=0.1 + 0.2)
        made = replace(made, items=(item,))
        store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
        assert store.digests.find(made.id) == made

    # outbox

    def test_a_claim_is_sending_for_everybody_before_it_returns(
        self, store: Store, another: Callable[[], Store]
    ) -> None:
        made, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        claimed = store.outbox.claim(5, NOW)
        assert [one.id for one in claimed] == [delivery.id]
        assert held(another(), made).state == DeliveryState.SENDING
        assert another().outbox.claim(5, NOW) == []
        store.outbox.close_run()

    def test_a_claim_takes_what_has_waited_longest_and_sign_ups_first(self, store: Store) -> None:
        readers = [join(store) for _ in range(3)]
        made = [post(store, reader, [paper()])[1] for reader in readers]
        pending = store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
        store.outbox.add(confirm_delivery(pending, domain="example.org", now=NOW))
        store.outbox.open_run("one")
        assert [one.kind for one in store.outbox.claim(1, NOW)] == [DeliveryKind.CONFIRM]
        assert [one.id for one in store.outbox.claim(2, NOW)] == [one.id for one in made[:2]]
        assert [one.id for one in store.outbox.claim(9, NOW)] == [made[2].id]
        assert store.outbox.claim(9, NOW) == []
        store.outbox.close_run()

    def test_a_mail_of_the_same_kind_and_key_is_taken_once(self, store: Store) -> None:
        pending = store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
        for _ in range(2):
            store.outbox.add(confirm_delivery(pending, domain="example.org", now=NOW))
        assert store.outbox.counts() == {DeliveryState.PENDING: 1}

    def test_a_deferred_mail_is_claimed_when_its_time_has_come_and_not_before(self, store: Store) -> None:
        _, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        store.outbox.claim(1, NOW)
        store.outbox.mark(delivery, DeliveryState.DEFERRED, NOW, code=451, text="later", next_at=LATER)
        assert store.outbox.claim(1, LATER - timedelta(microseconds=1)) == []
        [again] = store.outbox.claim(1, LATER)
        assert (again.id, again.attempts, again.message_id) == (delivery.id, 2, delivery.message_id)
        store.outbox.close_run()

    def test_a_released_mail_is_as_if_it_had_not_been_tried(self, store: Store) -> None:
        made, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        [claimed] = store.outbox.claim(1, NOW)
        store.outbox.release(claimed, NOW)
        assert held(store, made) == delivery
        store.outbox.mark(delivery, DeliveryState.SENT, NOW)
        store.outbox.release(claimed, NOW)
        assert held(store, made).state == DeliveryState.SENT
        store.outbox.close_run()

    def test_the_hash_of_the_bytes_comes_back_with_the_next_claim(self, store: Store) -> None:
        _, delivery = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        store.outbox.note_bytes(store.outbox.claim(1, NOW)[0], "abc")
        store.outbox.mark(delivery, DeliveryState.DEFERRED, NOW, next_at=NOW)
        assert store.outbox.claim(1, NOW)[0].bytes_hash == "abc"
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
        assert store.outbox.drop_unwanted(LATER) == 1
        assert held(store, left).state == DeliveryState.EXPIRED
        assert held(store, stays).state == DeliveryState.PENDING
        store.subscribers.set_state(pending.id, SubscriberState.ACTIVE, NOW)
        assert store.outbox.drop_unwanted(LATER) == 1
        found = store.outbox.find(DeliveryKind.CONFIRM, confirm.key)
        assert found is not None
        assert found.state == DeliveryState.EXPIRED

    def test_a_living_runs_mails_are_left_alone_and_a_finished_runs_recovered(
        self, store: Store, another: Callable[[], Store]
    ) -> None:
        made, delivery = post(store, join(store), [paper()])
        living = another()
        living.outbox.open_run("living")
        living.outbox.claim(1, NOW)
        store.outbox.open_run("next")
        assert store.outbox.recover(LATER, "resend") == []
        assert held(store, made).state == DeliveryState.SENDING
        living.outbox.close_run()
        [found] = store.outbox.recover(LATER, "resend")
        assert (found.id, found.state, found.message_id) == (delivery.id, DeliveryState.PENDING, delivery.message_id)
        assert store.outbox.recover(LATER, "resend") == []
        assert [one.id for one in store.outbox.claim(1, LATER)] == [delivery.id]
        store.outbox.close_run()

    def test_a_run_does_not_recover_its_own_mails(self, store: Store) -> None:
        post(store, join(store), [paper()])
        store.outbox.open_run("one")
        store.outbox.claim(1, NOW)
        assert store.outbox.recover(NOW, "resend") == []
        store.outbox.close_run()

    def test_threads_that_claim_at_once_never_get_the_same_mail(self, store: Store) -> None:
        made = [post(store, join(store), [paper()])[1].id for _ in range(24)]
        store.outbox.open_run("one")
        start = Barrier(4)

        def drain() -> list[int]:
            start.wait()
            claimed: list[int] = []
            while some := store.outbox.claim(2, NOW):
                claimed += [one.id for one in some]
                for one in some:
                    store.outbox.mark(one, DeliveryState.SENT, NOW)
            return claimed

        with ThreadPoolExecutor(4) as pool:
            claimed = [one for share in [pool.submit(drain) for _ in range(4)] for one in share.result()]
        assert sorted(claimed) == sorted(made)
        assert store.outbox.counts() == {DeliveryState.SENT: 24}
        store.outbox.close_run()

    def test_times_come_back_to_the_microsecond(self, store: Store) -> None:
        moment = datetime.fromisoformat("2025-05-27T23:59:59.000001+05:45")
        reader = store.subscribers.add("new@example.org", SubscriberState.ACTIVE, Preferences(), moment)
        assert store.subscribers.get(reader.id).created_at == moment
