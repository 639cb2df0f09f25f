"""What is stored with a note to a subscriber: what they had chosen when it was asked for. Pure.

A note that is tried again says what it said the first time, whatever they choose meanwhile.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import time

from digestbot.models import Subscriber


def to_details(subscriber: Subscriber) -> str:
    """Return what is stored with the delivery: all that notes say of a subscription."""
    return json.dumps(
        {
            "language": subscriber.language,
            "days": subscriber.days,
            "send_at": subscriber.send_at.strftime("%H:%M"),
            "timezone": subscriber.timezone,
        }
    )


def as_chosen(subscriber: Subscriber, details: str) -> Subscriber:
    """Return a subscriber with what they had chosen. Raises ``ValueError`` for what is no note's details.

    Older notes have their language alone, and those of before there were others have nothing and are English.
    """
    if not details.startswith("{"):
        return replace(subscriber, language=details or "en")
    try:
        chosen = json.loads(details)
        return replace(
            subscriber,
            language=str(chosen["language"]),
            days=str(chosen["days"]),
            send_at=time.fromisoformat(chosen["send_at"]),
            timezone=str(chosen["timezone"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"these are not the details of a note: {error}") from error
