"""Providers as they write to us: each signs what it sends, with a key of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from digestbot.web.webhooks.events import UnansweredError
from tests.factories import NOW

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0011aabb.pem"
CONFIRM = f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
SIGNING_KEY = "key-of-the-tests"
PASSWORD = "a password of the tests"


@dataclass
class Request:
    """What is posted to us; ``to`` is the last part of the address."""

    to: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    *,
    since: datetime = NOW - timedelta(days=30),
    until: datetime = NOW + timedelta(days=30),
) -> bytes:
    key = key or rsa_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Amazon:
    """SNS: it signs, and has pages, certificates among them, that can be asked for."""

    pages: dict[str, bytes] = field(default_factory=lambda: {CERTIFICATE: certificate(), CONFIRM: b"<ok/>"})
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        # Others may come while this one waits for its answer.
        await asyncio.sleep(0)
        if url not in self.pages:
            raise UnansweredError("there is no answer")
        return self.pages[url]


def notification(message: Any, **changes: Any) -> dict[str, Any]:
    """What SNS posts for a message, not signed yet; ``None`` takes a field out."""
    values = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2025-05-27T07:59:58.612Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:1",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def confirmation(**changes: Any) -> dict[str, Any]:
    text = "You have chosen to subscribe to the topic."
    return notification(text, **{"Type": "SubscriptionConfirmation", "Token": "abc", "SubscribeURL": CONFIRM} | changes)


def signed_by_sns(values: dict[str, Any], key: rsa.RSAPrivateKey | None = None) -> Request:
    """Sign as docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html has it."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    canonical = "".join(f"{name}\n{values[name]}\n" for name in names if values.get(name) is not None)
    algorithm = hashes.SHA1() if values["SignatureVersion"] == "1" else hashes.SHA256()
    signature = (key or rsa_key()).sign(canonical.encode(), padding.PKCS1v15(), algorithm)
    body = values | {"Signature": base64.b64encode(signature).decode()}
    return Request("ses", json.dumps(body).encode(), {"content-type": "text/plain; charset=UTF-8"})


def ses(message: Any, **changes: Any) -> Request:
    return signed_by_sns(notification(message, **changes))


def mailgun(
    event: Any, *, token: str = "c0ffee", at: datetime = NOW, key: str = SIGNING_KEY, timestamp: Any = None
) -> Request:
    timestamp = str(int(at.timestamp())) if timestamp is None else timestamp
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    proof = {"timestamp": timestamp, "token": token, "signature": signature}
    return Request("mailgun", json.dumps({"signature": proof, "event-data": event}).encode())


def postmark(record: Any, *, who: str = "digestbot", password: str = PASSWORD) -> Request:
    shown = base64.b64encode(f"{who}:{password}".encode()).decode()
    return Request("postmark", json.dumps(record).encode(), {"authorization": f"Basic {shown}"})


@cache
def sendgrid_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def shown_by_sendgrid(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def sendgrid(events: Any, *, key: ec.EllipticCurvePrivateKey | None = None, timestamp: str = "1748332798") -> Request:
    body = events if isinstance(events, bytes) else json.dumps(events).encode()
    signature = (key or sendgrid_key()).sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }
    return Request("sendgrid", body, headers)
