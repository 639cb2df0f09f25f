"""Mailgun: its webhooks, signed with the account's signing key.

The signature is of a time and a token only, not of what happened (documentation.mailgun.com, Securing Webhooks): so a
token that has come with one event is refused with any other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from digestbot.mail.verdicts import status_in
from digestbot.models import BounceKind
from digestbot.web.webhooks.events import Call, Event, ForgedError, Leaving, OurFault, ShapeError
from digestbot.web.webhooks.fields import address, json_of, message_id, table, words
from digestbot.web.webhooks.refusals import refused

_FRESH = timedelta(minutes=15)
_TIMESTAMP = re.compile(rb"\d{1,12}")
_MOST_TOKENS = 100_000
# Why Mailgun did not even try, or stopped trying; everything else is what the other server said.
_REASONS = {
    "suppress-bounce": BounceKind.HARD,
    "suppress-complaint": BounceKind.COMPLAINT,
    "bounce": BounceKind.HARD,
    "hardfail": BounceKind.HARD,
    "old": BounceKind.SOFT,
}


class Mailgun:
    """Believes what is signed with the key, not older than a quarter of an hour, and not with somebody's token.

    Of the tokens, ``most_tokens`` are remembered, the newest ones.
    """

    def __init__(self, signing_key: str, *, most_tokens: int = _MOST_TOKENS) -> None:
        self._key = signing_key.encode()
        self._most_tokens = most_tokens
        self._seen: OrderedDict[bytes, tuple[datetime, bytes]] = OrderedDict()

    async def read(self, call: Call, now: datetime) -> Sequence[Event]:
        said = table(json_of(call.body), "event")
        signature = table(said.get("signature"), "signature")
        timestamp, token, given = (_bytes(signature.get(name)) for name in ("timestamp", "token", "signature"))
        expected = hmac.digest(self._key, timestamp + token, "sha256").hex().encode()
        if not hmac.compare_digest(given, expected) or not _TIMESTAMP.fullmatch(timestamp):
            raise ForgedError("the signature is wrong")
        if abs(now.timestamp() - int(timestamp)) > _FRESH.total_seconds():
            raise ForgedError("the signature is older than 15 minutes, or from the future; is this clock right?")
        if not self._is_first_of(token, hashlib.sha256(call.body).digest(), now):
            raise ForgedError("the token has come with another event")
        return parse(said.get("event-data"))

    def _is_first_of(self, token: bytes, body: bytes, now: datetime) -> bool:
        """Say whether a token comes for the first time, or again with the same event, which is only repeated."""
        # A signature may be from 15 minutes ahead, and is good until 15 minutes after that.
        while self._seen and (
            len(self._seen) >= self._most_tokens or now - next(iter(self._seen.values()))[0] > 2 * _FRESH
        ):
            self._seen.popitem(last=False)
        return hmac.compare_digest(self._seen.setdefault(token, (now, body))[1], body)


def _bytes(value: object) -> bytes:
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or not value.isascii():
        raise ShapeError("has no signature")
    return value.encode()


def parse(said: object) -> list[Event]:
    """Return what one event says."""
    event = table(said, "event-data")
    match words(event.get("event")):
        case "failed":
            return _failed(event)
        case "complained":
            whose = address(event.get("recipient"))
            text = "complained about this mail"
            kind = BounceKind.COMPLAINT
            return [refused(kind, address=whose, status="", text=text, message_id=_message_id(event))]
        case "unsubscribed":
            return [_leaving(event)]
        case _:
            return []


def _failed(event: dict[str, Any]) -> list[Event]:
    whose, reason, severity = address(event.get("recipient")), words(event.get("reason")), words(event.get("severity"))
    given = event.get("delivery-status")
    answer = given if isinstance(given, dict) else {}
    code, text = words(answer.get("code")), words(answer.get("message")) or words(answer.get("description"))
    status = status_in(words(answer.get("enhanced-code"))) or status_in(text)
    text = text if text.startswith(code) else f"{code} {text}".strip()
    if severity not in ("permanent", "temporary"):
        raise ShapeError("is a failure that is neither permanent nor temporary")
    if severity == "temporary" and not _is_full(code, status):
        # Greylisted or busy: Mailgun goes on trying, and says so when it stops.
        return []
    if reason == "suppress-unsubscribe":
        return [_leaving(event)]
    if reason == "espblock":
        return [OurFault(text=text or reason)]
    kind = BounceKind.SOFT
    if severity == "permanent":
        otherwise = BounceKind.HARD if code.startswith("5") else BounceKind.SOFT
        kind = BounceKind.SOFT if answer.get("bounce-type") == "soft" else _REASONS.get(reason, otherwise)
    return [refused(kind, address=whose, status=status, text=text, message_id=_message_id(event))]


def _is_full(code: str, status: str) -> bool:
    # RFC 5321 section 4.2.2: 552 is exceeded storage, where no enhanced code says otherwise.
    return status in ("4.2.2", "5.2.2") or (not status and code == "552")


def _leaving(event: dict[str, Any]) -> Leaving:
    return Leaving(address=address(event.get("recipient")), message_id=_message_id(event))


def _message_id(event: dict[str, Any]) -> str:
    message = event.get("message")
    headers = message.get("headers") if isinstance(message, dict) else None
    return message_id(headers.get("message-id")) if isinstance(headers, dict) else ""
