"""What asks sources and watches them, put together for the commands and jobs that load.

Loads all that asks: for commands whose help must come at once, when they need it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import stamina.instrumentation

from digestbot.cli.installation import Installation
from digestbot.cli.registry import registry, watched
from digestbot.cli.times import utc_now
from digestbot.errors import UsageError
from digestbot.pipeline import alerts
from digestbot.pipeline.watch import Pace, Report, is_awaited, report
from digestbot.settings import Settings
from digestbot.sources import Source
from digestbot.sources.arxiv import ArxivApi
from digestbot.sources.client import Client


def client(settings: Settings) -> Client:
    """Return the HTTP client for sources."""
    # A retry that helps is not news; one that does not is said once, by whoever asked.
    stamina.instrumentation.set_on_retry_hooks(())
    database = settings.path("database")
    return Client(
        folder=database.with_name(f"{database.name}.http"),
        clock=utc_now,
        contact=settings.mail.reply_to or settings.mail.admin,
        allowed=settings.sources.urls,
        patience=settings.sources.patience,
    )


def sources(settings: Settings, client: Client, names: tuple[str, ...]) -> list[Source]:
    """Return the sources of these names, enabled or not; without names, the enabled ones."""
    known = registry(settings.sources, client)
    for name in names:
        if name not in known:
            raise UsageError(f"there is no source '{name}'; there are: {', '.join(known)}")
    chosen = names or [one.name for one in watched(settings.sources) if one.enabled]
    return [known[name]() for name in dict.fromkeys(chosen)]


def arxiv_api(settings: Settings, client: Client) -> ArxivApi:
    """Return what completes single papers of arXiv."""
    arxiv = settings.sources.arxiv
    return ArxivApi(client=client, url=arxiv.api_url, pace=arxiv.pace)


def pace(settings: Settings) -> Pace:
    """Return how often sources are asked, and how long digests wait for them."""
    schedule = settings.schedule
    return Pace(
        load_every=timedelta(minutes=schedule.load_every_minutes),
        poll_every=timedelta(minutes=schedule.poll_every_minutes),
        wait=timedelta(minutes=schedule.wait_minutes),
    )


def source_reports(installation: Installation, now: datetime) -> list[Report]:
    """Return how each source is doing."""
    settings, loads = installation.settings, installation.store.loads
    return [report(one, loads.history(one.name, now), now, pace(settings)) for one in watched(settings.sources)]


def awaits_papers(installation: Installation, now: datetime) -> bool:
    """Return whether today's papers are still to come from a source that digests wait for."""
    loads = installation.store.loads
    return any(is_awaited(one, loads.history(one.name, now), now) for one in watched(installation.settings.sources))


def raise_alarm(installation: Installation, now: datetime) -> None:
    """Log which sources are silent or fail, and put a mail to the admin into the outbox, once a day."""
    alerts.raise_alarm(
        source_reports(installation, now),
        now,
        outbox=installation.store.outbox,
        suppressions=installation.store.suppressions,
        admin=installation.settings.mail.admin,
        domain=installation.sender.domain,
    )
