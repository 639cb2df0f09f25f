"""Many subscribers at once, from a subscribers file and into one."""

from __future__ import annotations

from datetime import datetime

import pytest

from digestbot.digest.compose import confirm_delivery
from digestbot.models import Delivery, DeliveryKind, DeliveryState, Subscriber, SubscriberState
from digestbot.store import Preferences, Store
from digestbot.store.subscribers import Enrolment, Standing
from tests.factories import NOW
from tests.store.scenes import LATER, claim, join

CHOSEN = Preferences(
    timezone="Asia/Tokyo",
    send_at="18:30",
    days="mon",
    papers=3,
    categories=("cs.IR",),
    follows=("Zoë Quill",),
    mutes=("word:owl",),
    language="de",
)


def enrolment(
    email: str, state: SubscriberState = SubscriberState.ACTIVE, preferences: Preferences | None = None
) -> Enrolment:
    return Enrolment(email=email, state=state, preferences=preferences or Preferences())


def confirm(subscriber: Subscriber) -> Delivery:
    return confirm_delivery(subscriber, domain="example.org", now=NOW)


def enrol(store: Store, *enrolments: Enrolment, now: datetime = NOW) -> list[Standing]:
    """Enrol them; who asks before is told the same."""
    expected = store.subscribers.standings(enrolments)
    standings = store.subscribers.enrol(enrolments, now, confirm=confirm)
    assert standings == expected
    return standings


class EnrollingContract:
    """Many subscribers at once, from a subscribers file and into one."""

    def test_who_is_enrolled_is_there_with_what_they_chose(self, store: Store) -> None:
        added = join(store, **{name: getattr(CHOSEN, name) for name in CHOSEN.__slots__})
        assert enrol(store, enrolment("ada@example.org", preferences=CHOSEN), enrolment("b@example.org")) == [
            Standing.ADDED,
            Standing.ADDED,
        ]
        ada, bela = store.subscribers.by_email("ADA@example.org"), store.subscribers.by_email("b@example.org")
        for name in ("timezone", "send_at", "days", "papers", "categories", "follows", "mutes", "language"):
            assert getattr(ada, name) == getattr(added, name)
        assert (bela.papers, bela.language, bela.created_at, bela.state) == (10, "en", NOW, SubscriberState.ACTIVE)
        assert ada.id != bela.id

    def test_who_is_there_stays_as_they_are_in_any_state_and_case(self, store: Store) -> None:
        readers = [join(store, papers=4) for _ in SubscriberState]
        for reader, state in zip(readers, SubscriberState, strict=True):
            store.subscribers.set_state(reader.id, state, NOW)
        before = store.subscribers.all()
        again = [enrolment(one.email.upper(), preferences=CHOSEN) for one in before]
        assert enrol(store, *again, now=LATER) == [Standing.THERE] * len(before)
        assert store.subscribers.all() == before

    def test_nobody_is_enrolled_whose_address_must_not_be_mailed(self, store: Store) -> None:
        store.suppressions.suppress("gone@example.org", "550 5.1.1 nobody here", NOW)
        for state in SubscriberState:
            assert enrol(store, enrolment("Gone@example.org", state)) == [Standing.SUPPRESSED]
        assert store.subscribers.all() == []

    def test_who_has_bounced_elsewhere_is_not_mailed_here(self, store: Store) -> None:
        enrol(store, enrolment("gone@example.org", SubscriberState.BOUNCED), enrolment("here@example.org"))
        assert store.subscribers.by_email("gone@example.org").state == SubscriberState.BOUNCED
        assert store.suppressions.suppressed(["gone@example.org", "here@example.org"]) == {"gone@example.org"}

    def test_only_the_pending_are_asked_by_mail(self, store: Store) -> None:
        enrol(store, *(enrolment(f"{state}@example.org", state) for state in SubscriberState))
        store.outbox.open_run("one")
        [asked] = claim(store, 9, LATER)
        store.outbox.close_run()
        assert (asked.kind, asked.address) == (DeliveryKind.CONFIRM, "pending@example.org")
        assert asked.state == DeliveryState.SENDING

    def test_enrolling_that_fails_in_the_middle_leaves_nobody(self, store: Store) -> None:
        def fail(_: Subscriber) -> Delivery:
            raise RuntimeError("no mail can be made")

        some = [enrolment("ada@example.org"), enrolment("bela@example.org", SubscriberState.PENDING)]
        with pytest.raises(RuntimeError):
            store.subscribers.enrol(some, NOW, confirm=fail)
        assert store.subscribers.all() == []
        assert store.outbox.counts() == {}

    def test_who_comes_twice_in_one_part_is_there_once(self, store: Store) -> None:
        twice = [enrolment("ada@example.org"), enrolment("ADA@example.org", preferences=CHOSEN)]
        assert store.subscribers.enrol(twice, NOW, confirm=confirm) == [Standing.ADDED, Standing.THERE]
        assert [one.papers for one in store.subscribers.all()] == [10]

    def test_all_are_given_back_by_address_as_they_were_enrolled(self, store: Store) -> None:
        some = [
            enrolment(f"{letter}{number:04}@example.org", state, CHOSEN if number % 2 else None)
            for number, (letter, state) in enumerate(zip("cAbzD" * 500, [*SubscriberState] * 500, strict=True))
        ]
        enrol(store, *some)
        assert list(store.subscribers.enrolments()) == sorted(some, key=lambda one: one.email.lower())
