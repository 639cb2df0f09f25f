"""``rate``: record what a subscriber thinks of a paper."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import click

from digestbot.cli.program import Installation, Program, utc_now
from digestbot.errors import NotFoundError

if TYPE_CHECKING:
    from digestbot.models import PaperId

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
    from digestbot.identifiers import arxiv_id, paper_id

    named = paper_id(paper) or paper
    with program.installation() as installation:
        subscriber = installation.subscriber(email)
        if value != "clear" and arxiv_id(named) == named and not installation.store.papers.known([named]):
            asyncio.run(_fetch(installation, named))
        changed = installation.store.ratings.record(subscriber.id, {named: _VALUES[value]}, now=utc_now(), origin="cli")
    done = {"like": "likes", "dislike": "dislikes", "clear": "has no opinion on"}[value]
    click.echo(f"{subscriber.email} {done} {named}" + ("" if changed else " (as before)"))


async def _fetch(installation: Installation, paper_id: PaperId) -> None:
    """Store a paper that arXiv knows; it is of the day it was announced, and so in no digest unless that is new."""
    client = installation.client()
    found = await installation.arxiv_api(client).papers([paper_id])
    if not found:
        raise NotFoundError(f"{paper_id}: arXiv knows no such paper")
    installation.store.papers.add(found.values(), utc_now())
