"""``preview``, ``due`` and ``send``: digests, seen before and sent."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from digestbot.cli.composing import compose_due
from digestbot.cli.delivering import Delivering, DeliveryBar, deliver, ended_by_signals
from digestbot.cli.installation import Installation
from digestbot.cli.mailing import tell_of_stop
from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import Standing, parse_at, utc_now
from digestbot.errors import NotFoundError

if TYPE_CHECKING:
    from digestbot.models import Digest, Subscriber
    from digestbot.pipeline.run import Outcome

_AT = click.option("--at", metavar="T", help="Act as if it were this time (ISO 8601; UTC unless it names a zone).")


@click.command()
@click.argument("email")
@_AT
@click.option("--format", "form", type=click.Choice(["text", "html", "eml"]), default="text", show_default=True)
@click.pass_obj
def preview(program: Program, email: str, at: str | None, form: str) -> None:
    """Show the digest that EMAIL has or would get on the local day of T; change nothing.

    eml: exactly the bytes that send would hand over.
    """
    from digestbot.digest.compose import digest_delivery

    now = parse_at(at)
    with program.installation() as installation:
        subscriber = installation.subscriber(email)
        digest = _digest(installation, subscriber, now)
        delivery = digest_delivery(digest, subscriber, domain=installation.sender.domain)
        if form == "eml":
            sys.stdout.buffer.write(installation.letters.write_digest(digest, subscriber, delivery))
            return
        rendered = installation.renderer.digest(digest, subscriber)
        if form == "html":
            click.echo(rendered.html)
            return
        click.echo(f"Subject: {printable(rendered.subject)}\n")
        click.echo("\n".join(printable(line) for line in rendered.text.splitlines()))


def _digest(installation: Installation, subscriber: Subscriber, now: datetime) -> Digest:
    from digestbot import schedule
    from digestbot.models import digest_id

    day = schedule.local_day(now, subscriber.timezone)
    stored = installation.store.digests.find(digest_id(subscriber.id, day))
    if stored is not None:
        return stored
    composed = installation.composer.compose([(subscriber, day)], now)
    if not composed:
        raise NotFoundError(f"{subscriber.email}: {_why_nothing(installation, subscriber, day)}")
    return composed[0]


def _why_nothing(installation: Installation, subscriber: Subscriber, day: date) -> str:
    from digestbot.digest.compose import is_candidate, window

    store = installation.store
    [history] = store.digests.histories([subscriber.id], before=day).values()
    days = window(day, history.last_delivered, installation.settings.digest.window_days)
    sent = store.digests.sent_papers([subscriber.id], since=days[0])[subscriber.id]
    rated = {paper for paper, _, _ in store.ratings.given([subscriber.id])[subscriber.id]}
    left_out = sum(is_candidate(paper, days, sent, rated) for paper in store.papers.announced(*days))
    if not left_out:
        return f"there is no new paper for {day}; load papers first, or see --at"
    return (
        f"none of the new papers for {day} ({left_out}) is in the categories, not muted and above min_score;"
        f" see 'digestbot subscriber show {subscriber.email}' and [digest] in the settings"
    )


@click.command()
@_AT
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def due(program: Program, at: str | None, as_json: bool) -> None:
    """List who is due and not yet served."""
    now = parse_at(at)
    with program.installation() as installation:
        found = list(installation.due(now))
    rows = [(subscriber.email, one.local_day.isoformat(), one.due_at.isoformat()) for subscriber, one in found]
    if as_json:
        show_json([dict(zip(("email", "local_day", "due_at"), row, strict=True)) for row in rows])
    elif rows:
        show_table(["email", "local day", "due at"], rows)
    else:
        click.echo("nobody is due")


@click.command()
@_AT
@click.option("--only", metavar="EMAIL", help="Compose and deliver for this subscriber alone.")
@click.option("--dry-run", is_flag=True, help="Compose, say what would be sent, store and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def send(program: Program, at: str | None, only: str | None, dry_run: bool, as_json: bool) -> int:
    """Compose what is due and deliver the outbox.

    The first SIGINT (Ctrl-C) or SIGTERM lets the mails in hand go out and begins no other, the second ends it at once.
    """
    now = parse_at(at)
    with program.installation() as installation:
        chosen = installation.subscriber(only) if only is not None else None
        only = chosen.email if chosen else None
        if dry_run:
            _show_dry_run(installation, now, only, as_json=as_json)
            return 0
        composed = compose_due(installation, now, only=only)
        clock = utc_now if at is None else Standing(now)
        with ended_by_signals() as ending, DeliveryBar() as bar:
            how = Delivering(
                clock=clock, only=chosen.id if chosen else None, ending=ending, begun=bar.begun, progress=bar.show
            )
            outcome = deliver(installation, how)
        told = tell_of_stop(installation, outcome, clock())
        left = _left(installation, how) if ending() else ""
    if as_json:
        show_json({"composed": composed, **_counts(outcome), "stopped": outcome.stopped})
    else:
        done = ", ".join(f"{count} {state}" for state, count in _counts(outcome).items() if count)
        click.echo(f"{composed} composed; {done or 'nothing to send'}")
    if outcome.stopped:
        what = "the run stopped" if outcome.early else "not everything went out"
        click.echo(f"digestbot: {what}: {printable(outcome.stopped)}", err=True)
    if told:
        what = "" if outcome.stopped else "no mail goes out: "
        click.echo(f"digestbot: {what}{told}; see 'digestbot outbox'", err=True)
    if outcome.stopped:
        return 1
    if left:
        click.echo(f"digestbot: ended by a signal; {left}", err=True)
        return 1
    return 0


def _left(installation: Installation, how: Delivering) -> str:
    """Return in a sentence what a run of delivering has left to do; empty when there is nothing."""
    from digestbot.models import DeliveryState

    outbox = installation.store.outbox
    waiting = outbox.how_many_wait(how.clock(), only=how.only)
    # None of these is ours any more, unless a process of ours was killed. They are not told apart by subscriber.
    in_hand = outbox.counts().get(DeliveryState.SENDING, 0) if how.only is None else 0
    if not (waiting or in_hand):
        return ""
    said = f"{waiting} mail{' waits' if waiting == 1 else 's wait'} for the next 'digestbot send'"
    return said + (f", and {in_hand} more unless the process that has them in hand sends them" if in_hand else "")


def _counts(outcome: Outcome) -> dict[str, int]:
    states = ("sent", "deferred", "held", "failed", "expired")
    found = {str(state): count for state, count in outcome.counts.items()}
    return {state: found.get(state, 0) for state in states}


def _show_dry_run(installation: Installation, now: datetime, only: str | None, *, as_json: bool) -> None:
    from digestbot.digest.wording import subject
    from digestbot.digest.words import words_of

    rows = []
    for digest in installation.composer.compose_due(now, only=only, store=False):
        subscriber = installation.store.subscribers.get(digest.subscriber_id)
        rows.append(
            {
                "email": subscriber.email,
                "local_day": digest.local_day.isoformat(),
                "subject": subject(digest, words_of(digest.language)),
                "papers": [item.paper.id for item in digest.items],
            }
        )
    if as_json:
        show_json({"composed": len(rows), "dry_run": True, "digests": rows})
    elif rows:
        show_table(["email", "local day", "subject"], [(r["email"], r["local_day"], r["subject"]) for r in rows])
    else:
        click.echo("nobody is due, or there is no new paper for those who are")
