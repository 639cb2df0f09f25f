"""When a mail that could not be sent is tried again, and until when. Pure: chance is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from digestbot.models import Delivery, DeliveryKind, Digest, Subscriber
from digestbot.schedule import next_due

# After the first, second, ... time that the server asked to come back.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240))
# A server that greylists knows us again after five minutes, most of them; others like to see us more often.
_GREYLISTED = (timedelta(minutes=5), timedelta(minutes=15))
_MOST_GREYLISTED = 6
# By up to a quarter longer, so that what failed together does not come back together.
_JITTER = 0.25
# The link in a mail that asks for confirmation is good for so long.
_NOTES = timedelta(hours=48)
# RFC 5321 section 4.5.4.1 gives up after four or five days. An alert may tell of what kept it that long.
LONGEST = timedelta(days=5)


def wait(attempts: int, chance: float, *, greylisted: bool = False) -> timedelta:
    """Return how long to wait after so many attempts; ``chance`` is in [0, 1)."""
    if greylisted and attempts <= _MOST_GREYLISTED:
        shortest, longest = _GREYLISTED
        return shortest + (longest - shortest) * chance
    return _WAITS[min(max(attempts, 1), len(_WAITS)) - 1] * (1 + _JITTER * chance)


def deadline(delivery: Delivery, digest: Digest | None, subscriber: Subscriber | None) -> datetime:
    """Return when a mail is too old to be sent: a digest when the next one is due."""
    if delivery.kind == DeliveryKind.ALERT:
        return delivery.created_at + LONGEST
    if delivery.kind != DeliveryKind.DIGEST or digest is None or subscriber is None:
        return delivery.created_at + _NOTES
    following = next_due(delivery.created_at, subscriber, digest.local_day)
    return min(following, delivery.created_at + LONGEST)
