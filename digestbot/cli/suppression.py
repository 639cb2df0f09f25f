"""``suppression``: the addresses that must not be mailed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digestbot.cli.addresses import stored_form, valid_address
from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now
from digestbot.errors import NotFoundError

if TYPE_CHECKING:
    from digestbot.store.suppressions import Suppression

# Enough to tell addresses apart, and to find one again that somebody asks about.
_SHOWN_OF_HASH = 12

# What the store calls the causes, in words.
_BY = {
    "hard": "a lasting failure",
    "soft": "failures on several days",
    "complaint": "a complaint",
    "admin": "the admin",
    "import": "an imported file",
}


@click.group()
def suppression() -> None:
    """List, add and remove addresses that must not be mailed."""


@suppression.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(program: Program, as_json: bool) -> None:
    """List all of them, the oldest first, with what led to each and what the server or you said.

    Addresses are kept as hashes: one is shown only as long as a subscriber has it.
    """
    with program.installation() as installation:
        found = installation.store.suppressions.all()
    if as_json:
        show_json([_value(one) for one in found])
    elif not found:
        click.echo("no address is suppressed")
    else:
        show_table(
            ["address", "hash", "since", "by", "reason"],
            [
                (
                    one.email or "no subscriber's",
                    one.address_hash[:_SHOWN_OF_HASH],
                    one.since.strftime("%Y-%m-%d %H:%M"),
                    _BY[one.cause],
                    one.reason,
                )
                for one in found
            ],
        )


@suppression.command()
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
@click.option("--reason", default="by hand", show_default=True, help="Why, for whoever looks later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add(program: Program, emails: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Never mail these addresses again; a subscriber with one counts as bounced."""
    addresses = list(dict.fromkeys(valid_address(email) for email in emails))
    with program.installation() as installation:
        suppressions = installation.store.suppressions
        done = {one: suppressions.suppress(one, printable(reason), utc_now()) for one in addresses}
    _show(done, "is suppressed", "was suppressed already", as_json=as_json)


@suppression.command()
@click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def remove(program: Program, emails: tuple[str, ...], as_json: bool) -> None:
    """Allow mails to these addresses again.

    Nobody is mailed by that alone: a subscriber who had bounced counts as one who has left, until added again.
    """
    addresses = list(dict.fromkeys(stored_form(email) for email in emails))
    with program.installation() as installation:
        suppressions = installation.store.suppressions
        done = {one: suppressions.unsuppress(one, utc_now()) for one in addresses}
    _show(
        done,
        "can be mailed again; 'digestbot subscriber add' takes a subscriber back",
        "was not suppressed",
        as_json=as_json,
    )
    missing = [one for one, found in done.items() if not found]
    if missing:
        raise NotFoundError(f"{', '.join(missing)}: not suppressed; see 'digestbot suppression list'")


def _show(done: dict[str, bool], new: str, known: str, *, as_json: bool) -> None:
    if as_json:
        show_json([{"email": one, "changed": changed} for one, changed in done.items()])
        return
    for one, changed in done.items():
        click.echo(f"{printable(one)} {new if changed else known}")


def _value(one: Suppression) -> dict[str, object]:
    return {
        "email": one.email or None,
        "address_hash": one.address_hash,
        "since": one.since.isoformat(),
        "cause": one.cause,
        "reason": one.reason,
    }
