"""Subscriptions begin and end together with the mail that says so, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from digestbot.models import DeliveryKind, Subscriber, SubscriberState
from digestbot.pipeline import subscriptions
from digestbot.store import Store
from tests.factories import NOW
from tests.store.scenes import LATER, join

NO_MAIL = "create trigger no_mail before insert on deliveries begin select raise(abort, 'no mail'); end"


def begin(store: Store, reader: Subscriber) -> bool:
    return subscriptions.begin(store.subscribers, reader, domain="example.org", now=LATER)


def end(store: Store, reader: Subscriber) -> bool:
    return subscriptions.end(store.subscribers, reader, domain="example.org", now=LATER)


CHANGES = pytest.mark.parametrize(
    ("change", "before", "after", "kind"),
    [
        (begin, SubscriberState.PENDING, SubscriberState.ACTIVE, DeliveryKind.WELCOME),
        (end, SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED, DeliveryKind.GOODBYE),
    ],
)


@CHANGES
def test_one_mail_says_so_however_often_it_is_asked_for(
    store: Store,
    change: Callable[[Store, Subscriber], bool],
    before: SubscriberState,
    after: SubscriberState,
    kind: DeliveryKind,
) -> None:
    reader = join(store)
    store.subscribers.set_state(reader.id, before, NOW)
    assert [change(store, reader), change(store, reader)] == [True, False]
    assert store.subscribers.get(reader.id).state == after
    assert [row["kind"] for row in store.database.rows("select kind from deliveries")] == [kind]


@CHANGES
def test_without_the_mail_nothing_changes(
    store: Store,
    change: Callable[[Store, Subscriber], bool],
    before: SubscriberState,
    after: SubscriberState,
    kind: DeliveryKind,
) -> None:
    reader = join(store)
    store.subscribers.set_state(reader.id, before, NOW)
    with store.database.write() as connection:
        connection.execute(NO_MAIL)
    with pytest.raises(sqlite3.IntegrityError, match="no mail"):
        change(store, reader)
    assert store.subscribers.get(reader.id).state == before
    with store.database.write() as connection:
        connection.execute("drop trigger no_mail")
    assert change(store, reader)
    assert store.subscribers.get(reader.id).state == after
    assert [row["kind"] for row in store.database.rows("select kind from deliveries")] == [kind]


def test_who_may_not_be_mailed_is_not_welcomed(store: Store) -> None:
    reader = join(store)
    store.subscribers.set_state(reader.id, SubscriberState.PENDING, NOW)
    store.suppressions.suppress(reader.email, "550 5.1.1", NOW)
    store.subscribers.set_state(reader.id, SubscriberState.PENDING, NOW)
    assert not begin(store, reader)
    assert store.outbox.counts() == {}
