"""What reads the mails that come back, put together for the commands and jobs that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digestbot.errors import SettingsError

if TYPE_CHECKING:
    from digestbot.cli.installation import Installation
    from digestbot.mail.mailboxes import Mailbox
    from digestbot.pipeline.bounces import Bounces
    from digestbot.pipeline.incoming import Incoming


def recorder(installation: Installation) -> Bounces:
    """Return what records bounces, wherever they come from."""
    from digestbot.pipeline.bounces import Bounces

    store = installation.store
    return Bounces(ledger=store.bounces, suppressions=store.suppressions, subscribers=store.subscribers)


def incoming(installation: Installation) -> Incoming:
    """Return what acts on mails; raise ``SettingsError`` when there is no domain that they can come back to."""
    from digestbot.pipeline.incoming import Incoming

    addresses = installation.addresses
    if addresses is None:
        raise SettingsError("[mail] bounce_domain is empty, so no mail can come back; set it first")
    return Incoming(
        addresses=addresses,
        subscribers=installation.store.subscribers,
        bounces=recorder(installation),
        domain=installation.sender.domain,
    )


def mailbox(installation: Installation) -> Mailbox | None:
    """Return the mailbox that is to be polled, ``None`` when mails are piped, or come by webhooks."""
    settings = installation.settings
    bounces = settings.bounces
    if bounces.kind == "none":
        return None
    from digestbot.mail.mailboxes import ImapAccount, ImapMailbox, MaildirMailbox

    if bounces.kind == "maildir":
        return MaildirMailbox(settings.maildir, bounces.folder)
    return ImapMailbox(
        ImapAccount(
            host=bounces.host,
            port=bounces.port,
            security=bounces.security,
            username=bounces.username,
            password=installation.secrets.bounces_password,
            mailbox=bounces.mailbox,
            folder=bounces.folder,
        )
    )
