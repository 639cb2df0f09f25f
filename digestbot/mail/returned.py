"""What a report brings back of our own mail: which one it was, and the signed addresses that it carried."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.message import Message

_KINDS = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)
# Where our signed addresses stand in a mail of ours. The first is written by who takes it, the second by us.
_CARRYING = ("return-path", "list-unsubscribe")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,300}>")
_ADDRESS = re.compile(r"[\w.+=-]{1,80}@[\w.-]{1,253}", re.ASCII)
_FIELD = re.compile(r"^(?:> ?)?([A-Za-z-]{1,40}):((?:[^\r\n]|\r?\n[ \t])*)", re.MULTILINE)
_NAMES = (*_CARRYING, "message-id", "x-hmxmroriginalrecipient")


def returned_fields(parts: Iterable[Message]) -> dict[str, str]:
    """Return the fields that matter of our own mail in these parts, by their names in small letters."""
    for part in parts:
        if part.get_content_type() in _KINDS:
            found = dict(_fields(part))
            if found:
                return found
    return {}


def quoted_fields(text: str) -> dict[str, str]:
    """Return the fields that matter of our own mail as it is quoted in a text."""
    found: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        if match[1].lower() in _NAMES:
            found.setdefault(match[1].lower(), _unfolded(match[2]))
    return found


def message_id(fields: dict[str, str]) -> str:
    """Return the Message-ID among fields, empty when there is none."""
    found = _MESSAGE_ID.search(fields.get("message-id", ""))
    return found[0] if found else ""


def carried_addresses(fields: dict[str, str], *others: str) -> tuple[str, ...]:
    """Return the addresses among fields, and in other texts, that can be signed ones."""
    texts = (*(fields.get(name, "") for name in _CARRYING), *others)
    return tuple(dict.fromkeys(address for text in texts for address in addresses_in(text)))


def addresses_in(text: str) -> list[str]:
    """Return the mail addresses in any text."""
    return _ADDRESS.findall(text)


def _fields(part: Message) -> Iterator[tuple[str, str]]:
    inside = part.get_payload()
    if isinstance(inside, list):
        headers = inside[0] if inside and isinstance(inside[0], Message) else Message()
        yield from ((name.lower(), _unfolded(str(value))) for name, value in headers.items() if name.lower() in _NAMES)
    else:
        yield from quoted_fields(text_of(part)).items()


def text_of(part: Message) -> str:
    """Return the text of a part without parts, whatever it is in."""
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def field_of(message: Message, name: str) -> str:
    """Return the values of a header in one text, empty when it is not there."""
    # What is not ASCII comes as a Header.
    return " ".join(str(value) for value in message.get_all(name, []))


def _unfolded(value: str) -> str:
    return " ".join(value.split())
