"""The webhooks, put together: which mail providers are set up, and what becomes of what they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digestbot.cli.bouncing import recorder
from digestbot.cli.times import Clock, utc_now
from digestbot.pipeline.departures import Departures
from digestbot.web.webhooks import Webhooks, configured
from digestbot.web.webhooks.events import Provider
from digestbot.web.webhooks.fetching import fetch
from digestbot.web.webhooks.sns import Fetch

if TYPE_CHECKING:
    from digestbot.cli.installation import Installation
    from digestbot.settings import Secrets, Settings


def providers(settings: Settings, secrets: Secrets, *, fetch: Fetch = fetch) -> dict[str, Provider]:
    """Return the providers that are set up, by the last part of their address; ``fetch`` is for Amazon SES.

    Raises ``SettingsError`` for a topic or a key that can be none.
    """
    bounces = settings.bounces
    return configured(
        fetch=fetch,
        ses_topic=bounces.ses.topic,
        mailgun_signing_key=secrets.mailgun_signing_key,
        postmark_username=bounces.postmark.username,
        postmark_password=secrets.postmark_password,
        sendgrid_public_key=bounces.sendgrid.public_key,
    )


def webhooks(installation: Installation, *, clock: Clock = utc_now, fetch: Fetch = fetch) -> Webhooks | None:
    """Return what takes in what providers tell, ``None`` when none is set up; raise as ``providers`` does."""
    found = providers(installation.settings, installation.secrets, fetch=fetch)
    if not found:
        return None
    store = installation.store
    return Webhooks(
        providers=found,
        bounces=recorder(installation),
        subscriptions=Departures(ledger=store.bounces, subscribers=store.subscribers),
        clock=clock,
    )
