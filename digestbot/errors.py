"""Every error the program raises on purpose, split where the caller acts differently."""

from __future__ import annotations


class DigestbotError(Exception):
    """Something that a person can act on; its text says what to do."""


class SettingsError(DigestbotError):
    """A setting is wrong or unknown, or the secret file cannot be used. Exit 2."""


class UsageError(DigestbotError):
    """An argument makes no sense: an address, a time zone, a day. Exit 2."""


class NotFoundError(DigestbotError):
    """What was asked for is not in the store."""


class ConflictError(DigestbotError):
    """It is there already, or its state forbids the change."""


class StoreError(DigestbotError):
    """The database cannot be used."""


class StoreNotNowError(StoreError):
    """The database cannot be written for now: nothing of this step was stored, and it can be done again."""


class FullDiskError(StoreNotNowError):
    """There is no room on the disk."""


class LockedStoreError(StoreNotNowError):
    """Another program holds the database."""


class ForeignDatabaseError(StoreError):
    """The file belongs to another program, or to a newer version of this one."""


class SourceError(DigestbotError):
    """A source gave nothing that can be used; the other sources go on."""


class SourceUnavailableError(SourceError):
    """The source did not answer, or answered with an error. Try again later."""


class SourceFormatError(SourceError):
    """What the source sent cannot be read."""


class RenderError(DigestbotError):
    """A template is missing or wrong: no mail can be made from it."""


class LinkError(DigestbotError):
    """A token was not signed by us, is for another purpose, or has expired."""


class NoBounceError(DigestbotError):
    """A mail that is no report on a mail of ours."""


class BounceError(DigestbotError):
    """A report that counts against nobody: forged, of somebody unknown, of somebody else's mail. Nothing changed."""


class MailboxError(DigestbotError):
    """The mailbox that bounces come to cannot be used now. Try again later."""


class DeliveryError(DigestbotError):
    """One mail did not go out; ``code`` and ``text`` are the server's words, if it said any."""

    def __init__(self, problem: str, *, code: int | None = None, text: str = "") -> None:
        super().__init__(problem)
        self.code = code
        self.text = text


class DeferredError(DeliveryError):
    """Try again later: 4xx, or the line broke before the data."""


class GreylistedError(DeferredError):
    """A server that takes mail only from those who come back: try again in some minutes."""


class ServerBusyError(DeferredError):
    """421: the server has enough for now. The line is closed, and the next mails come more slowly."""


class FullMailboxError(DeliveryError):
    """The mailbox is full: for now, 4.2.2, or for good, 5.2.2. When it stays so for days, nobody reads it."""


class RejectedError(DeliveryError):
    """This mail will not be taken, and it says nothing about the address: other 5xx."""


class RefusedError(DeliveryError):
    """This address will not take it: 5.1.x. Suppress it."""


class SenderRefusedError(DeliveryError):
    """It is us they refuse: 5.7.x. When others are, too, stop the run; suppress nobody."""


class UnwelcomeError(SenderRefusedError):
    """It is us, whoever a mail is for: a failed login, a sender they do not take. Stop the run."""


class ServerUnavailableError(DeliveryError):
    """There is no connection now: nothing was tried. When none can be had, stop the run."""


class ExpiredError(DeliveryError):
    """It waited for so long that nobody wants it any more: it is not sent."""


class UncertainError(DeliveryError):
    """The line broke after the data: it may have arrived."""
