"""``subscriber``: who receives digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digestbot.cli.addresses import valid_address
from digestbot.cli.output import show_json, show_table
from digestbot.cli.program import Program, utc_now

if TYPE_CHECKING:
    from digestbot.models import Subscriber


@click.group()
def subscriber() -> None:
    """Add, show, list and remove subscribers."""


@subscriber.command()
@click.argument("email")
@click.option("--timezone", metavar="Z", help="An IANA name such as Europe/Berlin.")
@click.option("--send-at", metavar="HH:MM", help="When the mail is due, on the subscriber's clock.")
@click.option("--days", metavar="DAYS", help="daily, weekdays, weekly (Fridays), or a list such as mon,thu.")
@click.option("--papers", type=click.IntRange(1, 50), metavar="N", help="At most so many papers in a mail.")
@click.option("--categories", metavar="LIST", help="What to choose from before the first like, such as cs.IR,cs.CL.")
@click.option("--confirmed", is_flag=True, help="Active at once, without a mail that asks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def add(
    program: Program,
    email: str,
    timezone: str | None,
    send_at: str | None,
    days: str | None,
    papers: int | None,
    categories: str | None,
    confirmed: bool,
    as_json: bool,
) -> None:
    """Add a subscriber, who is asked by mail to confirm, unless --confirmed."""
    from digestbot.digest.compose import confirm_delivery
    from digestbot.models import SubscriberState, canonical_days, parse_time, zone
    from digestbot.store import Preferences

    address = valid_address(email)
    preferences = Preferences(
        timezone=zone(timezone).key if timezone is not None else None,
        send_at=parse_time(send_at).strftime("%H:%M") if send_at is not None else None,
        days=canonical_days(days) if days is not None else None,
        papers=papers,
        categories=tuple(filter(None, categories.replace(" ", "").split(","))) if categories is not None else None,
    )
    with program.installation() as installation:
        state = SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING
        now = utc_now()
        added = installation.store.subscribers.add(address, state, preferences, now)
        if not confirmed:
            domain = installation.letters.sender.domain
            installation.store.outbox.add(confirm_delivery(added, domain=domain, now=now))
        value = _value(added)
    if as_json:
        show_json(value)
    else:
        what = "is active" if confirmed else "is pending; the mail that asks goes out with the next send"
        click.echo(f"{added.email} {what}")


@subscriber.command()
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(program: Program, email: str, as_json: bool) -> None:
    """Show one subscriber, with ratings and the next digest."""
    from digestbot import schedule
    from digestbot.models import SubscriberState

    with program.installation() as installation:
        found = installation.subscriber(email)
        ratings = installation.store.ratings.of([found.id])[found.id]
        last_day = installation.store.digests.last_day(found.id)
        value = _value(found) | {
            "ratings": [
                {
                    "paper_id": rating.paper_id,
                    "value": rating.value,
                    "rated_at": rating.rated_at.isoformat(),
                }
                for rating in ratings
            ],
            "suppressed": bool(installation.store.subscribers.suppressed([found.email])),
            "last_local_day": last_day.isoformat() if last_day else None,
            "next_due": (
                schedule.next_due(utc_now(), found, last_day).isoformat()
                if found.state == SubscriberState.ACTIVE
                else None
            ),
        }
    if as_json:
        show_json(value)
        return
    likes = sum(rating.value > 0 for rating in ratings)
    value["ratings"] = f"{likes} likes, {len(ratings) - likes} dislikes"
    show_table(["", ""], [(name.replace("_", " "), _text(one)) for name, one in value.items()])


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


def _value(subscriber: Subscriber) -> dict[str, object]:
    return {
        "id": str(subscriber.id),
        "email": subscriber.email,
        "state": str(subscriber.state),
        "timezone": subscriber.timezone,
        "send_at": subscriber.send_at.strftime("%H:%M"),
        "days": subscriber.days,
        "papers": subscriber.papers,
        "categories": list(subscriber.categories),
        "created_at": subscriber.created_at.isoformat(),
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
