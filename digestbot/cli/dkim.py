"""``dkim``: the keys that sign mails, and what the DNS has to say of them."""

from __future__ import annotations

import click

from digestbot.cli.output import show_json
from digestbot.cli.program import Program


@click.group()
def dkim() -> None:
    """The keys that sign mails."""


@dkim.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def generate(program: Program, as_json: bool) -> None:
    """Make the keys that are not there yet, and print the DNS record of each; never overwrite."""
    from digestbot.cli.signing import signer
    from digestbot.settings.dkim_keys import make_keys, read_keys, signing_domain

    settings = program.settings
    domain = signing_domain(settings)
    made = make_keys(settings)
    # Of what is in the files: they may have been there before.
    records = signer(settings, read_keys(settings)).records()
    if as_json:
        show_json(
            [
                {"name": record.name, "type": "TXT", "value": record.value, "key": str(path), "made": new}
                for record, (path, new) in zip(records, made.items(), strict=True)
            ]
        )
    else:
        for record in records:
            click.echo(str(record))
    # Besides the records, which can be sent straight into a zone file.
    for path, new in made.items():
        click.echo(f"wrote {path}: keep a copy of it" if new else f"kept {path}", err=True)
    if "." not in domain:
        click.echo(f"nobody can look up {domain}: set [mail] sender, or [dkim] domain, and print these again", err=True)
    elif settings.dkim.sign is False:
        click.echo("mails are not signed with them: [dkim] sign is false", err=True)
    else:
        click.echo("next: publish these records before the next mail, since every mail is signed from now on", err=True)
