"""What follows from bounces and complaints: once, and only for whose mail it was."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from digestbot.digest.compose import goodbye_delivery
from digestbot.errors import BounceError
from digestbot.models import Bounce, BounceKind, Delivery, DeliveryState, Subscriber, SubscriberState
from digestbot.pipeline.bounces import Bounces, Recorded
from digestbot.store import Store
from digestbot.store.suppressions import Cause
from tests.factories import NOW, alert, paper
from tests.store.scenes import join, post

REFUSED = "550 5.1.1 no such user"


class Desk:
    """A store with one subscriber and a mail to her, and what records bounces."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.bounces = Bounces(ledger=store.bounces, suppressions=store.suppressions, subscribers=store.subscribers)
        self.ada = join(store, email="ada@example.org")
        self.mail = post(store, self.ada, [paper()])[1]

    def record(self, kind: BounceKind, *, days: int = 0, **changes: Any) -> Recorded:
        values: dict[str, Any] = {"subscriber_id": self.ada.id, "message_id": self.mail.message_id}
        return self.bounces.record(Bounce(kind=kind, **values | changes), self.after(days))

    def after(self, days: int) -> datetime:
        return NOW + timedelta(days=days)

    def state(self, whose: Subscriber | None = None) -> SubscriberState:
        return self.store.subscribers.get((whose or self.ada).id).state

    def posted(self, mail: Delivery | None = None) -> DeliveryState:
        found = self.store.bounces.posted((mail or self.mail).message_id)
        assert found is not None
        return found.state

    @property
    def reasons(self) -> list[tuple[Cause, str]]:
        return [(one.cause, one.reason) for one in self.store.suppressions.all()]

    def everything(self) -> list[list[tuple[Any, ...]]]:
        tables = ("subscribers", "suppressions", "deliveries", "bounce_points")
        return [[tuple(row) for row in self.store.database.rows(f"select * from {table}")] for table in tables]

    def moves_to(self, address: str) -> None:
        with self.store.database.write() as connection:
            connection.execute("update subscribers set email = ? where id = ?", (address, self.ada.id))


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_a_hard_bounce_suppresses_the_address_and_the_mail_has_bounced(desk: Desk) -> None:
    done = desk.record(BounceKind.HARD, status="5.1.1", text=REFUSED)
    assert done == Recorded(changed=True, text="a lasting failure: the address is suppressed")
    assert (desk.state(), desk.posted()) == (SubscriberState.BOUNCED, DeliveryState.BOUNCED)
    assert desk.reasons == [(Cause.HARD, "550 5.1.1 no such user")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "5.1.1", "text": "nobody here"}, "5.1.1 nobody here"),
        ({"status": "5.1.1"}, "5.1.1"),
        ({}, ""),
    ],
)
def test_the_reason_can_be_read_whatever_the_report_says(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    desk.record(BounceKind.HARD, **changes)
    assert desk.reasons == [(Cause.HARD, reason)]


def test_the_same_bounce_twice_counts_once_even_when_the_admin_has_pardoned_the_address(desk: Desk) -> None:
    desk.record(BounceKind.HARD, text=REFUSED)
    before = desk.everything()
    assert not desk.record(BounceKind.HARD, text=REFUSED, days=1).changed
    assert desk.everything() == before
    desk.store.suppressions.unsuppress(desk.ada.email, NOW)
    assert not desk.record(BounceKind.HARD, text=REFUSED, days=2).changed
    assert desk.reasons == []


def test_soft_bounces_on_five_days_suppress_and_four_do_not(desk: Desk) -> None:
    for day in range(4):
        done = desk.record(BounceKind.SOFT, message_id="", status="5.2.2", text="552 5.2.2 full", days=day)
        assert done == Recorded(changed=True, text=f"a failure that may pass: counted, {day + 1} of 5 points")
        assert not desk.record(BounceKind.SOFT, message_id="", days=day).changed
    assert (desk.state(), desk.posted(), desk.reasons) == (SubscriberState.ACTIVE, DeliveryState.PENDING, [])
    assert desk.record(BounceKind.SOFT, message_id="", status="5.2.2", text="552 5.2.2 full", days=4).changed
    assert (desk.state(), desk.reasons) == (SubscriberState.BOUNCED, [(Cause.SOFT, "552 5.2.2 full")])
    assert not desk.record(BounceKind.SOFT, message_id="", days=5).changed


def test_a_week_without_a_bounce_forgives_those_before(desk: Desk) -> None:
    for day in (0, 1, 2, 3, 11, 12, 13, 14):
        assert "suppressed" not in desk.record(BounceKind.SOFT, message_id="", days=day).text
    assert desk.state() == SubscriberState.ACTIVE


def test_a_pardoned_address_begins_with_no_points(desk: Desk) -> None:
    for day in range(5):
        desk.record(BounceKind.SOFT, message_id="", days=day)
    desk.store.suppressions.unsuppress(desk.ada.email, NOW)
    assert "1 of 5" in desk.record(BounceKind.SOFT, message_id="", days=5).text


def test_who_complains_is_unsubscribed_at_once_and_gets_no_mail_at_all(desk: Desk) -> None:
    done = desk.record(BounceKind.COMPLAINT, text="reported as abuse")
    assert done == Recorded(changed=True, text="a complaint: unsubscribed, and the address is suppressed")
    assert (desk.state(), desk.reasons) == (SubscriberState.UNSUBSCRIBED, [(Cause.COMPLAINT, "reported as abuse")])
    assert desk.store.outbox.counts() == {DeliveryState.EXPIRED: 1}
    assert not desk.record(BounceKind.COMPLAINT).changed


def test_a_goodbye_that_waits_does_not_go_to_who_complained(desk: Desk) -> None:
    desk.store.subscribers.set_state(desk.ada.id, SubscriberState.UNSUBSCRIBED, NOW)
    desk.store.outbox.add(goodbye_delivery(desk.ada, domain="example.org", now=NOW))
    desk.record(BounceKind.COMPLAINT)
    assert desk.store.outbox.counts() == {DeliveryState.EXPIRED: 2}


def test_a_bounce_of_an_older_address_suppresses_that_one_and_not_the_new_one(desk: Desk) -> None:
    desk.moves_to("new@example.org")
    assert desk.record(BounceKind.HARD, text=REFUSED).changed
    assert desk.store.suppressions.suppressed(["ada@example.org", "new@example.org"]) == {"ada@example.org"}
    assert desk.state() == SubscriberState.ACTIVE
    # Without a Message-ID the address that the report names tells, if a mail went there.
    assert not desk.record(BounceKind.HARD, message_id="", address="Ada@example.org").changed
    assert desk.state() == SubscriberState.ACTIVE
    assert desk.record(BounceKind.HARD, message_id="", address="forwarded@example.net").changed
    assert desk.state() == SubscriberState.BOUNCED


def test_a_complaint_about_a_mail_to_an_older_address_ends_the_subscription(desk: Desk) -> None:
    desk.moves_to("new@example.org")
    desk.record(BounceKind.COMPLAINT)
    assert desk.store.suppressions.suppressed(["ada@example.org", "new@example.org"]) == {"ada@example.org"}
    assert desk.state() == SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("kind", BounceKind)
def test_bounces_of_somebody_unknown_or_of_somebody_elses_mail_change_nothing(desk: Desk, kind: BounceKind) -> None:
    bela = join(desk.store, email="bela@example.org")
    _, hers = post(desk.store, bela, [paper(2)])
    desk.store.outbox.add(alert())
    before = desk.everything()
    others: dict[str, dict[str, Any]] = {
        "not kept any more": {"subscriber_id": 999},
        "a mail to somebody else": {"message_id": hers.message_id},
        "to somebody else": {"message_id": alert().message_id},
        "an address that nobody has": {"subscriber_id": None, "message_id": "", "address": "cy@example.org"},
        "a mail to another address": {"subscriber_id": None, "address": bela.email},
    }
    for refused, changes in others.items():
        with pytest.raises(BounceError, match=f"{refused}; nothing was changed"):
            desk.record(kind, **changes)
    assert desk.everything() == before


def test_who_has_proved_who_they_are_need_no_signed_address(desk: Desk) -> None:
    service: dict[str, Any] = {"subscriber_id": None, "address": "ADA@example.org"}
    assert desk.record(BounceKind.SOFT, **service).changed
    # Its own Message-ID is none of ours.
    assert desk.record(BounceKind.HARD, **service | {"message_id": "<1@service.example>"}).changed
    assert desk.state() == SubscriberState.BOUNCED


def test_a_bounce_of_a_mail_to_the_admin_suppresses_the_admins_address(desk: Desk) -> None:
    desk.store.outbox.add(alert())
    service: dict[str, Any] = {"subscriber_id": None, "address": alert().address, "message_id": alert().message_id}
    assert not desk.record(BounceKind.SOFT, **service).changed
    assert desk.record(BounceKind.HARD, **service).changed
    assert desk.store.suppressions.suppressed([alert().address]) == {alert().address}
    assert desk.state() == SubscriberState.ACTIVE
