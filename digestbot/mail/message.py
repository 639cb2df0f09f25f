"""A mail as the final bytes.

``EmailMessage`` folds a long List-Unsubscribe into encoded words, which breaks one-click
unsubscribing (RFC 2047 section 5, RFC 2369 section 2), so headers and parts are written here, and
nobody re-flattens them afterwards. The same arguments give the same bytes.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

from digestbot.mail.quoted import quoted_printable

_FOLD_AT = 76
# What stands for itself in every kind of header, and the blank (RFC 2047, sections 4.2 and 5).
_Q = {character: character for character in f"{string.ascii_letters}{string.digits}!*+-/"} | {" ": "_"}
_AROUND = len("=?utf-8?q??=")
# An installation has one sender and one list.
_NAMES_KEPT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who the mail is from, as one installation writes it."""

    sender: str
    reply_to: str = ""
    list_name: str = ""

    @property
    def address(self) -> str:
        """The bare address, which is the envelope's too where mail does not come back to one of each subscriber."""
        return _address(self.sender)

    @property
    def domain(self) -> str:
        """The domain of the sender, which Message-IDs and List-Id are under."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one mail says, before it is bytes; ``extra`` are headers beyond those of every mail.

    ``text`` and ``html`` may be pieces of whole lines.
    """

    to: str
    subject: str
    text: str | Sequence[str]
    html: str | Sequence[str]
    message_id: str
    date: datetime
    extra: Sequence[tuple[str, str]] = ()


def digest_headers(
    sender: Sender, *, unsubscribe: str, one_click: bool, day: str, unsubscribe_by_mail: str = ""
) -> list[tuple[str, str]]:
    """Return the headers that make a mail a list's: RFC 2369, 2919, 3834, 8058 and Google's Feedback-ID.

    ``List-Unsubscribe-Post`` needs an https address (RFC 8058 section 3.1). ``unsubscribe_by_mail`` is a mail address,
    for programs that know no web: it stands behind, since the first that a program understands is the one it takes
    (RFC 2369 section 2).
    """
    ways = [f"<{unsubscribe}>"]
    if unsubscribe_by_mail:
        ways.append(f"<mailto:{unsubscribe_by_mail}?subject=unsubscribe>")
    headers = [
        ("List-Id", f"{_phrase(sender.list_name)} <daily.digestbot.{sender.domain}>".strip()),
        ("List-Unsubscribe", ", ".join(ways)),
        ("List-Post", "NO"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("Feedback-ID", f"{day}:all:daily:digestbot"),
    ]
    if one_click:
        headers.insert(2, ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


def build(draft: Draft, sender: Sender) -> bytes:
    """Return the mail as bytes with CR LF line ends: multipart/alternative, text first."""
    boundary = "=_" + hashlib.sha256(draft.message_id.encode()).hexdigest()[:32]
    headers = [
        ("From", _mailbox("From", sender.sender)),
        ("To", _whole("To", draft.to)),
        *([("Reply-To", _mailbox("Reply-To", sender.reply_to))] if sender.reply_to else []),
        ("Subject", _unstructured("Subject", draft.subject)),
        ("Date", format_datetime(draft.date)),
        ("Message-ID", _whole("Message-ID", draft.message_id)),
        *((name, _whole(name, value)) for name, value in draft.extra),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    head = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return b"".join(
        (
            f"{head}\r\n{_part_head(boundary, 'plain')}".encode("ascii"),
            quoted_printable(draft.text),
            f"\r\n{_part_head(boundary, 'html')}".encode("ascii"),
            quoted_printable(draft.html),
            f"\r\n--{boundary}--\r\n".encode("ascii"),
        )
    )


def _part_head(boundary: str, subtype: str) -> str:
    return (
        f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


def _whole(name: str, value: str) -> str:
    """Return a value that goes out as it is, on one line."""
    if any(character in value for character in "\r\n\0"):
        raise ValueError(f"{name}: a header value must be one line")
    return value


def _unstructured(name: str, value: str) -> str:
    """Encode free text by RFC 2047 where it is not ASCII, and fold it."""
    one_line = " ".join(value.split())
    # "=?" in plain text would be read as an encoded word, and plain text folds between words only.
    plain = one_line.isascii() and one_line.isprintable() and "=?" not in one_line
    folds = max(map(len, one_line.split()), default=0) <= _FOLD_AT - len(f"{name}: ")
    if plain and folds:
        return "\r\n ".join(_folded(one_line, _FOLD_AT - len(f"{name}: ")))
    return "\r\n ".join(_encoded_words(one_line, _FOLD_AT - len(f"{name}: ")))


def _folded(text: str, room: int) -> Iterator[str]:
    """Yield text in lines, which are folded between words (RFC 5322 section 2.2.3); the first takes ``room``."""
    line = ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > room:
            yield line
            line, room = word, _FOLD_AT - 1
        else:
            line = f"{line} {word}" if line else word
    yield line


def _encoded_words(text: str, room: int) -> Iterator[str]:
    """Yield text as encoded words (RFC 2047, the Q encoding), the first of which takes at most ``room``.

    The standard library's header does the same in a hundred times the time.
    """
    word, room = "", room - _AROUND
    for character in text:
        encoded = _Q.get(character) or "".join(f"={byte:02X}" for byte in character.encode("utf-8", "replace"))
        if len(word) + len(encoded) > room:
            yield f"=?utf-8?q?{word}?="
            word, room = "", _FOLD_AT - 1 - _AROUND
        word += encoded
    yield f"=?utf-8?q?{word}?="


@lru_cache(maxsize=_NAMES_KEPT)
def _address(sender: str) -> str:
    return parseaddr(sender)[1]


@lru_cache(maxsize=_NAMES_KEPT)
def _mailbox(name: str, value: str) -> str:
    return formataddr(parseaddr(_whole(name, value)), charset="utf-8")


@lru_cache(maxsize=_NAMES_KEPT)
def _phrase(name: str) -> str:
    return formataddr((name, "x"), charset="utf-8").rpartition(" <x>")[0] if name else ""
