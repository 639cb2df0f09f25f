"""What a mail reports about a mail of ours: that it did not arrive, or was not wanted.

Reports are read by their standards, RFC 3464 and RFC 5965, with the standard library; what keeps to none is left to
``bounce_texts``. Whose mail it was is not decided here: what a report says of that anybody can write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email import policy
from email.message import Message
from email.parser import BytesParser, HeaderParser
from itertools import islice

from digestbot.errors import NoBounceError
from digestbot.mail.bounce_texts import read_text
from digestbot.mail.received import beginning
from digestbot.mail.report import Report, meaning
from digestbot.mail.returned import addresses_in, carried_addresses, field_of, message_id, returned_fields, text_of
from digestbot.mail.verdicts import Verdict, judge
from digestbot.models import BounceKind

_MOST_PARTS = 200
_MOST_BLOCKS = 200
# Of parts in parts: each costs a comparison a line.
_MOST_MULTIPARTS = 20
_MULTIPART = re.compile(rb"^content-type:\s*multipart/", re.IGNORECASE | re.MULTILINE)

_DELIVERY_STATUS = ("message/delivery-status", "message/global-delivery-status")
_COMMENT = re.compile(r"\([^()]*\)")
# RFC 5965 section 7.3 and RFC 6591: what is no reader's opinion; unknown ones count as "other".
_NO_COMPLAINTS = {
    "not-spam": "that a mail is no spam",
    "auth-failure": "of a signature that does not hold",
    "dkim": "of a signature that does not hold",
    "virus": "of a program that looks for viruses",
}
# RFC 3464 section 2.3.3.
_NO_FAILURES = {
    "delayed": "a notice of delay",
    "delivered": "a notice that it arrived",
    "relayed": "a notice that it went on",
    "expanded": "a notice that it went on",
}
# Behind an address can be several mailboxes: what arrived in one of them did arrive.
_MILDEST_FIRST = (None, BounceKind.SOFT, BounceKind.HARD)


def parse(content: bytes) -> Report:
    """Return what a mail reports; its beginning is enough. Raises ``NoBounceError`` and nothing else."""
    content = beginning(content)
    parts = _parts(content)
    for place, part in enumerate(parts):
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return _complaint(list(islice(_blocks(part), _MOST_BLOCKS)), parts[place + 1 :])
        if kind in _DELIVERY_STATUS:
            recipients = [block for block in islice(_blocks(part), _MOST_BLOCKS) if _is_of_a_recipient(block)]
            if recipients:
                return _failure(recipients, parts[place + 1 :])
    return read_text(content, parts)


def _parts(content: bytes) -> list[Message]:
    if len(_MULTIPART.findall(content)) > _MOST_MULTIPARTS:
        raise NoBounceError("this mail cannot be read: it has parts in parts in parts")
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(content)
        return list(islice(message.walk(), _MOST_PARTS))
    except (RecursionError, ValueError, LookupError) as error:
        # Mails in mails a thousand times over, or a parameter in an encoding with a NUL in its name.
        raise NoBounceError("this mail cannot be read") from error


def _failure(recipients: Sequence[Message], others: Sequence[Message]) -> Report:
    judged = [(_judge(block), block) for block in recipients]
    (verdict, words), block = min(judged, key=lambda one: _MILDEST_FIRST.index(one[0][0].kind))
    fields = returned_fields(others)
    return Report(
        kind=verdict.kind,
        meaning=words,
        address=next(
            iter(addresses_in(field_of(block, "Original-Recipient") + " " + field_of(block, "Final-Recipient"))), ""
        ),
        status=verdict.status,
        text=verdict.text,
        message_id=message_id(fields),
        carried=carried_addresses(fields),
    )


def _judge(block: Message) -> tuple[Verdict, str]:
    action = _COMMENT.sub(" ", field_of(block, "Action")).strip().lower()
    status, text = field_of(block, "Status"), field_of(block, "Diagnostic-Code")
    if action in _NO_FAILURES:
        return Verdict(kind=None, status=status, text=text), _NO_FAILURES[action]
    if not action.startswith("fail") and not re.search(r"\b[45]\.\d", status):
        return Verdict(kind=None, status=status, text=text), "a notice that says of no failure"
    verdict = judge(status, text)
    return verdict, meaning(verdict)


def _is_of_a_recipient(block: Message) -> bool:
    return any(name in block for name in ("Action", "Status", "Final-Recipient"))


def _complaint(blocks: Sequence[Message], others: Sequence[Message]) -> Report:
    def field(name: str) -> str:
        return " ".join(field_of(block, name) for block in blocks).strip()

    kind = field("Feedback-Type").lower()
    fields = returned_fields(others)
    recipients = " ".join(
        [field("Original-Rcpt-To"), field("Removal-Recipient"), fields.get("x-hmxmroriginalrecipient", "")]
    )
    return Report(
        kind=None if kind in _NO_COMPLAINTS else BounceKind.COMPLAINT,
        meaning=f"a report {_NO_COMPLAINTS[kind]}" if kind in _NO_COMPLAINTS else "a complaint",
        address=next(iter(addresses_in(recipients)), ""),
        text=f"reported as {kind or 'unwanted'}",
        message_id=message_id(fields),
        carried=carried_addresses(fields, field("Original-Mail-From")),
    )


def _blocks(part: Message) -> Iterator[Message]:
    """Yield the groups of fields of a report, however the standard library has cut them up."""
    inside = part.get_payload()
    for block in inside if isinstance(inside, list) else []:
        if isinstance(block, Message):
            yield block
            for text in re.split(r"\n[ \t]*\r?\n", text_of(block)):
                yield HeaderParser(policy=policy.compat32).parsestr(text.lstrip())
