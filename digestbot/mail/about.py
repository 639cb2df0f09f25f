"""What a refusal is about, by its code or by its words: one table for replies while we send and for what comes back.

Whoever takes a full mailbox for a dead one ends a subscription that its reader wants; the other way round costs a few
mails. So where the words say several things, the mildest for the reader counts.
"""

from __future__ import annotations

import re
from enum import Enum


class About(Enum):
    """Us, whoever a mail is for; this mail; what can be another way tomorrow; or the address."""

    US = "us"
    MAIL = "mail"
    FULL = "full"
    PASSING = "passing"
    ADDRESS = "address"


_ADDRESS = re.compile(r"\S+@\S+")


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# RFC 3463 section 3, the first that fits. The mailbox, the system, the network and the content can be other ones
# tomorrow; .1 to .9 of the protocol are between the two servers.
_BY_CODE = (
    (re.compile(r"[45]\.7\."), About.US),
    # The sender's own address.
    (re.compile(r"[45]\.1\.[78]$"), About.US),
    (re.compile(r"[45]\.2\.2$"), About.FULL),
    (re.compile(r"[45]\.(?:[2346]\.|5\.[1-9])"), About.PASSING),
    (re.compile(r"[45]\.1\."), About.ADDRESS),
)
_BY_WORDS = (
    # They do not know us, or our own account there has sent enough.
    (
        _any_of(
            r"\brelay(?:ing)?\b[^.;]{0,20}\b(?:denied|prohibited|not (?:permitted|allowed))",
            r"\b(?:unable to|do(?:es)? not) relay\b",
            r"\b(?:sending|sender'?s?|outgoing|outbound)\b[\w ]{0,20} (?:quota|limit)",
        ),
        About.US,
    ),
    (
        _any_of(
            r"quota(?!tion)",
            r"(?:box|account|user)[\w' ]{0,12} full\b",
            r"full (?:mail)?box",
            r"box (?:is |size )?(?:exceeded|limit)",
            r"insufficient [\w ]{0,12}storage",
        ),
        About.FULL,
    ),
    (
        _any_of(
            r"\bspam|unsolicited|virus",
            r"black ?list|block ?list|\bblocked\b|\bbanned\b|\brbl\b|dnsbl|reputation|\bpolicy",
            r"\bdmarc\b|\bdkim\b|\bspf\b",
            r"(?:message|mail) (?:is |was )?(?:too (?:big|large)|size)|\bsize limit",
        ),
        About.MAIL,
    ),
    (
        _any_of(
            r"time(?:d |)out|retry time|too long|expired|temporar|try again",
            r"unreachable|connection (?:refused|lost|reset)|could not connect|host (?:or domain name )?not found",
        ),
        About.PASSING,
    ),
    (
        _any_of(
            r"(?:user|address|recipient|mailbox|account)\b[^.;]{0,40}\b(?:unknown|unavailable|disabled|inactive)",
            r"(?:user|address|recipient|mailbox|account)\b[^.;]{0,40}\b(?:not|n't|no longer)\b[^.;]{0,20}"
            r"(?:found|exist|valid|available)",
            r"(?:unknown|invalid|no such) (?:local |virtual )?(?:user|address|recipient|mailbox|account)",
        ),
        About.ADDRESS,
    ),
)


def by_code(status: str) -> About | None:
    """Return what a code of RFC 3463 is about, ``None`` when it says no more than that it failed."""
    return next((about for pattern, about in _BY_CODE if pattern.match(status)), None)


def by_words(text: str) -> About | None:
    """Return what the words of a server, or of a mail daemon, are about, ``None`` when they do not say."""
    # An address may look like anything.
    said = _ADDRESS.sub(" ", text)
    return next((about for pattern, about in _BY_WORDS if pattern.search(said)), None)
