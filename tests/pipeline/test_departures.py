"""Who leaves at the mail provider: it ends here, once, and only for whom it is."""

from __future__ import annotations

import pytest

from digestbot.errors import BounceError, DigestbotError, NotFoundError
from digestbot.models import DeliveryKind, SubscriberState
from digestbot.pipeline.departures import Departures
from digestbot.store import Store
from tests.factories import NOW, alert, paper
from tests.store.scenes import join, post


def departures(store: Store) -> Departures:
    return Departures(ledger=store.bounces, subscribers=store.subscribers)


def state(store: Store, identifier: int) -> SubscriberState:
    return store.subscribers.get(identifier).state


def dump(store: Store) -> str:
    return "\n".join(store.database.connection.iterdump())


@pytest.mark.parametrize("before", [SubscriberState.PENDING, SubscriberState.PAUSED, SubscriberState.ACTIVE])
def test_a_subscription_ends_once_and_without_a_mail(store: Store, before: SubscriberState) -> None:
    reader, other = join(store, email="ada@example.org"), join(store)
    store.subscribers.set_state(reader.id, before, NOW)
    assert departures(store).end("ADA@example.org", NOW)
    assert (state(store, reader.id), state(store, other.id)) == (SubscriberState.UNSUBSCRIBED, SubscriberState.ACTIVE)
    assert store.database.rows("select * from deliveries") == []
    ended = dump(store)
    assert not departures(store).end("ada@example.org", NOW)
    assert dump(store) == ended


def test_who_has_bounced_stays_so(store: Store) -> None:
    reader = join(store)
    store.suppressions.suppress(reader.email, "550 5.1.1", NOW)
    assert not departures(store).end(reader.email, NOW)
    assert state(store, reader.id) == SubscriberState.BOUNCED


def test_who_has_moved_since_that_mail_leaves_all_the_same(store: Store) -> None:
    reader = join(store, email="ada@example.org")
    mail = post(store, reader, [paper()])[1]
    with store.database.write() as connection:
        connection.execute("update subscribers set email = 'new@example.org' where id = ?", (reader.id,))
    with pytest.raises(NotFoundError):
        departures(store).end("ada@example.org", NOW)
    assert departures(store).end("ada@example.org", NOW, message_id=mail.message_id)
    assert state(store, reader.id) == SubscriberState.UNSUBSCRIBED


def test_a_message_id_that_the_provider_made_is_none_of_ours(store: Store) -> None:
    reader = join(store)
    assert departures(store).end(reader.email, NOW, message_id="<0102@provider.example.com>")


@pytest.mark.parametrize(
    ("address", "mail", "refusal"),
    [
        ("nobody@example.org", "", NotFoundError),
        ("bela@example.org", "ada's", BounceError),
        ("admin@example.org", alert().message_id, NotFoundError),
    ],
)
def test_of_somebody_unknown_or_else_nothing_changes(
    store: Store, address: str, mail: str, refusal: type[DigestbotError]
) -> None:
    ada, bela = join(store, email="ada@example.org"), join(store, email="bela@example.org")
    posted = post(store, ada, [paper()])[1].message_id
    store.outbox.add(alert())
    before = dump(store)
    with pytest.raises(refusal):
        departures(store).end(address, NOW, message_id=posted if mail == "ada's" else mail)
    assert dump(store) == before
    assert state(store, bela.id) == SubscriberState.ACTIVE
    assert store.outbox.find(DeliveryKind.ALERT, alert().key) is not None
