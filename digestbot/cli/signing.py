"""What signs mails, put together of the settings and the keys."""

from __future__ import annotations

from digestbot.mail.dkim import Signer
from digestbot.settings import Settings
from digestbot.settings.dkim_keys import SigningKeys, signing_domain


def signer(settings: Settings, keys: SigningKeys) -> Signer:
    """Return what signs for the domain of the settings with these keys."""
    return Signer(
        domain=signing_domain(settings),
        selector_rsa=settings.dkim.selector_rsa,
        rsa=keys.rsa,
        selector_ed25519=settings.dkim.selector_ed25519,
        ed25519=keys.ed25519,
    )
