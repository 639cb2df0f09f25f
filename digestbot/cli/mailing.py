"""What mails go out by, put together for the commands and jobs that deliver, and who is told when they do not."""

from __future__ import annotations

import os
import random
import secrets as randomness
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from digestbot.cli.bouncing import recorder
from digestbot.models import EVERYTHING, RateLimits, Share

if TYPE_CHECKING:
    from digestbot.cli.installation import Installation
    from digestbot.mail.smtp import Server
    from digestbot.pipeline.deliver import Deliverer
    from digestbot.pipeline.run import Connection, Outcome
    from digestbot.settings import Settings


@contextmanager
def deliverer(installation: Installation, share: Share = EVERYTHING) -> Iterator[Deliverer]:
    """Yield a run of delivering, under its own lock; ``share`` is what it begins with."""
    from digestbot.pipeline.deliver import Deliverer

    smtp = installation.settings.smtp
    outbox = installation.store.outbox
    outbox.open_run(randomness.token_hex(8), _rate_limits(installation.settings))
    try:
        yield Deliverer(
            outbox=outbox,
            bounces=recorder(installation),
            letters=installation.letters,
            connect=partial(_connect, installation),
            connections=smtp.connections if smtp.host else 1,
            on_uncertain=smtp.on_uncertain,
            chance=random.random,
            share=share,
        )
    finally:
        outbox.close_run()


def delivering_processes(settings: Settings) -> int:
    """Return how many processes deliver when there is much to do."""
    smtp = settings.smtp
    return (smtp.workers or os.cpu_count() or 1) if smtp.host else 1


def server_of(installation: Installation) -> Server | None:
    """Return the server that takes the mails, ``None`` when they become files."""
    smtp = installation.settings.smtp
    if not smtp.host:
        return None
    from digestbot.mail.smtp import Server

    return Server(
        host=smtp.host,
        port=smtp.port,
        security=smtp.security,
        username=smtp.username,
        password=installation.secrets.smtp_password,
    )


def tell_of_stop(installation: Installation, outcome: Outcome, now: datetime) -> str:
    """Log that mail does not go out and let a mail to the admin wait, if somebody has to look.

    Return who is told how, in a sentence; empty when nobody has to look.
    """
    from digestbot.pipeline.stoppages import Alarm

    settings, store = installation.settings, installation.store
    alarm = Alarm(
        undone=store.undone,
        outbox=store.outbox,
        suppressions=store.suppressions,
        admin=settings.mail.admin,
        domain=installation.sender.domain,
        server=f"{settings.smtp.host}:{settings.smtp.port}" if settings.smtp.host else "",
    )
    return alarm.tell(outcome, now)


def _connect(installation: Installation) -> Connection:
    server = server_of(installation)
    if server is None:
        from digestbot.mail.folder import MailFolder

        return MailFolder(installation.settings.path("mailbox"))
    from digestbot.mail.smtp import SmtpConnection

    return SmtpConnection(server)


def _rate_limits(settings: Settings) -> RateLimits:
    smtp = settings.smtp
    return RateLimits(
        server=f"server {smtp.host}:{smtp.port}",
        per_second=smtp.per_second,
        per_hour=smtp.per_hour,
        per_domain=smtp.per_domain,
    )
