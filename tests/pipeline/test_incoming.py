"""Whose a mail is that came in: only our signatures say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestbot.errors import BounceError, DigestbotError, NoBounceError
from digestbot.links import SignedAddresses
from digestbot.models import SubscriberState
from digestbot.pipeline.bounces import Bounces
from digestbot.pipeline.incoming import Incoming
from digestbot.store import Store
from tests.factories import KEY, NOW, paper
from tests.mail.bounced import MAIL, MESSAGE_ID, RETURN_PATH, addressed, complaint, dsn, recipient
from tests.store.scenes import join, post

ADDRESSES = SignedAddresses("bounce.example.org", [KEY])
FORGED = SignedAddresses("bounce.example.org", ["a key of somebody else"])


@pytest.fixture
def incoming(store: Store) -> Incoming:
    recorder = Bounces(ledger=store.bounces, suppressions=store.suppressions, subscribers=store.subscribers)
    return Incoming(
        addresses=ADDRESSES,
        subscribers=store.subscribers,
        bounces=recorder,
        domain="example.org",
    )


def test_a_report_to_a_signed_address_is_of_whom_it_was_signed_for(store: Store, incoming: Incoming) -> None:
    ada, bela = join(store), join(store)
    done = incoming.take(dsn(recipient("5.1.1", original=bela.email), to=ADDRESSES.bounce(ada.id)), NOW)
    assert done.changed
    assert store.subscribers.get(ada.id).state == SubscriberState.BOUNCED
    assert store.subscribers.get(bela.id).state == SubscriberState.ACTIVE


@pytest.mark.parametrize("sign", [FORGED.bounce, lambda _: RETURN_PATH, lambda _: "bounce@bounce.example.org"])
def test_a_report_to_a_forged_address_changes_nothing(
    store: Store, incoming: Incoming, sign: Callable[[int], str]
) -> None:
    ada = join(store)
    with pytest.raises(BounceError, match="no mail that we have signed; nothing was changed"):
        incoming.take(dsn(recipient("5.1.1", original=ada.email), to=sign(ada.id)), NOW)
    assert store.suppressions.all() == []


def test_a_bounce_of_somebody_elses_mail_changes_nothing(store: Store, incoming: Incoming) -> None:
    ada, bela = join(store), join(store)
    _, hers = post(store, bela, [paper()])
    report = dsn(recipient("5.1.1"), returned=MAIL.replace(MESSAGE_ID, hers.message_id), to=ADDRESSES.bounce(ada.id))
    with pytest.raises(BounceError, match="a mail to somebody else"):
        incoming.take(report, NOW)
    assert store.suppressions.all() == []


def test_a_report_on_the_mails_of_two_subscribers_changes_nothing(store: Store, incoming: Incoming) -> None:
    both = ", ".join(ADDRESSES.bounce(join(store).id) for _ in range(2))
    with pytest.raises(BounceError, match="several subscribers"):
        incoming.take(dsn(recipient("5.1.1"), to=both), NOW)
    assert store.suppressions.all() == []


def test_a_bounce_to_the_sender_is_of_whom_the_returned_mail_was_signed_for(store: Store, incoming: Incoming) -> None:
    ada = join(store)
    returned = MAIL.replace(f"<{RETURN_PATH}>", f"<{ADDRESSES.bounce(ada.id)}>")
    assert incoming.take(dsn(recipient("5.1.1"), returned=returned, to="digest@example.org"), NOW).changed
    assert store.subscribers.get(ada.id).state == SubscriberState.BOUNCED


def test_only_a_complaint_is_known_by_the_address_that_unsubscribes(store: Store, incoming: Incoming) -> None:
    ada = join(store)
    returned = MAIL.replace("unsub+token@bounce.example.org", ADDRESSES.unsubscribe(ada.id))
    with pytest.raises(BounceError, match="no mail that we have signed"):
        incoming.take(dsn(recipient("5.1.1"), returned=returned, to="digest@example.org"), NOW)
    assert incoming.take(complaint(returned=returned), NOW).changed
    assert store.subscribers.get(ada.id).state == SubscriberState.UNSUBSCRIBED
    assert store.outbox.counts() == {}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=500) | st.binary(max_size=100).map(lambda body: addressed("") + body))
def test_any_bytes_change_nothing(store: Store, incoming: Incoming, content: bytes) -> None:
    with pytest.raises((NoBounceError, BounceError)) as caught:
        incoming.take(content, NOW)
    assert isinstance(caught.value, DigestbotError)
    assert store.database.rows("select * from suppressions") == []
