"""Mails as their readers' programs take them apart."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage


def parsed(content: bytes) -> EmailMessage:
    """Return a mail in which the standard library finds no fault."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    """Return the text of the ``plain`` or the ``html`` part."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())
