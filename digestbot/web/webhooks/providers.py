"""Which providers are set up."""

from __future__ import annotations

from digestbot.web.webhooks.events import Provider
from digestbot.web.webhooks.mailgun import Mailgun
from digestbot.web.webhooks.postmark import Postmark
from digestbot.web.webhooks.sendgrid import SendGrid, public_key
from digestbot.web.webhooks.ses import AmazonSes
from digestbot.web.webhooks.sns import Fetch, topic


def configured(
    *,
    fetch: Fetch,
    ses_topic: str = "",
    mailgun_signing_key: str = "",
    postmark_username: str = "digestbot",
    postmark_password: str = "",
    sendgrid_public_key: str = "",
) -> dict[str, Provider]:
    """Return the providers of which there is a topic, a key or a password, by the last part of their address.

    ``fetch`` is only used for Amazon SES. Raises ``SettingsError`` for a topic or a key that can be none.
    """
    found: dict[str, Provider] = {}
    if ses_topic:
        found["ses"] = AmazonSes(topic(ses_topic), fetch)
    if mailgun_signing_key:
        found["mailgun"] = Mailgun(mailgun_signing_key)
    if postmark_password:
        found["postmark"] = Postmark(postmark_username, postmark_password)
    if sendgrid_public_key:
        found["sendgrid"] = SendGrid(public_key(sendgrid_public_key))
    return found
