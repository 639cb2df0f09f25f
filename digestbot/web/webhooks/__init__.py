"""Webhooks: what mail providers tell us about mails that bounced, and about readers who complained or left.

Nothing that a request says is believed before its provider's signature, or password, has been checked.
"""

from digestbot.web.webhooks.providers import configured
from digestbot.web.webhooks.receiving import Webhooks

__all__ = ["Webhooks", "configured"]
