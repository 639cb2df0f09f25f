"""What the headers of a mail that came in say: whom it was for, and whether a program wrote it. Never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser

# Where the address stands that a mail came to: first what the receiving server wrote, then what the sender did.
_RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
# A report and the headers of our own mail below it are far shorter. The standard library compares each line with the
# boundary of every part that it is in: a mail made for that would take minutes.
MOST_BYTES = 2**20
_MOST_LINES = 20_000

# All that can stand around an address.
_AROUND = re.compile(r"[\s<>()\[\]\"',;:]+")
_COMMENT = re.compile(r"\([^()]*\)")
_WRITTEN_BY_PROGRAMS = ("bulk", "junk", "auto_reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Whom a mail was for, each address once; ``automatic`` is the sign by which a program wrote it, empty: none."""

    recipients: tuple[str, ...]
    automatic: str = ""


def beginning(content: bytes) -> bytes:
    """Return so much of a mail as is read of it."""
    return b"".join(content[:MOST_BYTES].splitlines(keepends=True)[:_MOST_LINES])


def read_head(content: bytes) -> Received:
    """Return what the headers at the beginning of any bytes say; what stands below them is not looked at."""
    message = BytesHeaderParser(policy=policy.compat32).parsebytes(beginning(content))
    words = (word for name in _RECIPIENTS for value in _values(message, name) for word in _AROUND.split(value))
    return Received(
        recipients=tuple(dict.fromkeys(word for word in words if "@" in word)),
        automatic=next(_signs_of_a_program(message), ""),
    )


def _signs_of_a_program(message: Message) -> Iterator[str]:
    for value in _values(message, "Auto-Submitted"):
        # RFC 3834 section 5: a keyword, maybe with parameters and comments.
        keyword = _COMMENT.sub(" ", value).partition(";")[0].strip().lower()
        if keyword not in ("", "no"):
            yield "Auto-Submitted"
    for value in _values(message, "Precedence"):
        if value.strip().lower() in _WRITTEN_BY_PROGRAMS:
            yield "Precedence"
    for value in _values(message, "Return-Path"):
        # RFC 3834 section 3.3 and RFC 5321 section 4.5.5: nobody wants to hear of it.
        if value.strip() == "<>":
            yield "Return-Path: <>"


def _values(message: Message, name: str) -> Iterator[str]:
    # What is not ASCII comes as a Header.
    for value in message.get_all(name, []):
        yield str(value)
