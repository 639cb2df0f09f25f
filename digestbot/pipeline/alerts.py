"""Alerts: a source that brings nothing is named in the log at each load, and once a day in a mail to the admin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import Protocol

import structlog

from digestbot.digest.alerts import Concern, alert_delivery
from digestbot.models import Delivery
from digestbot.pipeline.watch import Report, State, alarming

log = structlog.get_logger()


class Outbox(Protocol):
    """Takes a mail; one with the same kind and key stays as it is."""

    def add(self, delivery: Delivery) -> None: ...


class Suppressions(Protocol):
    """Knows which addresses must not be mailed."""

    def suppressed(self, emails: Sequence[str]) -> set[str]: ...


def raise_alarm(
    reports: Sequence[Report],
    now: datetime,
    *,
    outbox: Outbox,
    suppressions: Suppressions,
    admin: str,
    domain: str,
) -> list[Report]:
    """Return the sources that somebody should look at: each is logged, and the admin has a mail once a day.

    ``admin`` is the setting, an address with or without a name; empty: nobody is mailed.
    """
    found = alarming(reports, now)
    for one in found:
        log.warning(
            "source needs a look",
            source=one.name,
            state=str(one.state),
            last_success=one.last_success.isoformat() if one.last_success else None,
            newest=one.newest.isoformat() if one.newest else None,
            problem=one.problem,
        )
    address = parseaddr(admin)[1]
    if not found or not address:
        return found
    if suppressions.suppressed([address]):
        log.warning("no mail to the admin: a server has refused this address for good; set another [mail] admin")
        return found
    outbox.add(alert_delivery([_concern(one) for one in found], address=address, domain=domain, now=now))
    return found


def _concern(one: Report) -> Concern:
    return Concern(
        source=one.name,
        state="failed" if one.state == State.FAILED else "stale",
        last_success=one.last_success,
        newest=one.newest,
        problem=one.problem,
    )
