"""The alert that mail does not go out: what is stored of it, and how it is put in words. Pure.

It can only go out when mail does again, so it speaks of what was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from digestbot.digest import wording
from digestbot.digest.words import ENGLISH
from digestbot.models import Delivery, DeliveryKind, DeliveryState

KEY_PREFIX = "delivery:"
STEPS = (
    ("digestbot outbox", "shows what still waits, and what the server said of each mail"),
    ("digestbot mail test ADDRESS", "sends one mail, shows each step and says what the server's words mean"),
    ("digestbot doctor", "looks for what is wrong with the settings, the keys and the outbox"),
)
CLOSING = (
    "That this mail came means that the server takes mail again, at least this one; the others should follow by "
    "themselves. There is one such mail a day at most."
)
_MAX_PROBLEM = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Stoppage:
    """That a run of delivering stopped; ``refused`` when it was us that the server did not take mail from.

    ``waiting`` mails waited at that time ``at``, and the first of them could have gone out ``since``. ``server`` is
    where they were to go.
    """

    at: datetime
    refused: bool
    problem: str
    server: str
    waiting: int
    since: datetime | None


def stoppage_delivery(stoppage: Stoppage, *, address: str, domain: str) -> Delivery:
    """Return the mail that tells the admin; its key is the day in UTC, so that there is one for each."""
    day = stoppage.at.astimezone(UTC).date().isoformat()
    return Delivery(
        id=0,
        kind=DeliveryKind.ALERT,
        key=f"{KEY_PREFIX}{day}",
        subscriber_id=None,
        digest_id=None,
        address=address,
        message_id=f"<alert.delivery.{day}@{domain}>",
        state=DeliveryState.PENDING,
        attempts=0,
        bytes_hash=None,
        created_at=stoppage.at.replace(microsecond=0),
        details=to_details(stoppage),
    )


def to_details(stoppage: Stoppage) -> str:
    """Return what is stored with the delivery: the mail is made of this, whatever the server does meanwhile."""
    return json.dumps(
        {
            "at": stoppage.at.isoformat(),
            "refused": stoppage.refused,
            "problem": stoppage.problem,
            "server": stoppage.server,
            "waiting": stoppage.waiting,
            "since": stoppage.since.isoformat() if stoppage.since else None,
        },
        ensure_ascii=False,
    )


def from_details(details: str) -> Stoppage:
    """Return what ``to_details`` wrote. Raises ``ValueError`` for anything else."""
    try:
        value = json.loads(details)
        return Stoppage(
            at=datetime.fromisoformat(value["at"]),
            refused=bool(value["refused"]),
            problem=str(value["problem"]),
            server=str(value["server"]),
            waiting=int(value["waiting"]),
            since=datetime.fromisoformat(value["since"]) if value["since"] else None,
        )
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"these are not the details of an alert: {error}") from error


def headline(stoppage: Stoppage) -> str:
    """Return what happened, in a line."""
    day = ENGLISH.day(stoppage.at)
    return f"the server refused to take mail from us on {day}" if stoppage.refused else f"mail did not go out on {day}"


def meaning(stoppage: Stoppage) -> str:
    """Return what that means for the mails and their readers."""
    if stoppage.refused:
        return (
            "It was about us, and not about a reader: the login, the sender's address, or what the domain's DNS says of"
            " who may send; or, of a single mail, what one reader's server thinks of us. No address was suppressed, and"
            " what was refused stayed in the outbox and is tried again."
        )
    return (
        "For an hour or longer not one mail could be handed over. Nothing is lost: every mail stayed in the outbox, and"
        " each run tried again."
    )


def facts(stoppage: Stoppage) -> list[tuple[str, str]]:
    """Return what is known of it, each with its name."""
    known = [("What stopped it", wording.shorten(" ".join(stoppage.problem.split()), _MAX_PROBLEM))]
    if stoppage.server:
        known.append(("Server", stoppage.server))
    known.append(("Noticed", wording.moment(stoppage.at)))
    known.append(("Mails that waited", f"{stoppage.waiting:,}"))
    if stoppage.since:
        known.append(("The first of them since", wording.moment(stoppage.since)))
    return known
