"""What a refusal says about the address, about the mailbox today, or about us."""

from __future__ import annotations

import re
from dataclasses import dataclass

from digestbot.mail.about import About, by_code, by_words
from digestbot.models import BounceKind

# Not a part of an IP address.
_STATUS = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\w)")
# A reply of RFC 5321 section 4.2, with the enhanced code of RFC 2034 when there is one.
_REPLY = re.compile(r"(?<![\w.])([45][0-5]\d)(?=[ \t#-])(?:[ \t#-]+([45]\.\d{1,3}\.\d{1,3})\b)?[^\r\n]*")
# In the middle of a sentence such a number is the size of something.
_REPLY_AT_ITS_PLACE = re.compile(r"(?:^|[:;(>]|\bsaid)[ \t]*" + _REPLY.pattern, re.MULTILINE)
# Long replies come in lines, each with the code again.
_NEXT_LINE = re.compile(r"(?<=\s)[45][0-5]\d[ -][45]\.\d{1,3}\.\d{1,3}\s+")

_SAYS_NOTHING = re.compile(r"[245]\.(?:0\.0|5\.0)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a refusal means, ``kind`` ``None`` when it counts against nobody, with the code and words that say so."""

    kind: BounceKind | None
    status: str
    text: str


def judge(status: str, text: str, *, otherwise: BounceKind = BounceKind.HARD) -> Verdict:
    """Return what a refusal means: by its code, else by its words, else ``otherwise``.

    ``status`` is a code of RFC 3463, empty when there is none, and ``text`` what the server said, as it came.
    """
    code = _code(status, text)
    return Verdict(kind=_kind(code, text, otherwise), status=code, text=said(text))


def said(text: str) -> str:
    """Return the words of a server in one line, without what stands there for machines."""
    line = " ".join(text.split())
    kind, semicolon, rest = line.partition(";")
    # RFC 3464 section 2.3.6: the type of a diagnostic, such as "smtp;".
    line = rest.strip() if semicolon and re.fullmatch(r"[\w-]{1,30}", kind.strip()) else line
    return _NEXT_LINE.sub("", line)


def reply(text: str) -> str:
    """Return the first reply of a mail server in any text, empty when there is none."""
    enhanced = next((match for match in _REPLY.finditer(text) if match[2]), None)
    found = enhanced or _REPLY_AT_ITS_PLACE.search(text)
    return found[0].removeprefix("said").strip(" \t:;(>") if found else ""


def status_in(text: str) -> str:
    """Return the first code of RFC 3463 in any text, empty when there is none."""
    found = _STATUS.search(text)
    return found[1] if found else ""


def _code(status: str, text: str) -> str:
    known = status_in(status)
    if known and not _SAYS_NOTHING.match(known):
        return known
    answered = _REPLY.search(text)
    if answered is None:
        return status_in(text) or known
    code, enhanced = answered[1], answered[2] or status_in(text)
    if enhanced and not _SAYS_NOTHING.match(enhanced):
        return enhanced
    if code.startswith("4"):
        return "4.0.0"
    # RFC 5321 section 4.2.3: exceeded storage allocation.
    return "5.2.2" if code == "552" else (enhanced or known or "5.0.0")


def _kind(code: str, text: str, otherwise: BounceKind) -> BounceKind | None:
    known = by_code(code)
    about = known or by_words(text)
    if about in (About.US, About.MAIL):
        return None
    if code.startswith("4") or about in (About.FULL, About.PASSING):
        return BounceKind.SOFT
    return BounceKind.HARD if known else otherwise
