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

_ENHANCED = re.compile(r"\A#?(?P<code>[245]\.\d{1,3}\.\d{1,3})\b")
# The sender's own address, and what it may do: about us.
_ABOUT_US = ("5.7.", "5.1.7", "5.1.8")
_NOT_LOGGED_IN = (530, 534, 535, 538)
_GREYLISTED = re.compile(r"gr[ae]y[- ]?list", re.IGNORECASE)
_FULL = re.compile(r"\bquota\b|(?:mail)?box (?:is |size )?(?:full|exceeded|limit)|full (?:mail)?box", re.IGNORECASE)
# Of servers that give no enhanced code, such as Exim: they do not know us, whoever it is for.
_NO_RELAY = re.compile(
    r"\brelay(?:ing)?\b[^.;]{0,20}\b(?:denied|prohibited|not (?:permitted|allowed))"
    r"|\b(?:unable to|do(?:es)? not) relay\b",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"(?:user|address|recipient|mailbox|account)\b[^.;]{0,40}\b(?:unknown|unavailable|disabled|inactive|"
    r"(?:not|n't|no longer)\b[^.;]{0,20}(?:found|exist|valid|available))"
    r"|(?:unknown|invalid|no such) (?:local |virtual )?(?:user|address|recipient|mailbox|account)",
    re.IGNORECASE,
)


def refusal(code: int, text: str) -> DeliveryError:
    """Return what a reply of 400 or more to one of the commands of a mail means."""
    found = _ENHANCED.match(text)
    kind, means = _permanent(code, found["code"] if found else "", text) if code >= 500 else _temporary(code, text)
    return kind(f"the server {means}: {f'{code} {text}'.strip()}", code=code, text=text)


def _temporary(code: int, text: str) -> tuple[type[DeliveryError], str]:
    if code == 421:
        return ServerBusyError, "asks for patience"
    # 450 and 451 only: 452 is a full disk, and no greylisting.
    if code in (450, 451) and _GREYLISTED.search(text):
        return GreylistedError, "wants to see us again"
    # A mailbox that is full for now: RFC 3463 section 3.3.
    if text.startswith("4.2.2"):
        return FullMailboxError, "says that the mailbox is full"
    return DeferredError, "said"


def _permanent(code: int, enhanced: str, text: str) -> tuple[type[DeliveryError], str]:
    if enhanced.startswith(_ABOUT_US) or code in _NOT_LOGGED_IN or (not enhanced and _NO_RELAY.search(text)):
        return SenderRefusedError, "refuses us"
    if enhanced == "5.2.2" or (not enhanced and code in (550, 552) and _FULL.search(text)):
        return FullMailboxError, "says that the mailbox is full"
    if enhanced.startswith("5.1.") or (not enhanced and code in (550, 551, 553) and _UNKNOWN.search(text)):
        return RefusedError, "refuses the address"
    return RejectedError, "refuses the mail"
