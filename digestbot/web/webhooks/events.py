"""What a provider can tell us, and the reasons for which we do not listen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from digestbot.errors import DigestbotError
from digestbot.models import Bounce


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A reader ended the subscription at the provider; ``message_id`` is empty when it is not said from which mail."""

    address: str
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OurFault:
    """It is us or this mail that was refused, which says nothing about the reader; ``text`` are the server's words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """One event of several that is not in its provider's format."""

    problem: str


Event: TypeAlias = Bounce | Leaving | OurFault | Unreadable


class ForgedError(DigestbotError):
    """The signature is wrong, or is for somebody else: nothing of this may be believed."""


class ShapeError(DigestbotError):
    """This is not the provider's format."""


class UnansweredError(DigestbotError):
    """What is needed to check this cannot be had now; the provider shall repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came in; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


class Provider(Protocol):
    """Knows which requests are really of a provider, and what they say."""

    async def read(self, call: Call, now: datetime) -> Sequence[Event]:
        """Return what has happened, leaving out what concerns nobody here, such as a mail that arrived.

        Raises ``ForgedError``, ``ShapeError`` and ``UnansweredError``.
        """
        ...
