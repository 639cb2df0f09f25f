"""SendGrid: its Event Webhook, many events in one request, signed with a key of the account.

The format is at twilio.com/docs/sendgrid/for-developers/tracking-events/event, the signature in the page on the
security features beside it: ECDSA with SHA-256 over the timestamp followed by the body.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from digestbot.errors import SettingsError
from digestbot.models import Bounce, BounceKind
from digestbot.web.webhooks.events import Call, Event, ForgedError, Leaving, OurFault, ShapeError, Unreadable
from digestbot.web.webhooks.fields import address, json_of, message_id, table, tables, words
from digestbot.web.webhooks.refusals import refused

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_ABOUT_US = ("content", "reputation", "frequency or volume too high")
_MAY_PASS = ("mailbox unavailable", "technical failure")
# Why a mail was not even tried; the other reasons are about us.
_DROPPED = {
    "bounced address": BounceKind.HARD,
    "invalid": BounceKind.HARD,
    "spam reporting address": BounceKind.COMPLAINT,
}


def public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return the verification key as SendGrid's settings show it: base64 of the DER form."""
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError("[bounces.sendgrid] public_key: is not the verification key that SendGrid shows") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SettingsError("[bounces.sendgrid] public_key: is a key of another kind than SendGrid's (ECDSA)")
    return key


class SendGrid:
    """Believes what is signed with the private half of the key."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    async def read(self, call: Call, _now: datetime) -> Sequence[Event]:
        signed = call.headers.get(_TIMESTAMP, "").encode("latin-1", "replace") + call.body
        try:
            signature = base64.b64decode(call.headers.get(_SIGNATURE, ""), validate=True)
            self._key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature) as error:
            raise ForgedError(
                "the signature is wrong, or for another key than [bounces.sendgrid] public_key"
            ) from error
        return parse(call.body)


def parse(body: bytes) -> list[Event]:
    """Return what the events say, each by itself."""
    return [said for one in tables(json_of(body), "list of events") for said in _said(one)]


def _said(one: object) -> list[Event]:
    try:
        return _event(table(one, "event"))
    except ShapeError as error:
        return [Unreadable(problem=f"an event {error}")]


def _event(event: dict[str, Any]) -> list[Event]:
    match words(event.get("event")):
        case "bounce":
            return [_bounce(event)]
        case "dropped":
            return [_dropped(event)]
        case "spamreport":
            return [_bounced(event, BounceKind.COMPLAINT)]
        case "unsubscribe" | "group_unsubscribe":
            return [_leaving(event)]
        case "":
            raise ShapeError("does not say what happened")
        case _:
            # Deferred among them: SendGrid goes on trying.
            return []


def _bounce(event: dict[str, Any]) -> Event:
    classification = words(event.get("bounce_classification")).lower()
    if classification in _ABOUT_US:
        return OurFault(text=words(event.get("reason")) or classification)
    # Blocked is what SendGrid calls a refusal that may pass.
    passing = words(event.get("type")) == "blocked" or classification in _MAY_PASS
    return _bounced(event, BounceKind.SOFT if passing else BounceKind.HARD)


def _dropped(event: dict[str, Any]) -> Event:
    reason = words(event.get("reason"))
    if reason.lower() == "unsubscribed address":
        return _leaving(event)
    kind = _DROPPED.get(reason.lower())
    return OurFault(text=reason or "dropped") if kind is None else _bounced(event, kind)


def _bounced(event: dict[str, Any], kind: BounceKind) -> Bounce | OurFault:
    return refused(
        kind,
        address=address(event.get("email")),
        status=words(event.get("status")),
        text=words(event.get("reason")),
        message_id=message_id(event.get("smtp-id")),
    )


def _leaving(event: dict[str, Any]) -> Leaving:
    return Leaving(address=address(event.get("email")), message_id=message_id(event.get("smtp-id")))
