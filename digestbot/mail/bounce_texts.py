"""Bounces that keep to no standard: a text that says what went wrong, and often our mail below it.

First what is told by Exim's header, then by flufl.bounce, which knows many dialects; else a reply of a mail server in
the words of a mail daemon.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from email import policy
from email.message import Message
from email.parser import BytesParser

from digestbot.errors import NoBounceError
from digestbot.mail.received import read_head
from digestbot.mail.report import Report, meaning
from digestbot.mail.returned import (
    addresses_in,
    carried_addresses,
    field_of,
    message_id,
    quoted_fields,
    returned_fields,
    text_of,
)
from digestbot.mail.verdicts import judge, reply
from digestbot.models import BounceKind

# What went wrong stands at the top. All that is looked for is looked for in here.
_TEXT_BYTES = 2**17

_DAEMON = re.compile(r"mailer-?daemon|postmaster|mail delivery (?:sub)?system", re.IGNORECASE)
_DELAY = re.compile(
    r"delivery attempts will continue|will (?:continue to )?be (?:retried|tried again|attempted)|no action is required"
    r"|do not need to (?:resend|take any action)|not yet been delivered|has been delayed|this is (?:just )?a warning",
    re.IGNORECASE,
)
_ABSENCE = re.compile(
    r"out of (?:the )?office|auto(?:matic|mated|-)? ?(?:reply|response)|vacation|abwesen", re.IGNORECASE
)
# Where our own mail begins, as qmail, Exim, Sendmail and others announce it.
_COPY = re.compile(
    r"^[\s>-]{0,10}(?:below this line is a copy|this is a copy of|original message (?:follows|headers)"
    r"|the following is a copy|return-path:|received:)",
    re.IGNORECASE | re.MULTILINE,
)


def read_text(content: bytes, parts: Sequence[Message]) -> Report:
    """Return what a mail without a standard report says; ``parts`` are the mail itself and all in it.

    Raises ``NoBounceError``, which says what it is instead.
    """
    whole = parts[0]
    text = _text(parts)
    copy = _COPY.search(text)
    top = text[: copy.start()] if copy else text
    by_header = addresses_in(field_of(whole, "X-Failed-Recipients"))
    passing, lasting = ([], by_header) if by_header else _known_dialects(content)
    if not (passing or lasting or _is_by_a_daemon(whole, top)):
        if _is_automatic(content, whole):
            return Report(kind=None, meaning="an automatic reply")
        raise NoBounceError("this is no bounce that can be read")
    fields = returned_fields(parts[1:]) or quoted_fields(text)
    if _DELAY.search(top) and not by_header:
        return Report(kind=None, meaning="a notice of delay", message_id=message_id(fields))
    verdict = judge("", reply(top) or top, otherwise=BounceKind.HARD if lasting or not passing else BounceKind.SOFT)
    return Report(
        kind=verdict.kind,
        meaning=meaning(verdict),
        address=next(iter([*lasting, *passing, *addresses_in(top)]), ""),
        status=verdict.status,
        text=verdict.text if reply(top) else "",
        message_id=message_id(fields),
        carried=carried_addresses(fields),
    )


def _text(parts: Sequence[Message]) -> str:
    texts = (text_of(part) for part in parts if part.get_content_type() == "text/plain" and not part.is_multipart())
    return "\n".join(texts)[:_TEXT_BYTES]


def _known_dialects(content: bytes) -> tuple[list[str], list[str]]:
    """Return the addresses that flufl.bounce finds to have failed for now, and for good."""
    from flufl.bounce import all_failures  # noqa: PLC0415 - many patterns, and most bounces need them not

    # It logs the errors of its patterns, each with a traceback, before it raises them.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        passing, lasting = all_failures(BytesParser(policy=policy.compat32).parsebytes(content[:_TEXT_BYTES]))
    except Exception as error:
        # It says nowhere what its patterns raise.
        raise NoBounceError("this mail cannot be read") from error
    return [_address(one) for one in sorted(passing)], [_address(one) for one in sorted(lasting)]


def _address(found: bytes) -> str:
    return found.decode("utf-8", "replace")


def _is_by_a_daemon(message: Message, top: str) -> bool:
    return bool(_DAEMON.search(field_of(message, "From")) and reply(top))


def _is_automatic(content: bytes, message: Message) -> bool:
    if _DAEMON.search(field_of(message, "From")) or message.get_content_type() == "multipart/report":
        # A report in a dialect that nobody knows is for people to read.
        return False
    named = any(name in message for name in ("X-Autoreply", "X-Autorespond"))
    absent = _ABSENCE.search(field_of(message, "Subject")) is not None
    return named or absent or bool(read_head(content[:_TEXT_BYTES]).automatic)
