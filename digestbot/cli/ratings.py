"""``rate``: record what a subscriber thinks of a paper."""

from __future__ import annotations

import re
from typing import Literal

import click

from digestbot.cli.program import Program, utc_now

_VALUES: dict[str, Literal[1, 0, -1]] = {"like": 1, "clear": 0, "dislike": -1}
_ARXIV = re.compile(r"(?:https?://arxiv\.org/(?:abs|pdf)/|arxiv:)?(\d{4}\.\d{4,5})(?:v\d+)?\Z", re.IGNORECASE)


@click.command()
@click.argument("email")
@click.argument("paper")
@click.argument("value", type=click.Choice(list(_VALUES)))
@click.pass_obj
def rate(program: Program, email: str, paper: str, value: str) -> None:
    """Record that EMAIL likes or dislikes PAPER (an id such as arxiv:2505.18405), or clear it."""
    found = _ARXIV.match(paper)
    paper_id = f"arxiv:{found.group(1)}" if found else paper
    with program.installation() as installation:
        subscriber = installation.subscriber(email)
        changed = installation.store.ratings.record(
            subscriber.id, {paper_id: _VALUES[value]}, now=utc_now(), origin="cli"
        )
    done = {"like": "likes", "dislike": "dislikes", "clear": "has no opinion on"}[value]
    click.echo(f"{subscriber.email} {done} {paper_id}" + ("" if changed else " (as before)"))
