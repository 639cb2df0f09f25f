"""Signatures under a finished mail: RFC 6376, by an RSA key and, as RFC 8463 adds, by an Ed25519 one.

Signs bytes and changes none of them: both headers are put in front. The same mail, keys and time give
the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# What a reader acts on or a program shows as the mail's own. Each is named once more than it occurs, which signs that
# there is no other (RFC 6376 section 8.15): whoever sends a signed mail on cannot put a second sender, subject or
# unsubscribe address above ours. It costs their names in h=, and no time.
_GUARDED = (
    b"from",
    b"to",
    b"cc",
    b"reply-to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
# Signed when they are there, and not guarded: relays and lists add headers of these names of their own.
_UNGUARDED = (b"list-id", b"list-help", b"list-archive", b"list-post", b"auto-submitted", b"feedback-id")
# Each name, as h= has it, and how often it is named there beyond its headers.
_SIGNED = tuple((name, name.decode(), int(name in _GUARDED)) for name in (*_GUARDED, *_UNGUARDED))

_BLANKS = re.compile(rb"[ \t]+")
# Mails have few sets of headers: those of a digest, of a note, with and without an address to reply to.
_SETS_KEPT = 64
# RFC 5322 section 2.1.1, less the space that a folded line begins with.
_WIDTH = 77
# A string of a TXT record has its length in one octet.
_STRING = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the DNS has to say of a key: a TXT record, ``name`` in full."""

    name: str
    value: str

    def __str__(self) -> str:
        """The line of a zone file."""
        strings = (self.value[start : start + _STRING] for start in range(0, len(self.value), _STRING))
        return f"{self.name} IN TXT " + " ".join(f'"{one}"' for one in strings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs the mails of one domain with two keys: not every mailbox can verify Ed25519, all can RSA."""

    domain: str
    selector_rsa: str
    rsa: RSAPrivateKey = field(repr=False)
    selector_ed25519: str
    ed25519: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes, at: datetime) -> bytes:
        """Return a mail with CR LF line ends with both signatures in front of it, signed at that time.

        Relaxed headers, since relays fold them anew, and a simple body, which is hashed as it is.
        """
        end = message.find(b"\r\n\r\n")
        if end < 0:
            raise ValueError("a mail without an empty line below its headers cannot be signed")
        names, covered = _covered(message[:end])
        listed = _listed(names)
        time, body_hash = int(at.timestamp()), _encoded(_body_hash(message, end + 4))

        def unsigned(algorithm: str, selector: str) -> list[str]:
            return [
                f"v=1; a={algorithm}; c=relaxed/simple; t={time};",
                f"d={self.domain};",
                f"s={selector};",
                *listed,
                f"bh={body_hash};",
                # Last, so that a verifier who takes its value away is left with exactly what was signed.
                "b=",
            ]

        by_rsa = unsigned("rsa-sha256", self.selector_rsa)
        by_ed25519 = unsigned("ed25519-sha256", self.selector_ed25519)
        return b"".join(
            (
                # On top, where a verifier that stops at the first signature finds the one it knows.
                _header(by_rsa, self.rsa.sign(_input(covered, by_rsa), PKCS1v15(), SHA256())),
                # Signs the hash, not what is hashed: RFC 8463 section 3.
                _header(by_ed25519, self.ed25519.sign(hashlib.sha256(_input(covered, by_ed25519)).digest())),
                message,
            )
        )

    def records(self) -> tuple[Record, Record]:
        """Return what the DNS has to say of the RSA and of the Ed25519 key."""
        return (
            Record(name=self._name(self.selector_rsa), value=_public(self.rsa.public_key())),
            Record(name=self._name(self.selector_ed25519), value=_public(self.ed25519.public_key())),
        )

    def _name(self, selector: str) -> str:
        return f"{selector}._domainkey.{self.domain}."


def _covered(head: bytes) -> tuple[tuple[str, ...], bytes]:
    """Return the names for ``h=`` and the headers that they stand for, relaxed (RFC 6376 section 3.4.2)."""
    found: dict[bytes, list[bytes]] = {}
    for header in _relaxed(head).split(b"\r\n"):
        name, _, value = header.partition(b":")
        name = name.rstrip(b" ").lower()
        found.setdefault(name, []).append(b"%s:%s\r\n" % (name, value.strip(b" ")))
    names: list[str] = []
    covered: list[bytes] = []
    for name, shown, guarded in _SIGNED:
        same = found.get(name, ())
        names += [shown] * (len(same) + guarded)
        # A name that stands in h= again means the header above: RFC 6376 section 5.4.2.
        covered += reversed(same)
    return tuple(names), b"".join(covered)


def _relaxed(head: bytes) -> bytes:
    """Return headers each on one line, with one blank where there were several."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    return _BLANKS.sub(b" ", unfolded) if b"\t" in unfolded or b"  " in unfolded else unfolded


def _body_hash(message: bytes, start: int) -> bytes:
    """Return the hash of the body from there on, its empty lines at the end left out (RFC 6376 section 3.4.3)."""
    end = len(message)
    while message.endswith(b"\r\n", start, end):
        end -= 2
    digest = hashlib.sha256(memoryview(message)[start:end])
    digest.update(b"\r\n")
    return digest.digest()


def _input(covered: bytes, lines: list[str]) -> bytes:
    # The signature's own header comes last, relaxed, without its value and line end: RFC 6376 section 3.7.
    return covered + f"dkim-signature:{' '.join(lines)}".encode("ascii")


def _header(lines: list[str], signature: bytes) -> bytes:
    *others, last = lines
    folded = "\r\n ".join([*others, *_chunks(last + _encoded(signature))])
    return f"DKIM-Signature: {folded}\r\n".encode("ascii")


@lru_cache(maxsize=_SETS_KEPT)
def _listed(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines of an ``h=`` of these names."""
    return tuple(_lines(f"h={':'.join(names)};"))


def _lines(names: str) -> Iterator[str]:
    """Fold a list of names after colons."""
    line = ""
    for name in re.split(r"(?<=:)", names):
        if len(line) + len(name) > _WIDTH:
            yield line
            line = ""
        line += name
    yield line


def _chunks(text: str) -> Iterable[str]:
    return (text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH))


def _encoded(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _public(key: RSAPublicKey | Ed25519PublicKey) -> str:
    if isinstance(key, Ed25519PublicKey):
        # RFC 8463 section 4: the bare 32 octets, unlike RSA's.
        return f"v=DKIM1; k=ed25519; p={_encoded(key.public_bytes_raw())}"
    return f"v=DKIM1; k=rsa; p={_encoded(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))}"
