"""Postmark: the webhooks for bounces, spam complaints and changes of subscription.

They are not signed; what proves them is the name and password in the address that the operator gave to Postmark
(postmarkapp.com/developer/webhooks/webhooks-overview). Our Message-ID is not in them: ``MessageID`` is Postmark's own.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from digestbot.models import Bounce, BounceKind
from digestbot.web.webhooks.events import Call, Event, ForgedError, Leaving, OurFault
from digestbot.web.webhooks.fields import address, json_of, table, words
from digestbot.web.webhooks.refusals import refused

# The types are listed at postmarkapp.com/developer/api/bounce-api. What is missing here changes nothing: replies by
# programs, such as AutoResponder and AddressChange, and what was done by hand at Postmark.
_KINDS = {
    "HardBounce": BounceKind.HARD,
    "BadEmailAddress": BounceKind.HARD,
    "SoftBounce": BounceKind.SOFT,
    "Transient": BounceKind.SOFT,
    "DnsError": BounceKind.SOFT,
    "Unknown": BounceKind.SOFT,
    "SpamComplaint": BounceKind.COMPLAINT,
}
_ABOUT_US = (
    "SpamNotification",
    "VirusNotification",
    "Blocked",
    "DMARCPolicy",
    "SMTPApiError",
    "TemplateRenderingFailed",
)
_SUPPRESSIONS = {"HardBounce": BounceKind.HARD, "SpamComplaint": BounceKind.COMPLAINT}


class Postmark:
    """Believes who knows the name and the password, by HTTP basic authentication (RFC 7617)."""

    def __init__(self, username: str, password: str) -> None:
        self._expected = f"{username}:{password}".encode()

    async def read(self, call: Call, _now: datetime) -> Sequence[Event]:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        try:
            shown = base64.b64decode(given.strip(), validate=True)
        except ValueError:
            shown = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(shown, self._expected):
            raise ForgedError("the name or the password in the webhook's address is wrong")
        return parse(call.body)


def parse(body: bytes) -> list[Event]:
    """Return what one record says."""
    record = table(json_of(body), "record")
    match words(record.get("RecordType")):
        case "Bounce" | "SpamComplaint":
            return _bounce(record)
        case "SubscriptionChange":
            return _change(record)
        case _:
            return []


def _bounce(record: dict[str, Any]) -> list[Event]:
    kind = words(record.get("Type")) or words(record.get("RecordType"))
    text = words(record.get("Details")) or words(record.get("Description"))
    if kind == "Unsubscribe":
        return [Leaving(address=address(record.get("Email")))]
    if kind in _ABOUT_US:
        return [OurFault(text=text or kind)]
    if kind not in _KINDS:
        return []
    whose = address(record.get("Email"))
    return [refused(_KINDS[kind], address=whose, status="", text=text, message_id="")]


def _change(record: dict[str, Any]) -> list[Event]:
    # Whom Postmark mails again, the reader asked here or nobody did: it begins no subscription.
    if record.get("SuppressSending") is not True:
        return []
    whose, reason = address(record.get("Recipient")), words(record.get("SuppressionReason"))
    if reason in _SUPPRESSIONS:
        return [Bounce(kind=_SUPPRESSIONS[reason], address=whose, text=f"Postmark suppresses this address: {reason}")]
    # What the operator suppressed by hand at Postmark, no reader asked for.
    return [Leaving(address=whose)] if words(record.get("Origin")) == "Recipient" else []
