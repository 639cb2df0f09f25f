"""When mail does not go out: it is in the log each time, and once a day in a mail to the admin, which waits itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Protocol

import structlog

from digestbot.digest.stoppages import KEY_PREFIX, Stoppage, stoppage_delivery
from digestbot.models import Delivery, DeliveryKind, DeliveryState
from digestbot.pipeline.run import Outcome
from digestbot.store.undone import Backlog

log = structlog.get_logger()

# A server that is gone for less is nobody's business: mails wait for it.
_PATIENCE = timedelta(hours=1)


class Undone(Protocol):
    """Knows what is left in the outbox."""

    def backlog(self, now: datetime) -> Backlog: ...
    def waits(self, kind: DeliveryKind, prefix: str) -> bool: ...


class Outbox(Protocol):
    """Takes a mail; one with the same kind and key stays as it is."""

    def add(self, delivery: Delivery) -> None: ...


class Suppressions(Protocol):
    """Knows which addresses must not be mailed."""

    def suppressed(self, emails: Sequence[str]) -> set[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Tells of runs of delivering that stopped.

    ``admin`` is the setting, an address with or without a name, empty for nobody; ``server`` names where mails go.
    """

    undone: Undone
    outbox: Outbox
    suppressions: Suppressions
    admin: str
    domain: str
    server: str

    def tell(self, outcome: Outcome, now: datetime) -> str:
        """Tell of a run, if somebody has to look; return who is told how, for people, empty when nobody has to.

        Somebody has to at once when the server refuses us, and else when nothing went out for an hour although a mail
        could have.
        """
        problem = outcome.stopped or outcome.problem
        if not problem:
            return ""
        backlog = self.undone.backlog(now)
        if not (outcome.refused or _has_waited_long(outcome, backlog, now)):
            return ""
        said = self._write(outcome.refused, problem, backlog, now)
        log.error(
            "the server refuses us" if outcome.refused else "no mail goes out",
            problem=problem,
            waiting=backlog.many,
            since=backlog.due_since.isoformat() if backlog.due_since else None,
            told=said,
        )
        return said

    def _write(self, refused: bool, problem: str, backlog: Backlog, now: datetime) -> str:
        address = parseaddr(self.admin)[1]
        if not address:
            return "nobody is told by mail, since [mail] admin is not set"
        if self.suppressions.suppressed([address]):
            return "nobody is told by mail, since the address of [mail] admin is suppressed; set another one"
        stoppage = Stoppage(
            at=now,
            refused=refused,
            problem=problem,
            server=self.server,
            waiting=backlog.many,
            since=backlog.due_since,
        )
        # Of a failure that lasts for days the admin hears once, when mail goes out again.
        if not self.undone.waits(DeliveryKind.ALERT, KEY_PREFIX):
            self.outbox.add(stoppage_delivery(stoppage, address=address, domain=self.domain))
        if self.undone.waits(DeliveryKind.ALERT, KEY_PREFIX):
            return "a mail to the admin waits with the others: it goes out when mail does"
        return "the admin had a mail about this today already"


def _has_waited_long(outcome: Outcome, backlog: Backlog, now: datetime) -> bool:
    if outcome.counts[DeliveryState.SENT] or backlog.moves or backlog.due_since is None:
        return False
    return now - backlog.due_since >= _PATIENCE
