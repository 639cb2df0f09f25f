"""The words of the program as plain frozen values: no input, no output, no clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Literal, TypeAlias

PaperId: TypeAlias = str
SubscriberId: TypeAlias = int
DigestId: TypeAlias = int
RatingValue: TypeAlias = Literal[1, -1]

LIKE: RatingValue = 1
DISLIKE: RatingValue = -1


class SubscriberState(StrEnum):
    """Only ``active`` subscribers get digests."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"


class DeliveryKind(StrEnum):
    """What a mail is for; in this version only digests and sign-up confirmations are written."""

    DIGEST = "digest"
    CONFIRM = "confirm"


class DeliveryState(StrEnum):
    """Where a mail is on its way; a paper counts as sent in ``sending``, ``sent`` and ``held``."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    HELD = "held"
    EXPIRED = "expired"
    FAILED = "failed"
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One work, whatever its versions, as its source describes it.

    ``revision`` counts the texts the store has seen for this id, from 1.
    """

    id: PaperId
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    announced: date
    url: str = ""
    pdf_url: str = ""
    doi: str = ""
    comment: str = ""
    upvotes: int = 0
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who receives digests, with the installation's defaults filled in where they chose nothing."""

    id: SubscriberId
    email: str
    state: SubscriberState
    timezone: str
    send_at: time
    days: str
    papers: int
    categories: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a subscriber thinks of a paper now."""

    subscriber_id: SubscriberId
    paper_id: PaperId
    value: RatingValue
    rated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a paper is in a digest: the terms that carried its score, or that it is trending."""

    kind: Literal["terms", "trending"]
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A candidate with its score; higher is better, the scale means nothing by itself."""

    paper: Paper
    score: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """One paper of a digest; ``position`` counts from 1."""

    position: int
    paper: Paper
    score: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The ordered papers for one subscriber and one local day, as composed.

    ``number`` counts this subscriber's digests from 1, ``considered`` the candidates it was
    chosen from.
    """

    id: DigestId
    subscriber_id: SubscriberId
    local_day: date
    composed_at: datetime
    number: int
    considered: int
    items: tuple[DigestItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One mail to one address; unique by ``(kind, key)``."""

    id: int
    kind: DeliveryKind
    key: str
    subscriber_id: SubscriberId
    digest_id: DigestId | None
    address: str
    message_id: str
    state: DeliveryState
    attempts: int
    bytes_hash: str | None
    created_at: datetime


def digest_id(subscriber_id: SubscriberId, local_day: date) -> DigestId:
    """Return the 63-bit id that the digest of this subscriber and day has.

    It follows from the two, so that a preview is to the byte what will be sent.
    """
    name = f"digest {subscriber_id} {local_day.isoformat()}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest()) >> 1
