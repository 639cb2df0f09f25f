"""Amazon SES: what its notifications mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from digestbot.models import Bounce
from tests.web.webhooks.conftest import Door
from tests.web.webhooks.senders import Request, ses

OURS = "<2025-05-27.1@example.org>"


def mail(**changes: Any) -> dict[str, Any]:
    values = {
        "timestamp": "2025-05-27T07:00:01.000Z",
        "source": "digest@example.org",
        "messageId": "0102019712ab-5c0a-000000",
        "destination": ["ada@example.org"],
        "headersTruncated": False,
        "headers": [{"name": "From", "value": "digest@example.org"}, {"name": "Message-ID", "value": OURS}],
        "commonHeaders": {"from": ["digest@example.org"], "messageId": OURS},
    }
    return values | changes


def recipient(address: str = "ada@example.org", **changes: Any) -> dict[str, Any]:
    values = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    return {"emailAddress": address} | values | changes


def bounce(kind: str, detail: str, *recipients: dict[str, Any], format_: str = "eventType", **changes: Any) -> Request:
    said = {"bounceType": kind, "bounceSubType": detail, "bouncedRecipients": list(recipients or [recipient()])}
    return ses({format_: "Bounce", "bounce": said, "mail": mail()} | changes)


def complaint(*addresses: str, **changes: Any) -> Request:
    whose = [{"emailAddress": address} for address in addresses or ["ada@example.org"]]
    said = {"complainedRecipients": whose, "complaintFeedbackType": "abuse"} | changes
    return ses({"notificationType": "Complaint", "complaint": said, "mail": mail()})


NO_CODE = {"status": "", "diagnosticCode": ""}


@pytest.mark.parametrize("format_", ["eventType", "notificationType"])
def test_both_formats_are_read_with_the_message_id_of_our_mail(
    told: Callable[[Request], list[Bounce]], format_: str
) -> None:
    (found,) = told(bounce("Permanent", "General", format_=format_))
    assert (found.kind, found.address, found.status) == ("hard", "ada@example.org", "5.1.1")
    assert (found.text, found.message_id) == ("550 5.1.1 user unknown", OURS)


@pytest.mark.parametrize(
    ("kind", "detail", "changes", "found"),
    [
        ("Permanent", "General", {}, "hard"),
        ("Permanent", "NoEmail", NO_CODE, "hard"),
        ("Permanent", "Suppressed", {}, "hard"),
        ("Permanent", "OnAccountSuppressionList", {}, "hard"),
        ("Permanent", "General", {"status": "5.2.2"}, "soft"),
        ("Transient", "General", {"status": "4.4.7"}, "soft"),
        ("Transient", "MailboxFull", NO_CODE, "soft"),
        ("Undetermined", "Undetermined", {"status": "5.0.0"}, "soft"),
    ],
)
def test_a_bounce_counts_as_its_type_says_and_its_code_allows(
    told: Callable[[Request], list[Bounce]], kind: str, detail: str, changes: dict[str, str], found: str
) -> None:
    assert [one.kind for one in told(bounce(kind, detail, recipient(**changes)))] == [found]


@pytest.mark.parametrize(
    ("kind", "detail", "changes"),
    [
        ("Transient", "General", NO_CODE),
        ("Undetermined", "Undetermined", NO_CODE),
        ("Transient", "General", {"action": "delayed"}),
    ],
)
def test_what_may_be_a_vacation_notice_or_only_late_counts_against_nobody(
    told: Callable[[Request], list[Bounce]], kind: str, detail: str, changes: dict[str, str]
) -> None:
    assert told(bounce(kind, detail, recipient(**changes))) == []


@pytest.mark.parametrize(
    ("kind", "detail", "changes"),
    [
        ("Transient", "MessageTooLarge", {}),
        ("Transient", "ContentRejected", {}),
        ("Transient", "AttachmentRejected", {}),
        ("Permanent", "General", {"status": "5.7.1", "diagnosticCode": "smtp; 550 5.7.1 blocked"}),
        ("Permanent", "General", {"status": "", "diagnosticCode": "smtp; 550 5.7.26 not authenticated"}),
    ],
)
def test_what_is_about_us_or_the_mail_is_said_in_the_log_and_counts_against_nobody(
    door: Door, kind: str, detail: str, changes: dict[str, str]
) -> None:
    assert door.post(bounce(kind, detail, recipient(**changes))) == 200
    assert door.book.is_empty
    (line,) = door.warnings()
    assert line["event"] == "provider says that we or our mails are refused"


def test_recipients_are_taken_each_by_itself(door: Door) -> None:
    several = [recipient("ada@example.org"), recipient("nobody@example.org"), {}, recipient("bela@example.org")]
    assert door.post(bounce("Permanent", "General", *several)) == 200
    assert [one.address for one in door.book.bounces] == ["ada@example.org", "bela@example.org"]
    assert [line["event"] for line in door.warnings()] == ["webhook events cannot be read"]


def test_a_complaint_is_one_of_each_recipient(told: Callable[[Request], list[Bounce]]) -> None:
    found = told(complaint("ada@example.org", "bela@example.org"))
    assert [(one.kind, one.address, one.text, one.message_id) for one in found] == [
        ("complaint", "ada@example.org", "abuse", OURS),
        ("complaint", "bela@example.org", "abuse", OURS),
    ]


def test_a_complaint_that_names_nobody_does_not_lose_the_others(door: Door) -> None:
    assert door.post(complaint("ada", "bela@example.org")) == 200
    assert [one.address for one in door.book.bounces] == ["bela@example.org"]


def test_a_complaint_without_a_type_is_one(told: Callable[[Request], list[Bounce]]) -> None:
    assert [one.kind for one in told(complaint(complaintFeedbackType=None))] == ["complaint"]


@pytest.mark.parametrize("feedback", ["not-spam", "auth-failure", "virus"])
def test_feedback_that_is_no_complaint_counts_against_nobody(
    told: Callable[[Request], list[Bounce]], feedback: str
) -> None:
    assert told(complaint(complaintFeedbackType=feedback)) == []


def test_who_leaves_at_amazon_has_left(door: Door) -> None:
    assert door.post(bounce("Permanent", "UnsubscribedRecipient")) == 200
    preferences = {"unsubscribeAll": True, "topicSubscriptionStatus": []}
    said = {"eventType": "Subscription", "subscription": {"newTopicPreferences": preferences}}
    assert door.post(ses(said | {"mail": mail(destination=["bela@example.org"])})) == 200
    assert door.book.left == [("ada@example.org", OURS), ("bela@example.org", OURS)]
    assert door.book.bounces == []


def test_who_stays_with_a_topic_at_amazon_has_not_left(door: Door) -> None:
    said = {"eventType": "Subscription", "subscription": {"newTopicPreferences": {"unsubscribeAll": False}}}
    assert door.post(ses(said | {"mail": mail()})) == 200
    assert door.book.is_empty


@pytest.mark.parametrize("kind", ["Send", "Delivery", "Open", "Click", "Reject", "DeliveryDelay", "Rendering Failure"])
def test_other_events_change_nothing(door: Door, kind: str) -> None:
    assert door.post(ses({"eventType": kind, "mail": mail()})) == 200
    assert door.book.is_empty


@pytest.mark.parametrize(
    "greeting",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed"},
    ],
)
def test_amazons_greeting_is_understood(door: Door, greeting: Any) -> None:
    assert door.post(ses(greeting)) == 200
    assert door.warnings() == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"headers": None}, OURS),
        ({"headers": [7, {"name": "message-id", "value": OURS}], "commonHeaders": None}, OURS),
        ({"headers": None, "commonHeaders": None}, ""),
        ({"headers": [{"name": "Message-ID", "value": "not one"}]}, ""),
    ],
)
def test_the_message_id_is_ours_or_none_but_never_amazons(
    told: Callable[[Request], list[Bounce]], changes: dict[str, Any], found: str
) -> None:
    (one,) = told(bounce("Permanent", "General", mail=mail(**changes)))
    assert one.message_id == found


@pytest.mark.parametrize(
    "said",
    [
        "no JSON",
        {},
        {"eventType": "Bounce"},
        {"eventType": "Bounce", "bounce": {"bounceType": "Whimsical", "bouncedRecipients": []}},
        {"eventType": "Bounce", "bounce": {"bounceType": "Permanent"}},
        {"eventType": "Complaint", "complaint": {}},
    ],
)
def test_what_is_no_notification_of_ses_is_not_understood(door: Door, said: Any) -> None:
    assert door.post(ses(said)) == 400
    assert door.book.is_empty
