"""The only module that makes, signs and reads links.

A token is a purpose and a random id, signed; it carries no address and, save where it confirms
something, does not expire. Its time is the time that the caller gives.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from urllib.parse import quote

from itsdangerous import BadSignature, Signer, TimestampSigner

from digestbot.errors import LinkError
from digestbot.models import DigestId, PaperId, SubscriberId

Purpose: TypeAlias = Literal["f", "u", "p", "c"]

CONFIRM_WITHIN = timedelta(hours=48)
_MAX_TOKEN = 200


class Links:
    """Makes the addresses of the pages that a mail points to, and reads the tokens in them.

    ``keys`` stand newest first: the first signs, all verify.
    """

    def __init__(self, base_url: str, keys: Sequence[str]) -> None:
        self.base_url = base_url.rstrip("/")
        # itsdangerous wants the oldest first. A key derivation costs a hash, so one signer a purpose.
        oldest_first = list(reversed(keys))
        self._signers = {
            purpose: Signer(oldest_first, salt=f"digestbot {purpose}", digest_method=hashlib.sha256)
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
