"""Where mails come back to: an address of its own for each subscriber, as the server hears it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jinja2
import pytest

from digestbot.digest.alerts import Concern, alert_delivery
from digestbot.digest.compose import confirm_delivery
from digestbot.digest.render import Renderer
from digestbot.links import Links, SignedAddresses
from digestbot.models import DeliveryState, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.store import Preferences, Store
from tests.factories import KEY, NOW
from tests.mail.peers import dkimpy_says
from tests.mail.test_dkim import signer, texts
from tests.pipeline.peers import DOMAIN, Office, Post, letters, listening

ADDRESSES = SignedAddresses("bounce.example.org", [KEY])


@dataclass
class Watchful(Post):
    """A server that notes the sender of each envelope."""

    senders: dict[str, str] = field(default_factory=dict)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.senders[envelope.rcpt_tos[0]] = envelope.mail_from
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def server(free_port: Any) -> Iterator[Watchful]:
    with listening(Watchful(free_port())) as post:
        assert isinstance(post, Watchful)
        yield post


@pytest.fixture
def office(store: Store, server: Watchful, templates: jinja2.Environment, links: Links) -> Office:
    sender = letters(store, templates, links).sender
    made = Letters(
        store.digests,
        store.subscribers,
        Renderer(templates, links),
        links,
        sender,
        sign=signer().sign,
        addresses=ADDRESSES,
    )
    return Office(store, made, server.port)


def fill(office: Office) -> dict[str, int]:
    """Put mails of several kinds into the outbox; return the ids of their subscribers by address."""
    digests = office.post("ada", "bela")
    new = office.store.subscribers.add(f"new@{DOMAIN}", SubscriberState.PENDING, Preferences(), NOW)
    office.store.outbox.add(confirm_delivery(new, domain=DOMAIN, now=NOW))
    concern = Concern(source="arxiv", state="stale", last_success=None, newest=None, problem="")
    office.store.outbox.add(alert_delivery([concern], address=f"admin@{DOMAIN}", domain=DOMAIN, now=NOW))
    return {f"ada@{DOMAIN}": digests[0].subscriber_id, f"bela@{DOMAIN}": digests[1].subscriber_id, new.email: new.id}


def test_with_a_bounce_domain_each_subscribers_mail_comes_back_to_an_address_of_its_own(
    office: Office, server: Watchful
) -> None:
    known = fill(office)
    assert office.deliver().counts == {DeliveryState.SENT: 4}
    assert server.senders.pop(f"admin@{DOMAIN}") == office.letters.sender.address
    assert {to: ADDRESSES.read("b", address) for to, address in server.senders.items()} == known
    for to, _ in server.taken:
        # What goes back must not show whom it was for, to whoever sees the envelope.
        assert to.partition("@")[0] not in server.senders.get(to, "").partition("@")[0].split("+")


def test_without_one_every_mail_comes_back_to_the_sender(
    office: Office, server: Watchful, templates: jinja2.Environment, links: Links
) -> None:
    office.letters = letters(office.store, templates, links)
    fill(office)
    assert office.deliver().counts == {DeliveryState.SENT: 4}
    assert set(server.senders.values()) == {office.letters.sender.address}


def test_a_digest_that_names_both_ways_to_unsubscribe_arrives_with_signatures_that_hold(
    office: Office, server: Watchful
) -> None:
    office.post("ada")
    office.deliver()
    [(_, content)] = server.taken
    assert b"\r\nList-Unsubscribe: <https://" in content
    assert b"?subject=unsubscribe>\r\n" in content
    assert dkimpy_says(content, texts()) == [True, True]
    forged = content.replace(b"<mailto:unsub+", b"<mailto:unsub-")
    assert dkimpy_says(forged, texts()) == [False, False]
