"""The only module that makes, signs and reads links, and the mail addresses that carry a token.

A token is a purpose and a random id, signed; it carries no address and, save where it confirms
something, does not expire. Its time is the time that the caller gives.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from urllib.parse import quote

from itsdangerous import BadSignature, HMACAlgorithm, Signer, TimestampSigner

from digestbot.errors import LinkError
from digestbot.models import DigestId, PaperId, SubscriberId

Purpose: TypeAlias = Literal["f", "u", "p", "c"]
AddressPurpose: TypeAlias = Literal["b", "u"]

CONFIRM_WITHIN = timedelta(hours=48)
_MAX_TOKEN = 200
_SHORT_BYTES = 16

# What stands before the token: the whole must fit into the 64 octets of a local part (RFC 5321 section 4.5.3.1.1).
_PREFIXES: dict[AddressPurpose, str] = {"b": "b", "u": "unsub"}
_ID_BYTES = 8
# 80 bits: who guesses has to send a mail for each try.
_SIGNATURE_BYTES = 10


class Links:
    """Makes the addresses of the pages that a mail points to, and reads the tokens in them.

    ``keys`` stand newest first: the first signs, all verify.
    """

    def __init__(self, base_url: str, keys: Sequence[str]) -> None:
        self.base_url = base_url.rstrip("/")
        # itsdangerous wants the oldest first. A key derivation costs a hash, so one signer a purpose.
        oldest_first = list(reversed(keys))
        short = _Short(hashlib.sha256)
        self._signers = {
            purpose: Signer(oldest_first, salt=f"digestbot {purpose}", digest_method=hashlib.sha256, algorithm=short)
            for purpose in ("f", "u", "p")
        }
        self._oldest_first = oldest_first

    @property
    def one_click(self) -> bool:
        """Whether RFC 8058 one-click unsubscribing can be offered: only https will do."""
        return self.base_url.startswith("https://")

    def feedback(self, digest_id: DigestId) -> str:
        """Return the address of the feedback page of one digest."""
        return f"{self.base_url}/f/{self.token('f', digest_id)}"

    def unsubscribe(self, subscriber_id: SubscriberId) -> str:
        """Return the address at which this subscriber can end the subscription."""
        return f"{self.base_url}/u/{self.token('u', subscriber_id)}"

    def preferences(self, subscriber_id: SubscriberId) -> str:
        """Return the address of this subscriber's preferences page."""
        return f"{self.base_url}/p/{self.token('p', subscriber_id)}"

    def confirm(self, subscriber_id: SubscriberId, now: datetime) -> str:
        """Return the address that confirms a sign-up, good for 48 hours from ``now``."""
        token = self._signer_at(now).sign(_encode(subscriber_id)).decode()
        return f"{self.base_url}/c/{token}"

    def paper(self, paper_id: PaperId) -> str:
        """Return the address of the page of a paper, the same for everybody."""
        # Slashes stay, as in an address of doi.org: some servers in front of ours refuse %2F. Only where browsers would
        # take what stands between two for a step up, or for nothing, do they have to be written so.
        plain = {"", ".", ".."}.isdisjoint(paper_id.split("/"))
        return f"{self.base_url}/paper/{quote(paper_id, safe='/:' if plain else ':')}"

    def token(self, purpose: Literal["f", "u", "p"], identifier: int) -> str:
        """Return the signed token for an id in ``range(2**63)``."""
        return self._signers[purpose].sign(_encode(identifier)).decode()

    def read(self, purpose: Literal["f", "u", "p"], token: str) -> int:
        """Return the id that a token carries; raise ``LinkError`` unless we signed it for this purpose."""
        try:
            return _decode(self._signers[purpose].unsign(_bounded(token)))
        except BadSignature as error:
            raise LinkError("this link is not complete, or not ours") from error

    def read_confirm(self, token: str, now: datetime) -> SubscriberId:
        """Return the id of a confirmation token that is younger than 48 hours."""
        try:
            signed = self._signer_at(now).unsign(_bounded(token), max_age=int(CONFIRM_WITHIN.total_seconds()))
        except BadSignature as error:
            raise LinkError("this link is not complete, not ours, or older than 48 hours") from error
        return _decode(signed)

    def _signer_at(self, now: datetime) -> _SignerAt:
        signer = _SignerAt(self._oldest_first, salt="digestbot c", digest_method=hashlib.sha256)
        signer.now = now
        return signer


class SignedAddresses:
    """Makes the addresses, at a domain of ours, that are one subscriber's alone, and reads what comes back to them.

    In small letters and digits: relays change the case of addresses. ``keys`` stand newest first: the first signs,
    all verify.
    """

    def __init__(self, domain: str, keys: Sequence[str]) -> None:
        self.domain = domain.lower()
        self._keys = [key.encode() for key in keys]

    def bounce(self, subscriber_id: SubscriberId) -> str:
        """Return the address that undeliverable mail to this subscriber goes back to."""
        return self._address("b", subscriber_id)

    def unsubscribe(self, subscriber_id: SubscriberId) -> str:
        """Return the address at which a mail, whatever it says, ends this subscription."""
        return self._address("u", subscriber_id)

    def read(self, purpose: AddressPurpose, address: str) -> SubscriberId:
        """Return whose address this is, in whatever case; raise ``LinkError`` unless we made it for this purpose."""
        local, _, domain = address.rpartition("@")
        prefix, _, token = local.partition("+")
        # Outside of ASCII there are letters that lower() makes into ASCII ones.
        if address.isascii() and domain.lower() == self.domain and prefix.lower() == _PREFIXES[purpose]:
            signed = _from_base32(token.lower())
            body = signed[:_ID_BYTES]
            signatures = (_address_signature(key, purpose, body) for key in self._keys)
            if any(hmac.compare_digest(body + signature, signed) for signature in signatures):
                return int.from_bytes(body)
        raise LinkError("this address is not complete, or not ours")

    def _address(self, purpose: AddressPurpose, subscriber_id: SubscriberId) -> str:
        body = subscriber_id.to_bytes(_ID_BYTES)
        token = _to_base32(body + _address_signature(self._keys[0], purpose, body))
        return f"{_PREFIXES[purpose]}+{token}@{self.domain}"


class _Short(HMACAlgorithm):
    """Signatures of 128 bits, so that an address fits into a line; whole ones are of mails that were sent before."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:_SHORT_BYTES]

    def verify_signature(self, key: bytes, value: bytes, sig: bytes) -> bool:
        whole = super().get_signature(key, value)
        return hmac.compare_digest(sig, whole[:_SHORT_BYTES]) or hmac.compare_digest(sig, whole)


class _SignerAt(TimestampSigner):
    """A signer that is told the time."""

    now: datetime

    def get_timestamp(self) -> int:
        return int(self.now.timestamp())


def _bounded(token: str) -> bytes:
    if len(token) > _MAX_TOKEN:
        raise LinkError("this link is not complete, or not ours")
    return token.encode("utf-8", "replace")


def _encode(identifier: int) -> bytes:
    return base64.urlsafe_b64encode(identifier.to_bytes(8)).rstrip(b"=")


def _decode(text: bytes) -> int:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    except binascii.Error as error:
        raise LinkError("this link is not complete, or not ours") from error


def _address_signature(key: bytes, purpose: AddressPurpose, body: bytes) -> bytes:
    return hmac.digest(key, f"digestbot address {purpose} ".encode() + body, "sha256")[:_SIGNATURE_BYTES]


def _to_base32(content: bytes) -> str:
    return base64.b32encode(content).decode("ascii").rstrip("=").lower()


def _from_base32(text: str) -> bytes:
    """Return what a token stands for; empty when there is no such token."""
    if len(text) > _MAX_TOKEN:
        return b""
    try:
        content = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error:
        return b""
    # The last letter has bits to spare, and only one way to write them is ours.
    return content if _to_base32(content) == text else b""
