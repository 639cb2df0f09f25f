"""Amazon SNS: messages of one topic, and the proof that they are Amazon's.

Only Amazon's own host of the topic's region is ever asked for anything, whatever a message names
(docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from digestbot.errors import SettingsError
from digestbot.web.webhooks.events import ForgedError, ShapeError
from digestbot.web.webhooks.fields import json_of, table

# Returns what stands at an address, and raises UnansweredError when it cannot.
Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]

_ARN = re.compile(r"arn:(aws(?:-[a-z]+)*):sns:([a-z]{2}(?:-[a-z]+)+-\d+):\d{12}:[A-Za-z0-9_-]{1,256}")
_NOTIFICATION = "Notification"
_CONFIRMATION = "SubscriptionConfirmation"
_ENDED = "UnsubscribeConfirmation"
_SUBSCRIBING = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
# What is signed of each, in this order.
_SIGNED = {
    _NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    _CONFIRMATION: _SUBSCRIBING,
    _ENDED: _SUBSCRIBING,
}
# Only this one may be missing; it is not signed then.
_OPTIONAL = "Subject"
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - Amazon's choice
_MOST_CERTIFICATES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic by its full name, and Amazon's host that answers for it."""

    arn: str
    host: str


def topic(arn: str) -> Topic:
    """Return the topic with this ARN."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise SettingsError("[bounces.ses] topic: is no ARN such as arn:aws:sns:eu-west-1:123456789012:bounces")
    partition, region = found.groups()
    return Topic(arn=arn, host=f"sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that is proven to be of our topic; ``subscribe_url`` is empty in what is no matter of subscribing."""

    type: str
    text: str
    subscribe_url: str = ""

    @property
    def asks_to_confirm(self) -> bool:
        return self.type == _CONFIRMATION

    @property
    def says_it_ended(self) -> bool:
        return self.type == _ENDED


class Sns:
    """Believes what is signed for the topic with a certificate of Amazon."""

    def __init__(self, topic: Topic, fetch: Fetch) -> None:
        self._topic = topic
        self._fetch = fetch
        self._certificates: dict[str, x509.Certificate] = {}
        self._fetching = asyncio.Lock()

    async def message(self, body: bytes, now: datetime) -> Message:
        """Return a proven message; raises ``ForgedError``, ``ShapeError`` and ``UnansweredError``."""
        said = table(json_of(body), "message")
        kind = said.get("Type")
        signed = _SIGNED.get(kind) if isinstance(kind, str) else None
        if signed is None:
            raise ShapeError("is of no type that SNS has; is raw message delivery switched off?")
        canonical = "".join(f"{name}\n{_field(said, name)}\n" for name in signed if name != _OPTIONAL or said.get(name))
        if _field(said, "TopicArn") != self._topic.arn:
            raise ForgedError("it is of another topic than [bounces.ses] topic")
        algorithm = _HASHES.get(_field(said, "SignatureVersion"))
        if algorithm is None:
            raise ForgedError("its SignatureVersion is neither 1 nor 2")
        signature = _field(said, "Signature")
        certificate = await self._certificate(_field(said, "SigningCertURL"))
        _verify(certificate, canonical, signature, algorithm, now)
        address = said["SubscribeURL"] if "SubscribeURL" in signed else ""
        return Message(type=said["Type"], text=said["Message"], subscribe_url=address)

    async def confirm(self, message: Message) -> None:
        """Say yes to the subscription that a message offers."""
        if not re.fullmatch(rf"https://{re.escape(self._topic.host)}/\?[\x21-\x7e]+", message.subscribe_url):
            raise ForgedError(f"it asks to be confirmed somewhere else than at {self._topic.host}")
        await self._fetch(message.subscribe_url)

    async def _certificate(self, url: str) -> x509.Certificate:
        if not re.fullmatch(rf"https://{re.escape(self._topic.host)}/[A-Za-z0-9_-]+\.pem", url):
            raise ForgedError(f"its certificate is not one of {self._topic.host}")
        if url in self._certificates:
            return self._certificates[url]
        # One at a time, so that forgeries which name many certificates cannot make many requests at once.
        async with self._fetching:
            if url not in self._certificates:
                found = _read(await self._fetch(url))
                if len(self._certificates) >= _MOST_CERTIFICATES:
                    self._certificates.pop(next(iter(self._certificates)))
                self._certificates[url] = found
            return self._certificates[url]


def _field(said: dict[str, object], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise ShapeError(f"has no {name}")
    return value


def _read(content: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise ForgedError("what it names as its certificate is none") from error


def _verify(
    certificate: x509.Certificate, canonical: str, given: str, algorithm: hashes.HashAlgorithm, now: datetime
) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ForgedError("its certificate has expired, or is not valid yet; is this clock right?")
    try:
        key = certificate.public_key()
        signature = base64.b64decode(given, validate=True)
        if not isinstance(key, rsa.RSAPublicKey):
            raise ForgedError("its certificate is of another kind than Amazon's (RSA)")
        # Half a surrogate pair was never signed: its signature is wrong, whatever it is.
        key.verify(signature, canonical.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), algorithm)
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise ForgedError("the signature is wrong") from error
