"""The words of the program as plain frozen values: no input, no output, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digestbot.errors import UsageError

PaperId: TypeAlias = str
SubscriberId: TypeAlias = int
DigestId: TypeAlias = int
DeliveryId: TypeAlias = int
RatingValue: TypeAlias = Literal[1, -1]
ReasonKind: TypeAlias = Literal["terms", "liked", "follow", "trending", "explore"]

LIKE: RatingValue = 1
DISLIKE: RatingValue = -1

# All ids a subscriber can have: 64 bits without the sign, and never 0.
EVERYONE = range(1, 2**63)

# The languages that mails can be in, by their codes in digestbot/locale, each as its readers call it.
LANGUAGES = {"en": "English", "de": "Deutsch"}

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMED_DAYS = {
    "daily": frozenset(range(7)),
    "weekdays": frozenset(range(5)),
    "weekly": frozenset({4}),
}


class SubscriberState(StrEnum):
    """Only ``active`` subscribers get digests."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"


class DeliveryKind(StrEnum):
    """What a mail is for; an alert tells the admin that something is wrong, a quiet one that nothing is new."""

    DIGEST = "digest"
    CONFIRM = "confirm"
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    QUIET = "quiet"
    ALERT = "alert"


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

    ``links`` are pages of the same paper besides ``url``, ``comment_count`` what people said there;
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
    comment_count: int = 0
    links: tuple[str, ...] = ()
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who receives digests, with the installation's defaults filled in where they chose nothing.

    ``follows`` and ``mutes`` are authors, words and phrases, as they were given: ``author:Ada Quill``,
    ``word:parsing``, or without a prefix, which may be either.
    """

    id: SubscriberId
    email: str
    state: SubscriberState
    timezone: str
    send_at: time
    days: str
    papers: int
    categories: tuple[str, ...]
    created_at: datetime
    language: str = "en"
    follows: tuple[str, ...] = ()
    mutes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a subscriber thinks of a paper now."""

    subscriber_id: SubscriberId
    paper_id: PaperId
    value: RatingValue
    rated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a paper is in a digest.

    ``terms`` are the terms that carried its score, what is followed, or the title of the liked paper that it
    resembles; ``amounts``, as many, are what each added to the score, the rest of which is of everything else.
    """

    kind: ReasonKind
    terms: tuple[str, ...] = ()
    amounts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A candidate with its score; higher is better, the scale means nothing by itself."""

    paper: Paper
    score: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """One paper of a digest; ``position`` counts from 1.

    ``shown_id`` is the id that the paper had when the digest was composed: the mail shows it, whatever it has now.
    """

    position: int
    paper: Paper
    shown_id: PaperId
    score: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The ordered papers for one subscriber and one local day, as composed.

    ``number`` counts this subscriber's digests from 1, ``considered`` the candidates it was
    chosen from, ``days`` is how often its reader got one then, and ``language`` what it was in.
    ``last_delivered`` is the day of the one before that went out, ``None`` when there was none, or nobody knows.
    """

    id: DigestId
    subscriber_id: SubscriberId
    local_day: date
    composed_at: datetime
    number: int
    considered: int
    days: str
    items: tuple[DigestItem, ...]
    language: str = "en"
    last_delivered: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One mail to one address; unique by ``(kind, key)``.

    ``subscriber_id`` is ``None`` for an alert, which goes to the admin. ``details`` is what an alert has to tell, and
    of a note to a subscriber what they had chosen when it was asked for, as ``digest.notes`` writes it. One that is
    ``uncertain`` may have arrived.
    """

    id: DeliveryId
    kind: DeliveryKind
    key: str
    subscriber_id: SubscriberId | None
    digest_id: DigestId | None
    address: str
    message_id: str
    state: DeliveryState
    attempts: int
    bytes_hash: str | None
    created_at: datetime
    details: str = ""
    uncertain: bool = False


class BounceKind(StrEnum):
    """What a report on one of our mails means for its reader."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A report that a mail of ours did not arrive, or was not wanted.

    Whose it is says ``subscriber_id``, read from a signed address, or else ``address``. ``status`` is the enhanced code
    of RFC 3463 and ``text`` what the server said, either empty when the report does not say; ``message_id`` is that of
    our mail, empty when the report does not bring it back.
    """

    kind: BounceKind
    subscriber_id: SubscriberId | None = None
    address: str = ""
    status: str = ""
    text: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """The deliveries that are one process's to begin with, when ``of`` processes share the outbox."""

    number: int
    of: int


EVERYTHING = Share(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The wish to send a delivery now, as bytes with this SHA-256; ``None`` when there are none to be sent.

    One that is not ``to_be_sent`` is only marked: no rate holds it back.
    """

    delivery: Delivery
    bytes_hash: str | None = None
    to_be_sent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a claimed delivery ended; ``uncertain`` when it may have arrived all the same.

    One that was not ``tried`` is as it was before, or could not be written, or has expired. ``code`` and ``text`` are
    the server's words, or ours; ``next_at`` is when to try again.
    """

    delivery: Delivery
    state: DeliveryState
    code: int | None = None
    text: str = ""
    next_at: datetime | None = None
    uncertain: bool = False
    tried: bool = True
    unwritten: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Which of the claims hold, by id of the delivery; for how many seconds the rates let no more through.

    ``waits`` has those seconds by recipient domain; those of all mails under the empty name.
    """

    claimed: frozenset[int]
    waits: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How many mails may go out; 0 is as many as the server takes.

    ``per_domain`` is by recipient domain and minute, ``*`` for those not named. ``server`` names whom they go to.
    """

    server: str = ""
    per_second: float = 0.0
    per_hour: int = 0
    per_domain: Mapping[str, float] = field(default_factory=dict)

    def of_domain(self, domain: str) -> float:
        """Return how many mails a minute may go to a domain."""
        return self.per_domain.get(domain, self.per_domain.get("*", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one load of one source came to; ``error`` is empty when it answered.

    ``asked`` says what was asked for, ``cursor`` where the next load goes on. ``newest`` is the latest day among its
    papers, ``None`` when it gave none, and ``behind`` names the parts of it that still showed an older day.
    """

    source: str
    started_at: datetime
    finished_at: datetime
    asked: str = ""
    received: int = 0
    new: int = 0
    updated: int = 0
    skipped: int = 0
    error: str = ""
    cursor: str = ""
    newest: date | None = None
    behind: str = ""


def domain_of(address: str) -> str:
    """Return the domain of a mail address, in small letters."""
    return address.rpartition("@")[2].lower()


def digest_id(subscriber_id: SubscriberId, local_day: date) -> DigestId:
    """Return the 63-bit id that the digest of this subscriber and day has.

    It follows from the two, so that a preview is to the byte what will be sent. Ids of one day lie together, and in it
    those of neighbouring subscribers: composed in the order of subscribers, digests are put beside each other into the
    store, however many years it holds. Two can have the same id (of a million in a day with a chance of one in
    ten thousand): the store takes the first.
    """
    name = f"digest {subscriber_id} {local_day.isoformat()}".encode()
    random = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest())
    day, neighbours = local_day.toordinal() % 2**10, subscriber_id >> 53
    return (day << 53) | (neighbours << 43) | (random >> 21)


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name such as ``Europe/Berlin``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"'{name}' is not a time zone; use a name such as Europe/Berlin or UTC") from error


@lru_cache(maxsize=2048)
def parse_time(text: str) -> time:
    """Return the time of day that ``HH:MM`` names."""
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2):
        raise UsageError(f"'{text}' is not a time of day; use HH:MM, for example 07:00")
    try:
        return time(int(hours), int(minutes))
    except ValueError as error:
        raise UsageError(f"'{text}' is not a time of day; use HH:MM, for example 07:00") from error


def parse_language(text: str) -> str:
    """Return the language of mails that a code such as ``de`` names."""
    code = text.strip().lower()
    if code not in LANGUAGES:
        there = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
        raise UsageError(f"'{text}' is not a language of the mails; there are {there}")
    return code


@lru_cache(maxsize=512)
def weekdays(days: str) -> frozenset[int]:
    """Return the weekdays (Monday is 0) of ``daily``, ``weekdays``, ``weekly`` or ``mon,thu``."""
    if days in _NAMED_DAYS:
        return _NAMED_DAYS[days]
    names = [name.strip().lower() for name in days.split(",")]
    if not all(name in WEEKDAYS for name in names):
        raise UsageError(f"'{days}' does not name days; use daily, weekdays, weekly, or a list such as mon,thu")
    return frozenset(WEEKDAYS.index(name) for name in names)


def is_weekly(days: str) -> bool:
    """Return whether these days are one of the week."""
    return len(weekdays(days)) == 1


def canonical_days(days: str) -> str:
    """Return the one way to write these days: a name where there is one, else Monday first."""
    chosen = weekdays(days)
    for name, named in _NAMED_DAYS.items():
        if chosen == named:
            return name
    return ",".join(WEEKDAYS[number] for number in sorted(chosen))
