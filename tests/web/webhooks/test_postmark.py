"""Postmark: whom it is believed, and what its records mean."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from digestbot.models import Bounce
from tests.web.webhooks.conftest import Door
from tests.web.webhooks.senders import PASSWORD, Request, postmark


def record(**changes: Any) -> dict[str, Any]:
    values = {
        "RecordType": "Bounce",
        "MessageStream": "broadcast",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message.",
        "Details": "smtp;550 5.1.1 user unknown",
        "Email": "ada@example.org",
        "Inactive": True,
    }
    return values | changes


def change(**changes: Any) -> Request:
    values = {
        "RecordType": "SubscriptionChange",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Origin": "Recipient",
        "Recipient": "ada@example.org",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
    }
    return postmark(values | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"Type": "HardBounce"}, "hard"),
        ({"Type": "BadEmailAddress"}, "hard"),
        ({"Type": "HardBounce", "Details": "smtp;552 5.2.2 mailbox full"}, "soft"),
        ({"Type": "SoftBounce"}, "soft"),
        ({"Type": "Transient"}, "soft"),
        ({"Type": "DnsError"}, "soft"),
        ({"Type": "Unknown"}, "soft"),
        ({"Type": "SpamComplaint"}, "complaint"),
        ({"Type": "SpamComplaint", "RecordType": "SpamComplaint"}, "complaint"),
        ({"Type": None, "RecordType": "SpamComplaint", "Details": "5.7.1"}, "complaint"),
    ],
)
def test_a_bounce_counts_as_its_type_says(
    told: Callable[[Request], list[Bounce]], changes: dict[str, Any], found: str
) -> None:
    assert [one.kind for one in told(postmark(record(**changes)))] == [found]


def test_postmarks_own_message_id_is_not_taken_for_ours(told: Callable[[Request], list[Bounce]]) -> None:
    (found,) = told(postmark(record()))
    assert (found.message_id, found.text) == ("", "550 5.1.1 user unknown")


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "Blocked"},
        {"Type": "SpamNotification"},
        {"Type": "DMARCPolicy"},
        {"Type": "SMTPApiError"},
        {"Type": "HardBounce", "Details": "smtp;550 5.7.1 refused by policy"},
    ],
)
def test_what_is_about_us_is_said_in_the_log_and_counts_against_nobody(door: Door, changes: dict[str, Any]) -> None:
    assert door.post(postmark(record(**changes))) == 200
    assert door.book.is_empty
    assert len(door.warnings()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "AutoResponder"},
        {"Type": "AddressChange"},
        {"Type": "ChallengeVerification"},
        {"Type": "Subscribe"},
        {"Type": "ManuallyDeactivated"},
        {"RecordType": "Delivery"},
        {"RecordType": "Open"},
        {"RecordType": None},
    ],
)
def test_what_is_no_bounce_changes_nothing(door: Door, changes: dict[str, Any]) -> None:
    assert door.post(postmark(record(**changes))) == 200
    assert door.book.is_empty
    assert door.warnings() == []


def test_who_leaves_at_postmark_has_left(door: Door) -> None:
    assert door.post(change()) == 200
    assert door.post(postmark(record(Type="Unsubscribe", Email="bela@example.org"))) == 200
    assert door.book.left == [("ada@example.org", ""), ("bela@example.org", "")]
    assert door.book.bounces == []


@pytest.mark.parametrize(("reason", "found"), [("HardBounce", "hard"), ("SpamComplaint", "complaint")])
def test_a_suppression_at_postmark_is_one_here(
    told: Callable[[Request], list[Bounce]], reason: str, found: str
) -> None:
    (one,) = told(change(SuppressionReason=reason, Origin="Customer"))
    assert (one.kind, one.address) == (found, "ada@example.org")


@pytest.mark.parametrize(
    "changes", [{"SuppressSending": False}, {"SuppressSending": "true"}, {"Origin": "Customer"}, {"Origin": "Admin"}]
)
def test_a_change_that_the_reader_did_not_make_ends_nothing(door: Door, changes: dict[str, Any]) -> None:
    assert door.post(change(**changes)) == 200
    assert door.book.is_empty


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"digestbot").decode(),
        "Basic " + base64.b64encode(b"digestbot:").decode(),
        "Basic " + base64.b64encode(b":" + PASSWORD.encode()).decode(),
        "Basic " + base64.b64encode(b"digestbot:" + PASSWORD.encode() + b"x").decode(),
        "Bearer " + base64.b64encode(b"digestbot:" + PASSWORD.encode()).decode(),
        PASSWORD,
    ],
)
def test_who_does_not_know_the_name_and_the_password_is_refused(door: Door, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    assert door.post(postmark(record()), headers=headers) == 403
    assert door.book.is_empty
    assert len(door.logs) == 1
    assert PASSWORD not in str(door.logs)


def test_the_scheme_may_be_written_in_any_case(door: Door) -> None:
    request = postmark(record())
    assert (
        door.post(request, headers={"authorization": request.headers["authorization"].replace("Basic", "basic")}) == 200
    )
