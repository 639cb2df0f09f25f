"""The alert to the admin: what is stored of the sources that bring nothing, and how it is put in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from digestbot.announcements import eastern_day
from digestbot.digest import wording
from digestbot.digest.words import ENGLISH
from digestbot.models import Delivery, DeliveryKind, DeliveryState

CLOSING = (
    "The next load that works brings what the source still has of the days that were missed. "
    "This mail is not repeated today."
)
_MAX_PROBLEM = 300

Trouble: TypeAlias = Literal["stale", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """A source that the admin should hear of; ``newest`` is the day of the newest papers it gave."""

    source: str
    state: Trouble
    last_success: datetime | None
    newest: date | None
    problem: str


def alert_delivery(concerns: Sequence[Concern], *, address: str, domain: str, now: datetime) -> Delivery:
    """Return the mail that tells the admin; its key is arXiv's day, so that there is one for each."""
    moment = now.replace(microsecond=0)
    day = eastern_day(moment).isoformat()
    return Delivery(
        id=0,
        kind=DeliveryKind.ALERT,
        key=f"sources:{day}",
        subscriber_id=None,
        digest_id=None,
        address=address,
        message_id=f"<alert.sources.{day}@{domain}>",
        state=DeliveryState.PENDING,
        attempts=0,
        bytes_hash=None,
        created_at=moment,
        details=to_details(concerns),
    )


def to_details(concerns: Sequence[Concern]) -> str:
    """Return what is stored with the delivery: the mail is made of this, whatever the sources do meanwhile."""
    values = [
        {
            "source": one.source,
            "state": one.state,
            "last_success": one.last_success.isoformat() if one.last_success else None,
            "newest": one.newest.isoformat() if one.newest else None,
            "problem": one.problem,
        }
        for one in concerns
    ]
    return json.dumps(values, ensure_ascii=False)


def from_details(details: str) -> list[Concern]:
    """Return what ``to_details`` wrote. Raises ``ValueError`` for anything else."""
    try:
        concerns = [_concern(value) for value in json.loads(details)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"these are not the details of an alert: {error}") from error
    if not concerns:
        raise ValueError("an alert names at least one source")
    return concerns


def _concern(value: dict[str, Any]) -> Concern:
    return Concern(
        source=str(value["source"]),
        state="failed" if value["state"] == "failed" else "stale",
        last_success=datetime.fromisoformat(value["last_success"]) if value["last_success"] else None,
        newest=date.fromisoformat(value["newest"]) if value["newest"] else None,
        problem=str(value["problem"]),
    )


def subject(concerns: Sequence[Concern], now: datetime) -> str:
    """Return a subject line: what is wrong with the first source, how many more there are, and the day."""
    more = len(concerns) - 1
    first = f"digestbot: {headline(concerns[0])}"
    whole = f"{first}, and {wording.counted(more, 'more source')}" if more else first
    return f"{whole} ({ENGLISH.short_day(eastern_day(now))})"


def headline(concern: Concern) -> str:
    """Return which source it is, and since when."""
    if concern.state == "stale":
        return f"nothing new from {concern.source} {_since(concern.newest)}"
    return f"no usable answer from {concern.source} {_since(concern.last_success)}"


def _since(day: date | None) -> str:
    return f"since {ENGLISH.day(day)}" if day else "so far"


def meaning(concern: Concern, now: datetime) -> str:
    """Return what the state of a source means."""
    if concern.state == "failed":
        return "Failed: it did not answer, or what it sent could not be read."
    if concern.source == "arxiv":
        day = ENGLISH.day(eastern_day(now))
        return f"Stale: it answers, but arXiv announces papers on this day, {day}, and nothing new came."
    return "Stale: it answers, but papers of a later day should have come by now."


def steps(concerns: Sequence[Concern]) -> list[tuple[str, str]]:
    """Return the commands that help, each with what it does."""
    return [
        ("digestbot sources", "shows every source, and when it is asked next"),
        *((f"digestbot load {one.source}", "asks it now, and says what is wrong") for one in concerns),
    ]


def facts(concern: Concern) -> list[tuple[str, str]]:
    """Return what is known of a source, each with its name."""
    known = [
        ("Last good answer", wording.moment(concern.last_success) if concern.last_success else "none yet"),
        ("Newest papers", ENGLISH.day(concern.newest) if concern.newest else "none yet"),
    ]
    if concern.problem:
        known.append(("Problem", wording.shorten(" ".join(concern.problem.split()), _MAX_PROBLEM)))
    return known
