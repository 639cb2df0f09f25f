"""``outbox``: the mails that are not done and why, and those that were held, sent after all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import parse_at, utc_now
from digestbot.errors import NotFoundError, UsageError
from digestbot.models import DeliveryState

if TYPE_CHECKING:
    from digestbot.store.undone import UndoneDelivery, UndoneGroup

# What has ended is shown for so long.
_OF_LATE = timedelta(days=7)
_MOST_REASONS = 20
_WAITING = (DeliveryState.PENDING, DeliveryState.DEFERRED, DeliveryState.SENDING)
# What replies say to each mail anew: addresses, names of queues and mails, how many seconds are left.
_OWN = re.compile(r"\S+@\S+|(?<!\S)(?![245]\.\d{1,3}\.\d{1,3}\b)\S*\d\S*")
_UNSAID = {
    DeliveryState.PENDING: "not tried yet",
    DeliveryState.SENDING: "a process has it in hand",
    DeliveryState.DEFERRED: "was not about this mail: tried again",
    DeliveryState.HELD: "may have arrived",
}


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=0), help="List at most so many mails.  [default: 50; with --json all]")
@click.option("--at", metavar="T", help="Judge as if it were this time (ISO 8601; UTC unless it names a zone).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def outbox(ctx: click.Context, limit: int | None, at: str | None, as_json: bool) -> None:
    """List what is not done and why, and count it by state.

    All that waits, and what was held, failed, came back or expired in the last 7 days.
    """
    if ctx.invoked_subcommand is not None:
        if limit is not None or at is not None or as_json:
            raise UsageError(f"options belong behind 'outbox {ctx.invoked_subcommand}'")
        return
    now = parse_at(at)
    if limit is None and not as_json:
        limit = 50
    program: Program = ctx.obj
    with program.installation() as installation:
        undone = installation.store.undone
        groups = undone.groups(now - _OF_LATE)
        mails = undone.listed(now - _OF_LATE, limit=limit)
    if as_json:
        show_json(_whole(groups, mails))
    else:
        _show(groups, mails, now)


@outbox.command()
@click.argument("identifiers", metavar="ID...", nargs=-1, type=int)
@click.option("--held", is_flag=True, help="All that were held in the last 7 days.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def retry(program: Program, identifiers: tuple[int, ...], held: bool, as_json: bool) -> None:
    """Let mails that are held go out after all, with the next delivery.

    They may have arrived already. They go out under the Message-ID they had, so that most mailboxes show them once.
    """
    if held == bool(identifiers):
        raise UsageError("name the mails by their ids, or all of them by --held; 'digestbot outbox' lists them")
    with program.installation() as installation:
        now = utc_now()
        undone = installation.store.undone
        done = undone.retry_held(now, since=now - _OF_LATE) if held else undone.retry_held(now, identifiers=identifiers)
    if as_json:
        show_json({"retried": done})
    else:
        click.echo(f"{_mails(len(done))} to be sent again" + ("; 'digestbot send' does it now" if done else ""))
    missing = [str(one) for one in dict.fromkeys(identifiers) if one not in done]
    if missing:
        raise NotFoundError(f"{', '.join(missing)}: not held; see 'digestbot outbox'")


def _show(groups: Sequence[UndoneGroup], mails: Sequence[UndoneDelivery], now: datetime) -> None:
    counts = _counts(groups)
    if not counts:
        click.echo("nothing waits, and all mails of the last 7 days went out")
        return
    if mails:
        show_table(
            ["id", "kind", "to", "state", "tries", "next try", "since", "why"],
            [_row(one, now) for one in mails],
            wraps=["to", "why"],
        )
    more = counts.total() - len(mails)
    if more:
        reasons = _reasons(groups)
        show_table(
            ["mails", "state", "why"],
            [(f"{many:,}", state, why) for (state, why), many in reasons.most_common(_MOST_REASONS)],
            wraps=["why"],
        )
        if len(reasons) > _MOST_REASONS:
            click.echo(f"and {len(reasons) - _MOST_REASONS:,} other reasons")
        if mails:
            click.echo(f"{more:,} more are not listed; --limit {counts.total()} lists all")
    if counts[DeliveryState.HELD]:
        click.echo("held: they may have arrived; 'digestbot outbox retry ID' sends one again under the same Message-ID")
    click.echo(_summary(groups))


def _counts(groups: Sequence[UndoneGroup]) -> Counter[DeliveryState]:
    counts: Counter[DeliveryState] = Counter()
    for one in groups:
        counts[one.state] += one.many
    return counts


def _oldest(groups: Sequence[UndoneGroup]) -> datetime | None:
    return min((one.oldest for one in groups if one.state in _WAITING), default=None)


def _reasons(groups: Sequence[UndoneGroup]) -> Counter[tuple[DeliveryState, str]]:
    reasons: Counter[tuple[DeliveryState, str]] = Counter()
    for one in groups:
        said = _OWN.sub("…", one.text)
        reasons[one.state, _why(one.state, one.code, said)] += one.many
    return reasons


def _summary(groups: Sequence[UndoneGroup]) -> str:
    counts, oldest = _counts(groups), _oldest(groups)
    by_state = ", ".join(f"{counts[state]:,} {state}" for state in DeliveryState if counts[state])
    waits = f"; the oldest that waits is of {_readable(oldest)}" if oldest else "; nothing waits"
    return f"{_mails(counts.total())} not done: {by_state}{waits}"


def _mails(many: int) -> str:
    return f"{many:,} mail{'' if many == 1 else 's'}"


def _why(state: DeliveryState, code: int | None, text: str) -> str:
    # A mail that is not said to have met the server has no code, and the text is ours.
    said = f"{code} {text}".strip() if code is not None else text
    return printable(said) or _UNSAID.get(state, "-")


def _row(one: UndoneDelivery, now: datetime) -> tuple[object, ...]:
    next_try = "-"
    if one.next_at is not None:
        next_try = "now" if one.next_at <= now else _readable(one.next_at)
    return (
        one.id,
        one.kind,
        one.address,
        one.state,
        one.attempts,
        next_try,
        _readable(one.since),
        _why(one.state, one.code, one.text),
    )


def _readable(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _whole(groups: Sequence[UndoneGroup], mails: Sequence[UndoneDelivery]) -> dict[str, object]:
    counts, oldest = _counts(groups), _oldest(groups)
    return {
        "counts": {str(state): counts[state] for state in DeliveryState if state != DeliveryState.SENT},
        "oldest": oldest.isoformat() if oldest else None,
        "reasons": [
            {"state": str(state), "why": why, "mails": many} for (state, why), many in _reasons(groups).most_common()
        ],
        "deliveries": [_value(one) for one in mails],
    }


def _value(one: UndoneDelivery) -> dict[str, object]:
    return {
        "id": one.id,
        "message_id": one.message_id,
        "kind": str(one.kind),
        "to": one.address,
        "state": str(one.state),
        "attempts": one.attempts,
        "next_try": one.next_at.isoformat() if one.next_at else None,
        "since": one.since.isoformat(),
        "changed_at": one.changed_at.isoformat(),
        "uncertain": one.uncertain,
        "code": one.code,
        "text": one.text,
    }
