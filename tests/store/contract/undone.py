"""What is not done: listed with its reasons, and what was held let go."""

from __future__ import annotations

from datetime import timedelta

from digestbot.models import DeliveryKind, DeliveryState
from digestbot.store import Store
from tests.factories import NOW, alert, delivery, paper
from tests.store.scenes import LATER, claim, held, join, mark, post

WEEK_AGO = NOW - timedelta(days=7)


def ended(store: Store, state: DeliveryState, **how: object) -> int:
    """Return the id of a new reader's mail that ended so."""
    one = post(store, join(store), [paper()])[1]
    mark(store, one, state, NOW, **how)
    return one.id


class UndoneContract:
    """What is not done."""

    def test_an_empty_outbox_has_nothing_undone(self, store: Store) -> None:
        assert store.undone.groups(WEEK_AGO) == []
        assert store.undone.listed(WEEK_AGO) == []
        backlog = store.undone.backlog(NOW)
        assert (backlog.many, backlog.due_since) == (0, None)

    def test_what_was_sent_is_done(self, store: Store) -> None:
        ended(store, DeliveryState.SENT)
        assert store.undone.groups(WEEK_AGO) == []
        assert store.undone.listed(WEEK_AGO) == []

    def test_what_a_person_can_do_something_about_comes_first_and_what_nobody_wants_last(self, store: Store) -> None:
        states = [
            DeliveryState.EXPIRED,
            DeliveryState.PENDING,
            DeliveryState.DEFERRED,
            DeliveryState.BOUNCED,
            DeliveryState.FAILED,
            DeliveryState.HELD,
        ]
        made = {}
        for state in states:
            made[state] = ended(store, state, next_at=LATER)
        store.outbox.open_run("one")
        found = store.undone.listed(WEEK_AGO)
        assert [one.state for one in found] == [
            DeliveryState.HELD,
            DeliveryState.FAILED,
            DeliveryState.BOUNCED,
            DeliveryState.DEFERRED,
            DeliveryState.PENDING,
            DeliveryState.EXPIRED,
        ]
        assert {one.state: one.id for one in found} == made
        assert [one.id for one in store.undone.listed(WEEK_AGO, limit=2)] == [one.id for one in found[:2]]
        store.outbox.close_run()

    def test_a_mail_is_shown_with_what_the_server_said_and_when_it_is_tried_again(self, store: Store) -> None:
        reader = join(store)
        one = post(store, reader, [paper()])[1]
        mark(store, one, DeliveryState.DEFERRED, LATER, code=451, text="4.3.0 later", next_at=LATER)
        [found] = store.undone.listed(WEEK_AGO)
        assert (found.message_id, found.kind, found.address) == (one.message_id, DeliveryKind.DIGEST, reader.email)
        assert (found.attempts, found.code, found.text, found.uncertain) == (1, 451, "4.3.0 later", False)
        assert (found.since, found.changed_at, found.next_at) == (NOW, LATER, LATER)

    def test_what_has_ended_is_not_tried_again_and_is_forgotten_after_a_while(self, store: Store) -> None:
        ended(store, DeliveryState.FAILED, code=554, text="no")
        [found] = store.undone.listed(NOW)
        assert found.next_at is None
        assert store.undone.listed(NOW + timedelta(microseconds=1)) == []
        assert store.undone.groups(NOW + timedelta(microseconds=1)) == []

    def test_what_waits_is_shown_however_long_it_does(self, store: Store) -> None:
        ended(store, DeliveryState.DEFERRED, next_at=LATER)
        post(store, join(store), [paper()])
        assert len(store.undone.listed(NOW + timedelta(days=4000))) == 2

    def test_mails_are_counted_by_state_and_words(self, store: Store) -> None:
        for _ in range(3):
            ended(store, DeliveryState.DEFERRED, code=451, text="later", next_at=LATER)
        ended(store, DeliveryState.FAILED, code=554, text="no")
        post(store, join(store), [paper()])
        assert {(one.state, one.code, one.text): one.many for one in store.undone.groups(WEEK_AGO)} == {
            (DeliveryState.DEFERRED, 451, "later"): 3,
            (DeliveryState.FAILED, 554, "no"): 1,
            (DeliveryState.PENDING, None, ""): 1,
        }

    def test_the_backlog_counts_what_waits_and_knows_since_when_something_could_go_out(self, store: Store) -> None:
        ended(store, DeliveryState.DEFERRED, next_at=LATER)
        # It could have, but for the server.
        backlog = store.undone.backlog(NOW)
        assert (backlog.many, backlog.due_since, backlog.moves) == (1, NOW, False)
        post(store, join(store), [paper()])
        assert (store.undone.backlog(LATER).many, store.undone.backlog(LATER).due_since) == (2, NOW)
        ended(store, DeliveryState.SENT)
        assert (store.undone.backlog(LATER).many, store.undone.backlog(LATER).moves) == (2, True)

    def test_whether_a_mail_of_a_kind_waits_goes_by_how_its_key_begins(self, store: Store) -> None:
        store.outbox.add(alert(key="delivery:2025-05-27"))
        assert store.undone.waits(DeliveryKind.ALERT, "delivery:")
        for kind, prefix in ((DeliveryKind.ALERT, "deliver:"), (DeliveryKind.DIGEST, "delivery:")):
            assert not store.undone.waits(kind, prefix)
        assert not store.undone.waits(DeliveryKind.ALERT, "sources:")
        store.outbox.open_run("one")
        [one] = claim(store, 1, NOW)
        assert store.undone.waits(DeliveryKind.ALERT, "delivery:"), "it is under way"
        mark(store, one, DeliveryState.SENT, NOW)
        assert not store.undone.waits(DeliveryKind.ALERT, "delivery:")
        store.outbox.close_run()

    def test_a_held_mail_goes_out_under_the_message_id_it_had_and_nothing_else_does(self, store: Store) -> None:
        made, one = post(store, join(store), [paper()])
        store.outbox.open_run("one")
        mark(store, one, DeliveryState.HELD, NOW, uncertain=True)
        failed = ended(store, DeliveryState.FAILED)
        assert store.undone.retry_held(LATER, identifiers=[one.id, failed, 99_999]) == [one.id]
        assert store.undone.retry_held(LATER, identifiers=[one.id, failed]) == []
        [again] = claim(store, 9, LATER)
        assert (again.id, again.message_id, again.attempts) == (one.id, one.message_id, 2)
        mark(store, again, DeliveryState.SENT, LATER)
        assert held(store, made).state == DeliveryState.SENT
        store.outbox.close_run()

    def test_all_that_were_held_of_late_go_out_and_older_ones_stay(self, store: Store) -> None:
        two = [ended(store, DeliveryState.HELD) for _ in range(2)]
        old = post(store, join(store), [paper()])[1]
        mark(store, old, DeliveryState.HELD, WEEK_AGO)
        assert store.undone.retry_held(LATER, since=NOW) == sorted(two)
        assert [one.id for one in store.undone.listed(WEEK_AGO) if one.state == DeliveryState.HELD] == [old.id]

    def test_a_mail_of_who_has_left_is_not_sent_though_somebody_wants_it_tried(self, store: Store) -> None:
        reader = join(store)
        _, one = post(store, reader, [paper()])
        mark(store, one, DeliveryState.HELD, NOW, uncertain=True)
        store.subscribers.set_state(reader.id, reader.state.UNSUBSCRIBED, NOW)
        store.undone.retry_held(NOW, identifiers=[one.id])
        store.outbox.open_run("one")
        assert claim(store, 9, LATER) == []
        store.outbox.close_run()

    def test_a_mail_to_the_admin_is_listed_like_the_others(self, store: Store) -> None:
        store.outbox.add(alert(), delivery(2, kind="confirm", subscriber_id=join(store).id))
        assert [one.kind for one in store.undone.listed(WEEK_AGO)] == [DeliveryKind.ALERT, DeliveryKind.CONFIRM]
