"""Poll: act on the mails that wait in the mailbox of bounces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from digestbot.errors import BounceError, NoBounceError
from digestbot.mail.mailboxes import Mailbox
from digestbot.mail.received import MOST_BYTES
from digestbot.pipeline.bounces import Recorded

log = structlog.get_logger()


class Incoming(Protocol):
    """Acts on a mail."""

    def take(self, content: bytes, now: datetime) -> Recorded: ...


@dataclass(slots=True)
class Polled:
    """How many mails were acted on, and how many were left for people to look at."""

    done: int = 0
    left: int = 0


def poll(
    mailbox: Mailbox, incoming: Incoming, clock: Callable[[], datetime], *, ending: Callable[[], bool] = lambda: False
) -> Polled:
    """Act on every mail that nobody has seen; one that is refused does not stop the others.

    Raises ``MailboxError`` when the mailbox cannot be used. A mail whose consequences cannot be stored comes again.
    """
    polled = Polled()

    def take(content: bytes) -> bool:
        try:
            recorded = incoming.take(content, clock())
        except (NoBounceError, BounceError) as error:
            log.warning("a mail in the mailbox of bounces was left there", problem=str(error))
            polled.left += 1
            return False
        log.info("a mail in the mailbox of bounces was read", done=recorded.text)
        polled.done += 1
        return True

    mailbox.poll(take, limit=MOST_BYTES, ending=ending)
    return polled
