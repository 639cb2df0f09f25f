"""What a server's replies mean for us: RFC 5321 section 4.2, enhanced codes by RFC 3463. Pure."""

from __future__ import annotations

import re

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    FullMailboxError,
    GreylistedError,
    RefusedError,
    RejectedError,
    SenderRefusedError,
    ServerBusyError,
)
from digestbot.mail.about import About, by_code, by_words

_ENHANCED = re.compile(r"\A#?(?P<code>[245]\.\d{1,3}\.\d{1,3})\b")
_NOT_LOGGED_IN = (530, 534, 535, 538)
_GREYLISTED = re.compile(r"gr[ae]y[- ]?list", re.IGNORECASE)
# RFC 5321 section 4.2.3: the other codes do not speak of an address, whatever their words look like.
_OF_AN_ADDRESS = (550, 551, 553)
# "Exceeded storage allocation", in whatever words.
_EXCEEDED = 552


def refusal(code: int, text: str) -> DeliveryError:
    """Return what a reply of 400 or more to one of the commands of a mail means."""
    found = _ENHANCED.match(text)
    about = by_code(found["code"]) if found else None
    kind, means = _permanent(code, about, text) if code >= 500 else _temporary(code, about, text)
    return kind(f"the server {means}: {f'{code} {text}'.strip()}", code=code, text=text)


def _temporary(code: int, about: About | None, text: str) -> tuple[type[DeliveryError], str]:
    if code == 421:
        return ServerBusyError, "asks for patience"
    # 450 and 451 only: 452 is a full disk, and no greylisting.
    if code in (450, 451) and _GREYLISTED.search(text):
        return GreylistedError, "wants to see us again"
    if about == About.FULL:
        return FullMailboxError, "says that the mailbox is full"
    return DeferredError, "said"


def _permanent(code: int, about: About | None, text: str) -> tuple[type[DeliveryError], str]:
    if about is None:
        # Of servers that give no code of RFC 3463, such as Exim, or one that says nothing.
        about = by_words(text)
        if about == About.ADDRESS and code not in _OF_AN_ADDRESS:
            about = None
        if about is None and code == _EXCEEDED:
            about = About.FULL
    if about == About.US or code in _NOT_LOGGED_IN:
        return SenderRefusedError, "refuses us"
    if about == About.FULL:
        return FullMailboxError, "says that the mailbox is full"
    if about == About.ADDRESS:
        return RefusedError, "refuses the address"
    return RejectedError, "refuses the mail"
