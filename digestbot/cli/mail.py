"""``mail``: whether mail gets out, and what the server says to it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from digestbot.cli.addresses import valid_address
from digestbot.cli.installation import Installation
from digestbot.cli.mailing import server_of
from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now

if TYPE_CHECKING:
    from digestbot.mail.smtp import Server
    from digestbot.mail.trial import Trial

# No subscriber has this id: the address that a test mail comes back to is made like theirs, and is nobody's.
_NOBODY = 0
_SECURITY = {"none": "without TLS", "starttls": "with STARTTLS", "tls": "with TLS"}


@click.group()
def mail() -> None:
    """Whether mail gets out."""


@mail.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def test(program: Program, address: str, as_json: bool) -> int:
    """Send one test mail to ADDRESS at once, and explain what the server says."""
    to = valid_address(address)
    with program.installation() as installation:
        addresses, server = installation.addresses, server_of(installation)
        sender = addresses.bounce(_NOBODY) if addresses else installation.sender.address
        message = _message(installation, to, sender, utc_now())
        trial = _hand_over(installation, server, sender, to, message)
        signed = installation.signer is not None
    if as_json:
        about = {
            "address": to,
            "sender": sender,
            "server": f"{server.host}:{server.port}" if server else None,
            "security": server.security if server else None,
            "signed": signed,
        }
        steps = [asdict(one) | {"said": printable(one.said)} for one in trial.steps]
        show_json(about | {"taken": trial.taken, "steps": steps} | asdict(trial.explanation))
    else:
        click.echo(f"{_place(server)}; from {sender} to {to}; {'signed' if signed else 'not signed'}\n")
        show_table(
            ["step", "outcome", "what was said"],
            [(one.step, one.outcome, printable(f"{one.code or ''} {one.said}".strip())) for one in trial.steps],
            wraps=["what was said"],
        )
        click.echo(f"What it means: {trial.explanation.means}.")
        click.echo(f"What to do: {trial.explanation.advice}.")
    if not trial.taken:
        click.echo(f"digestbot: the mail was not taken; {trial.explanation.advice}", err=True)
    return 0 if trial.taken else 1


def _hand_over(installation: Installation, server: Server | None, sender: str, to: str, message: bytes) -> Trial:
    if server is None:
        from digestbot.mail.folder import MailFolder
        from digestbot.mail.trial import written

        path = asyncio.run(MailFolder(installation.settings.path("mailbox")).send(sender, to, message))
        return written(path)
    from digestbot.mail.trial import try_delivery

    return asyncio.run(try_delivery(server, sender, to, message))


def _message(installation: Installation, to: str, return_path: str, now: datetime) -> bytes:
    """Return the test mail, signed if mails are."""
    from digestbot.mail.message import Draft, build

    sender, signer, server = installation.sender, installation.signer, server_of(installation)
    facts = [
        ("From", sender.sender),
        ("To", to),
        ("Comes back to", return_path),
        ("Handed to", _place(server)),
        ("Signed", f"by {signer.domain}, with an RSA and an Ed25519 key" if signer else "no"),
        ("Written", f"{now:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    subject = f"digestbot: a test mail, {now:%Y-%m-%d %H:%M:%S} UTC"
    rendered = installation.renderer.trial(subject, facts)
    draft = Draft(
        to=to,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        message_id=f"<test.{now:%Y%m%dT%H%M%S.%f}@{sender.domain}>",
        date=now,
        extra=[("Auto-Submitted", "auto-generated")],
    )
    message = build(draft, sender)
    return signer.sign(message, now) if signer else message


def _place(server: Server | None) -> str:
    return f"{server.host}:{server.port}, {_SECURITY[server.security]}" if server else "a folder of this machine"
