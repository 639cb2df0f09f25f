"""SendGrid: whom it is believed, and what its events mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from digestbot.errors import SettingsError
from digestbot.models import Bounce
from digestbot.web.webhooks.sendgrid import public_key
from tests.web.webhooks.conftest import Door
from tests.web.webhooks.senders import Request, sendgrid, sendgrid_key, shown_by_sendgrid

OURS = "<2025-05-27.1@example.org>"


def event(**changes: Any) -> dict[str, Any]:
    values = {
        "event": "bounce",
        "type": "bounce",
        "email": "ada@example.org",
        "timestamp": 1748332790,
        "smtp-id": OURS,
        "sg_event_id": "bounce-0-1",
        "sg_message_id": "xyz.recvd-1-0",
        "status": "5.1.1",
        "reason": "550 5.1.1 user unknown",
        "bounce_classification": "Invalid Address",
    }
    return values | changes


def test_the_message_id_is_that_of_our_mail(told: Callable[[Request], list[Bounce]]) -> None:
    (found,) = told(sendgrid([event()]))
    assert (found.kind, found.status, found.text) == ("hard", "5.1.1", "550 5.1.1 user unknown")
    assert found.message_id == OURS


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"bounce_classification": None}, "hard"),
        ({"bounce_classification": "Unclassified", "type": "blocked", "status": None}, "soft"),
        ({"bounce_classification": "Mailbox Unavailable"}, "soft"),
        ({"bounce_classification": "Technical Failure"}, "soft"),
        ({"status": "5.2.2"}, "soft"),
        ({"event": "dropped", "type": None, "reason": "Bounced Address", "status": ""}, "hard"),
        ({"event": "dropped", "type": None, "reason": "Invalid", "status": ""}, "hard"),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, "complaint"),
        ({"event": "spamreport"}, "complaint"),
    ],
)
def test_an_event_counts_as_its_kind_and_class_say(
    told: Callable[[Request], list[Bounce]], changes: dict[str, Any], found: str
) -> None:
    assert [one.kind for one in told(sendgrid([event(**changes)]))] == [found]


@pytest.mark.parametrize(
    "changes",
    [
        {"bounce_classification": "Content"},
        {"bounce_classification": "Reputation", "type": "blocked"},
        {"bounce_classification": "Frequency or Volume Too High"},
        {"bounce_classification": None, "status": "5.7.1"},
        {"event": "dropped", "reason": "Spam Content (if Spam Checker app is enabled)"},
        {"event": "dropped", "reason": "Recipient List over Package Quota"},
    ],
)
def test_what_is_about_us_is_said_in_the_log_and_counts_against_nobody(door: Door, changes: dict[str, Any]) -> None:
    assert door.post(sendgrid([event(**changes)] * 3)) == 200
    assert door.book.is_empty
    (line,) = door.warnings()
    assert line["mails"] == 3


def test_who_leaves_at_sendgrid_has_left(door: Door) -> None:
    events = [
        event(event="unsubscribe"),
        event(event="group_unsubscribe", email="bela@example.org"),
        event(event="dropped", reason="Unsubscribed Address", email="cleo@example.org"),
    ]
    assert door.post(sendgrid(events)) == 200
    assert [address for address, _ in door.book.left] == ["ada@example.org", "bela@example.org", "cleo@example.org"]
    assert door.book.bounces == []


@pytest.mark.parametrize("name", ["processed", "deferred", "delivered", "open", "click", "group_resubscribe"])
def test_other_events_change_nothing(door: Door, name: str) -> None:
    assert door.post(sendgrid([event(event=name)])) == 200
    assert door.book.is_empty


def test_an_event_that_cannot_be_read_does_not_lose_the_others(door: Door) -> None:
    unread = [7, {}, None, event(email=None), event(event=None)]
    assert door.post(sendgrid([event(), *unread, event(email="bela@example.org")])) == 200
    assert [one.address for one in door.book.bounces] == ["ada@example.org", "bela@example.org"]
    (line,) = door.warnings()
    assert line["events"] == len(unread)


def test_an_event_of_an_unknown_address_does_not_lose_the_others(door: Door) -> None:
    assert door.post(sendgrid([event(email="nobody@example.org"), event()])) == 200
    assert door.book.kinds() == ["hard"]


def test_events_of_which_none_can_be_read_are_not_understood(door: Door) -> None:
    assert door.post(sendgrid([{}, 7])) == 400


def test_a_test_without_events_is_answered(door: Door) -> None:
    assert door.post(sendgrid([])) == 200


@pytest.mark.parametrize("header", ["Signature", "Timestamp"])
def test_a_request_that_lacks_a_header_is_refused(door: Door, header: str) -> None:
    request = sendgrid([event()])
    headers = {name: value for name, value in request.headers.items() if not name.endswith(header)}
    assert door.post(request, headers=headers) == 403
    assert door.book.is_empty


def test_a_signature_by_another_key_is_refused(door: Door) -> None:
    assert door.post(sendgrid([event()], key=ec.generate_private_key(ec.SECP256R1()))) == 403
    assert door.book.is_empty


def test_a_signature_of_another_time_is_refused(door: Door) -> None:
    request = sendgrid([event()])
    headers = request.headers | {"X-Twilio-Email-Event-Webhook-Timestamp": "1748332799"}
    assert door.post(request, headers=headers) == 403


def test_a_key_may_be_broken_into_lines() -> None:
    shown = shown_by_sendgrid(sendgrid_key())
    assert public_key(f"{shown[:64]}\n {shown[64:]}\n") == sendgrid_key().public_key()


def test_a_key_of_another_kind_is_said_at_the_start() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.raises(SettingsError, match="another kind"):
        public_key(shown_by_sendgrid(other))
