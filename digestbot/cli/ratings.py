"""``rate``: record what a subscriber thinks of a paper."""

from __future__ import annotations

from typing import Literal

import click

from digestbot.cli.naming import fetch_missing, named_papers
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now

_VALUES: dict[str, Literal[1, 0, -1]] = {"like": 1, "clear": 0, "dislike": -1}


@click.command()
@click.argument("email")
@click.argument("paper")
@click.argument("value", type=click.Choice(list(_VALUES)))
@click.pass_obj
def rate(program: Program, email: str, paper: str, value: str) -> None:
    """Record that EMAIL likes or dislikes PAPER (an id such as arxiv:2505.18405, or its address), or clear it.

    A paper of arXiv that was never loaded is fetched.
    """
    (named,) = named_papers([paper])
    with program.installation() as installation:
        subscriber = installation.subscriber(email)
        if value != "clear":
            fetch_missing(installation, [named])
        changed = installation.store.ratings.record(subscriber.id, {named: _VALUES[value]}, now=utc_now(), origin="cli")
    done = {"like": "likes", "dislike": "dislikes", "clear": "has no opinion on"}[value]
    click.echo(f"{subscriber.email} {done} {named}" + ("" if changed else " (as before)"))
