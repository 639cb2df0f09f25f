"""``bounce``: mail that came back to an address of ours, from a mail server's pipe."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from digestbot.cli.installation import Installation
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now
from digestbot.errors import DigestbotError, LinkError, SettingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from digestbot.links import AddressPurpose, SignedAddresses
    from digestbot.models import SubscriberId

# Nobody's headers are longer.
_HEAD_BYTES = 2**20
# What is below them is read and thrown away: a server whose pipe is shut before it is empty takes that for a failure.
_MOST_BYTES = 2**27


@click.command()
@click.pass_obj
def bounce(program: Program) -> None:
    """Read one mail on stdin that came back to [mail] bounce_domain, and act on it.

    A mail to the address of List-Unsubscribe ends that subscription at once. Bounces are refused by this version: a
    later one reads them. For a mail server's pipe: exit 0 when it is done, 1 when nothing could be done with the mail.
    """
    from digestbot.mail.received import read_head

    received = read_head(_read_stdin())
    with program.installation() as installation:
        addresses = installation.addresses
        if addresses is None:
            raise SettingsError("[mail] bounce_domain is empty, so no mail can come back; set it first")
        leaving = list(_subscribers(addresses, "u", received.recipients))
        if not leaving:
            if any(_subscribers(addresses, "b", received.recipients)):
                raise DigestbotError("this is a bounce, which this version does not read; nothing was changed")
            raise DigestbotError("this mail is to no address that we have made; nothing was changed")
        if received.automatic:
            raise DigestbotError(f"a program wrote this mail ({received.automatic}), and nobody; nothing was changed")
        ended = [_unsubscribe(installation, one) for one in leaving]
    click.echo("unsubscribed" if any(ended) else "nothing to do: this subscription had ended already")


def _subscribers(
    addresses: SignedAddresses, purpose: AddressPurpose, recipients: Iterable[str]
) -> Iterator[SubscriberId]:
    for address in recipients:
        with suppress(LinkError):
            yield addresses.read(purpose, address)


def _unsubscribe(installation: Installation, identifier: SubscriberId) -> bool:
    """End a subscription as the web page does; say whether that changed anything."""
    from digestbot.pipeline import subscriptions

    store, domain = installation.store, installation.sender.domain
    subscriber = store.subscribers.find(identifier)
    return subscriber is not None and subscriptions.end(
        store.subscribers, store.outbox, subscriber, domain=domain, now=utc_now()
    )


def _read_stdin() -> bytes:
    """Return the beginning of the mail on stdin."""
    given: TextIO | None = sys.stdin
    if given is None or given.isatty():
        raise UsageError("give the mail on stdin: digestbot bounce < message.eml")
    try:
        head = given.buffer.read(_HEAD_BYTES)
        _drain(given.buffer)
    except OSError as error:
        raise DigestbotError(f"the mail on stdin cannot be read: {error.strerror}") from error
    return head


def _drain(stream: BinaryIO) -> None:
    drained = 0
    while drained < _MOST_BYTES and (chunk := stream.read(_HEAD_BYTES)):
        drained += len(chunk)
