"""``subscriber``: who receives digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import click

from digestbot.cli.addresses import valid_address
from digestbot.cli.choices import Choices, Chosen, categories_without_papers, choosing
from digestbot.cli.importing import export, import_
from digestbot.cli.installation import Installation
from digestbot.cli.naming import fetch_missing, named_papers
from digestbot.cli.output import show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now
from digestbot.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from digestbot.models import Subscriber


@click.group()
def subscriber() -> None:
    """Add, show, edit, list, import, export and remove subscribers."""


subscriber.add_command(import_)
subscriber.add_command(export)


@subscriber.command()
@click.argument("email")
@choosing
@click.option("--like", multiple=True, metavar="PAPER", help="A paper to learn from at once: an id or an address.")
@click.option("--confirmed", is_flag=True, help="Active at once, without a mail that asks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add(
    program: Program,
    email: str,
    like: tuple[str, ...],
    confirmed: bool,
    as_json: bool,
    **chosen: Unpack[Chosen],
) -> None:
    """Add a subscriber, who is asked by mail to confirm, unless --confirmed.

    A paper of arXiv that was never loaded is fetched.
    """
    from digestbot.digest.compose import confirm_delivery
    from digestbot.models import LIKE, SubscriberState

    address = valid_address(email)
    choices = Choices.read(**chosen)
    liked = named_papers(like)
    with program.installation() as installation:
        store = installation.store
        preferences = choices.after(_who_was_here(installation, address))
        # Whoever is added with likes has all of them: a paper that cannot be had is found before.
        fetch_missing(installation, liked)
        state = SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING
        now = utc_now()
        added = store.subscribers.add(address, state, preferences, now)
        store.ratings.record(added.id, dict.fromkeys(liked, LIKE), now=now, origin="cli")
        if not confirmed:
            domain = installation.sender.domain
            store.outbox.add(confirm_delivery(added, domain=domain, now=now))
        _warn_of_categories(installation, choices)
        value = _value(added)
    if as_json:
        show_json(value)
    else:
        what = "is active" if confirmed else "is pending; the mail that asks goes out with the next send"
        click.echo(f"{added.email} {what}")


@subscriber.command()
@click.argument("email")
@choosing
@click.option("--unfollow", multiple=True, metavar="TEXT", help="Take back a --follow.")
@click.option("--unmute", multiple=True, metavar="TEXT", help="Take back a --mute.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def edit(
    program: Program,
    email: str,
    unfollow: tuple[str, ...],
    unmute: tuple[str, ...],
    as_json: bool,
    **chosen: Unpack[Chosen],
) -> None:
    """Change what a subscriber chose; all of it or, if something is wrong, nothing."""
    choices = Choices.read(**chosen, unfollow=unfollow, unmute=unmute)
    if choices == Choices():
        raise UsageError(
            "there is nothing to change; give --timezone, --send-at, --days, --language, --papers, --categories,"
            " --follow, --unfollow, --mute or --unmute"
        )
    with program.installation() as installation:
        found = installation.subscriber(email)
        edited = installation.store.subscribers.edit(found.id, choices.after, utc_now())
        _warn_of_categories(installation, choices)
        value = _whole_value(installation, edited)
    _show_whole(value, as_json=as_json)


@subscriber.command()
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(program: Program, email: str, as_json: bool) -> None:
    """Show one subscriber, with ratings and the next digest."""
    with program.installation() as installation:
        value = _whole_value(installation, installation.subscriber(email))
    _show_whole(value, as_json=as_json)


@subscriber.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(program: Program, as_json: bool) -> None:
    """List all subscribers."""
    with program.installation() as installation:
        found = installation.store.subscribers.all()
    if as_json:
        show_json([_value(one) for one in found])
    elif not found:
        click.echo("no subscribers yet: digestbot subscriber add EMAIL")
    else:
        show_table(
            ["email", "state", "send at", "time zone", "days", "papers"],
            [
                (one.email, one.state, one.send_at.strftime("%H:%M"), one.timezone, one.days, one.papers)
                for one in found
            ],
        )


@subscriber.command()
@click.argument("email")
@click.pass_obj
def remove(program: Program, email: str) -> None:
    """End a subscription; its history stays, for a return."""
    from digestbot.models import SubscriberState

    with program.installation() as installation:
        found = installation.subscriber(email)
        ended = SubscriberState.UNSUBSCRIBED
        others = set(SubscriberState) - {SubscriberState.BOUNCED}
        installation.store.subscribers.set_state(found.id, ended, utc_now(), among=others)
        state = installation.store.subscribers.get(found.id).state
    click.echo(f"{found.email} is {state}" + ("; nothing is mailed there" if state != ended else ""))


def _who_was_here(installation: Installation, address: str) -> Subscriber | None:
    try:
        return installation.store.subscribers.by_email(address)
    except NotFoundError:
        return None


def _warn_of_categories(installation: Installation, choices: Choices) -> None:
    # Somebody new gets nothing but papers of these: a mistake would end the mail without a word.
    without = categories_without_papers(installation.store, choices.categories or ())
    if without:
        click.echo(
            f"digestbot: no paper here is in the category {', '.join(without)}; is that how it is written?", err=True
        )


def _whole_value(installation: Installation, subscriber: Subscriber) -> dict[str, Any]:
    from digestbot import schedule
    from digestbot.models import SubscriberState

    store = installation.store
    last_day = store.digests.last_day(subscriber.id)
    return _value(subscriber) | {
        "ratings": [
            {"paper_id": rating.paper_id, "value": rating.value, "rated_at": rating.rated_at.isoformat()}
            for rating in store.ratings.of([subscriber.id])[subscriber.id]
        ],
        "suppressed": bool(store.suppressions.suppressed([subscriber.email])),
        "last_local_day": last_day.isoformat() if last_day else None,
        "next_due": (
            schedule.next_due(utc_now(), subscriber, last_day).isoformat()
            if subscriber.state == SubscriberState.ACTIVE
            else None
        ),
    }


def _show_whole(value: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(value)
        return
    likes = sum(rating["value"] > 0 for rating in value["ratings"])
    shown = value | {
        "categories": value["categories"] or "all",
        "ratings": f"{likes} likes, {len(value['ratings']) - likes} dislikes",
    }
    show_table(["", ""], [(name.replace("_", " "), _text(one)) for name, one in shown.items()])


def _value(subscriber: Subscriber) -> dict[str, object]:
    return {
        "id": str(subscriber.id),
        "email": subscriber.email,
        "state": str(subscriber.state),
        "timezone": subscriber.timezone,
        "send_at": subscriber.send_at.strftime("%H:%M"),
        "days": subscriber.days,
        "language": subscriber.language,
        "papers": subscriber.papers,
        "categories": list(subscriber.categories),
        "follows": list(subscriber.follows),
        "mutes": list(subscriber.mutes),
        "created_at": subscriber.created_at.isoformat(),
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
