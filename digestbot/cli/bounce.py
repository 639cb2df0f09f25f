"""``bounce``: mail that came back to an address of ours, from a mail server's pipe."""

from __future__ import annotations

import sys
from typing import BinaryIO, TextIO

import click

from digestbot.cli.bouncing import incoming
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now
from digestbot.errors import DigestbotError, StoreError, UsageError

# EX_TEMPFAIL of sysexits.h, by which a mail server knows that it is to keep the mail. os.EX_TEMPFAIL is POSIX alone.
_TRY_AGAIN = 75
_CHUNK = 2**20
# What is below the beginning is read and thrown away: a server whose pipe is shut before it is empty takes that for a
# failure.
_MOST_BYTES = 2**27


@click.command()
@click.pass_obj
def bounce(program: Program) -> int:
    """Read one mail on stdin that came back to [mail] bounce_domain, and act on it.

    A lasting failure or a complaint suppresses the address, failures on five days do, and a mail to the address of
    List-Unsubscribe ends that subscription at once. For a mail server's pipe: exit 0 when it is done, or when there
    is nothing to do; 1 when nothing could be done with the mail; 75 when the database cannot be used now, after which
    a mail server keeps the mail and tries again.
    """
    from digestbot.mail.received import MOST_BYTES

    content = _read_stdin(MOST_BYTES)
    try:
        with program.installation() as installation:
            done = incoming(installation).take(content, utc_now())
    except StoreError as error:
        click.echo(f"digestbot: {error}", err=True)
        return _TRY_AGAIN
    click.echo(done.text)
    return 0


def _read_stdin(limit: int) -> bytes:
    """Return the beginning of the mail on stdin."""
    given: TextIO | None = sys.stdin
    if given is None or given.isatty():
        raise UsageError("give the mail on stdin: digestbot bounce < message.eml")
    try:
        content = given.buffer.read(limit)
        _drain(given.buffer)
    except OSError as error:
        raise DigestbotError(f"the mail on stdin cannot be read: {error.strerror}") from error
    return content


def _drain(stream: BinaryIO) -> None:
    drained = 0
    while drained < _MOST_BYTES and (chunk := stream.read(_CHUNK)):
        drained += len(chunk)
