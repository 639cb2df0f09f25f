"""Amazon SES: bounces, complaints and departures, told through a topic of Amazon SNS.

Both formats are read, that of an identity's notifications (``notificationType``) and that of a configuration set's
events (``eventType``): docs.aws.amazon.com/ses/latest/dg/notification-contents.html, and
event-publishing-retrieving-sns-contents.html there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import structlog

from digestbot.models import Bounce, BounceKind
from digestbot.web.webhooks.events import Call, Event, Leaving, OurFault, ShapeError, Unreadable
from digestbot.web.webhooks.fields import address, json_of, message_id, table, tables, words
from digestbot.web.webhooks.refusals import refused
from digestbot.web.webhooks.sns import Fetch, Sns, Topic

log = structlog.get_logger(__name__)

_KINDS = {"Permanent": BounceKind.HARD, "Transient": BounceKind.SOFT, "Undetermined": BounceKind.SOFT}
_ABOUT_THE_MAIL = ("MessageTooLarge", "ContentRejected", "AttachmentRejected")
# A bounce of one of these subtypes may be a vacation notice, unless a server's answer stands with it.
_VAGUE = ("General", "Undetermined", "")
# RFC 5965 section 7.3, the types that are no complaint of the reader's.
_NO_COMPLAINT = ("not-spam", "auth-failure", "virus")
# What is said when a topic is first tied to SES, in plain text.
_GREETING = "Successfully validated SNS topic"


class AmazonSes:
    """Believes what comes through the topic; ``fetch`` gets Amazon's certificates and confirms the subscription."""

    def __init__(self, topic: Topic, fetch: Fetch) -> None:
        self._sns = Sns(topic, fetch)

    async def read(self, call: Call, now: datetime) -> Sequence[Event]:
        message = await self._sns.message(call.body, now)
        if message.asks_to_confirm:
            await self._sns.confirm(message)
            log.info("webhook is subscribed to its topic", provider="ses")
            return []
        if message.says_it_ended:
            log.warning("webhook is no longer subscribed to its topic; nothing more will come", provider="ses")
            return []
        return parse(message.text)


def parse(text: str) -> list[Event]:
    """Return what a notification says, of each of its recipients by itself."""
    if text.startswith(_GREETING):
        return []
    said = table(json_of(text), "notification")
    kind = words(said.get("eventType")) or words(said.get("notificationType"))
    told = {"Bounce": _bounce, "Complaint": _complaint, "Subscription": _subscription}.get(kind)
    if told is not None:
        return list(told(said))
    if not kind:
        raise ShapeError("does not say what happened")
    # Delivery and the like, and DeliveryDelay: SES goes on trying.
    return []


def _bounce(said: dict[str, Any]) -> Iterator[Event]:
    bounce, mail = table(said.get("bounce"), "bounce"), _message_id(said)
    kind, detail = _KINDS.get(words(bounce.get("bounceType"))), words(bounce.get("bounceSubType"))
    if kind is None:
        raise ShapeError("is a bounce of no type that SES has")
    for one in tables(bounce.get("bouncedRecipients"), "bouncedRecipients"):
        try:
            yield from _recipient(table(one, "recipient"), kind, detail, mail)
        except ShapeError as error:
            yield Unreadable(problem=f"a recipient {error}")


def _recipient(one: dict[str, Any], kind: BounceKind, detail: str, mail: str) -> Iterator[Event]:
    whose = address(one.get("emailAddress"))
    status, text = words(one.get("status")), words(one.get("diagnosticCode"))
    if detail == "UnsubscribedRecipient":
        yield Leaving(address=whose, message_id=mail)
    elif detail in _ABOUT_THE_MAIL:
        yield OurFault(text=text or detail)
    elif one.get("action") != "delayed" and (kind == BounceKind.HARD or detail not in _VAGUE or status or text):
        yield refused(kind, address=whose, status=status, text=text or f"SES says: {detail}", message_id=mail)


def _complaint(said: dict[str, Any]) -> Iterator[Event]:
    complaint, mail = table(said.get("complaint"), "complaint"), _message_id(said)
    feedback = words(complaint.get("complaintFeedbackType"))
    if feedback in _NO_COMPLAINT:
        return
    for one in tables(complaint.get("complainedRecipients"), "complainedRecipients"):
        try:
            whose = address(table(one, "recipient").get("emailAddress"))
        except ShapeError as error:
            yield Unreadable(problem=f"a recipient {error}")
        else:
            yield Bounce(kind=BounceKind.COMPLAINT, address=whose, text=feedback, message_id=mail)


def _subscription(said: dict[str, Any]) -> Iterator[Event]:
    preferences = table(said.get("subscription"), "subscription").get("newTopicPreferences")
    if not isinstance(preferences, dict) or preferences.get("unsubscribeAll") is not True:
        return
    for one in tables(table(said.get("mail"), "mail").get("destination"), "destination"):
        yield Leaving(address=address(one), message_id=_message_id(said))


def _message_id(said: dict[str, Any]) -> str:
    """Return our Message-ID, if SES is set to tell the headers; ``mail.messageId`` is its own."""
    given = said.get("mail")
    mail = given if isinstance(given, dict) else {}
    headers, common = mail.get("headers"), mail.get("commonHeaders")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, dict) and words(header.get("name")).lower() == "message-id":
            return message_id(header.get("value"))
    return message_id(common.get("messageId")) if isinstance(common, dict) else ""
