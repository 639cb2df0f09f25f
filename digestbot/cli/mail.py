"""``mail``: whether mail gets out, and what the server says to it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from digestbot.cli.addresses import valid_address
from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Installation, Program, utc_now
from digestbot.errors import RenderError

if TYPE_CHECKING:
    from digestbot.mail.smtp import Server

# No subscriber has this id: the address that a test mail comes back to is made like theirs, and is nobody's.
_NOBODY = 0
_SECURITY = {"none": "without TLS", "starttls": "with STARTTLS", "tls": "with TLS"}
_CLOSING = (
    "Look at its source: SPF, DKIM and DMARC should say pass. If it lay among the spam, say that it is none; mails to"
    " others may lie there too."
)


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
        addresses, server = installation.addresses, installation.server
        sender = addresses.bounce(_NOBODY) if addresses else installation.sender.address
        message = _message(installation, to, sender, utc_now())
        found = _hand_over(installation, server, sender, to, message)
        signed = installation.signer is not None
    if as_json:
        about = {
            "address": to,
            "sender": sender,
            "server": f"{server.host}:{server.port}" if server else None,
            "security": server.security if server else None,
            "signed": signed,
        }
        show_json(about | asdict(found))
    else:
        click.echo(f"{_place(server)}; from {sender} to {to}; {'signed' if signed else 'not signed'}\n")
        show_table(
            ["step", "outcome", "what was said"],
            [(one.step, one.outcome, f"{one.code or ''} {one.said}".strip()) for one in found.steps],
            wraps=["what was said"],
        )
        click.echo(f"What it means: {found.means}.")
        click.echo(f"What to do: {found.advice}.")
    if not found.taken:
        click.echo(f"digestbot: the mail was not taken; {found.advice}", err=True)
    return 0 if found.taken else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    step: str
    outcome: str
    code: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    taken: bool
    steps: list[_Line]
    means: str
    advice: str


def _hand_over(installation: Installation, server: Server | None, sender: str, to: str, message: bytes) -> _Found:
    if server is None:
        from digestbot.mail.folder import MailFolder

        path = asyncio.run(MailFolder(installation.settings.path("mailbox")).send(sender, to, message))
        return _Found(
            taken=True,
            steps=[_Line(step="file", outcome="ok", said=path)],
            means="[smtp] host is empty, so mails become files and reach nobody",
            advice="set [smtp] host when they shall",
        )
    from digestbot.mail.trial import try_delivery

    trial = asyncio.run(try_delivery(server, sender, to, message))
    return _Found(
        taken=trial.taken,
        steps=[
            _Line(step=one.step, outcome=str(one.outcome), code=one.code, said=printable(one.said))
            for one in trial.steps
        ],
        means=trial.explanation.means,
        advice=trial.explanation.advice,
    )


def _message(installation: Installation, to: str, return_path: str, now: datetime) -> bytes:
    """Return the test mail, signed if mails are."""
    from digestbot.mail.message import Draft, build

    sender, signer, server = installation.sender, installation.signer, installation.server
    facts = [
        ("From", sender.sender),
        ("To", to),
        ("Comes back to", return_path),
        ("Handed to", _place(server)),
        ("Signed", f"by {signer.domain}, with an RSA and an Ed25519 key" if signer else "no"),
        ("Written", f"{now:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    subject = f"digestbot: a test mail, {now:%Y-%m-%d %H:%M:%S} UTC"
    html, text = (_rendered(installation, kind, subject, facts) for kind in ("html", "txt"))
    draft = Draft(
        to=to,
        subject=subject,
        text=text,
        html=html,
        message_id=f"<test.{now:%Y%m%dT%H%M%S.%f}@{sender.domain}>",
        date=now,
        extra=[("Auto-Submitted", "auto-generated")],
    )
    message = build(draft, sender)
    return signer.sign(message, now) if signer else message


def _rendered(installation: Installation, kind: str, subject: str, facts: list[tuple[str, str]]) -> str:
    import jinja2

    name = f"email/test.{kind}.j2"
    try:
        return installation.templates.get_template(name).render(
            lang="en", subject=subject, facts=facts, closing=_CLOSING
        )
    except (jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RenderError(f"template {name}: {error}") from error


def _place(server: Server | None) -> str:
    return f"{server.host}:{server.port}, {_SECURITY[server.security]}" if server else "a folder of this machine"
