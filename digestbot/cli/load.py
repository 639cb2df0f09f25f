"""``load``: ask the sources, or read a file."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digestbot.cli.output import show_json, show_table
from digestbot.cli.program import Installation, Program, utc_now
from digestbot.errors import UsageError

if TYPE_CHECKING:
    from digestbot.pipeline.load import Loaded


@click.command()
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read only this paper file (.jsonl, .jsonl.gz).")
@click.option("--since", metavar="DATE", help="Only papers announced on this day (YYYY-MM-DD) or later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def load(program: Program, names: tuple[str, ...], path: Path | None, since: str | None, as_json: bool) -> int:
    """Load new papers: from each enabled source, from the named ones, or from a file."""
    if path is not None and names:
        raise UsageError("name sources, or a --file, not both")
    first = _day(since)
    with program.installation() as installation:
        loaded = asyncio.run(_load(installation, names, path, first))
    if as_json:
        show_json([_value(one) for one in loaded])
    else:
        _show(loaded)
    for one in loaded:
        if one.error:
            click.echo(f"digestbot: {one.error}", err=True)
    return 1 if any(one.error for one in loaded) else 0


async def _load(
    installation: Installation, names: tuple[str, ...], path: Path | None, since: date | None
) -> list[Loaded]:
    from digestbot.pipeline import load as job
    from digestbot.sources.files import FileSource

    papers = installation.store.papers
    if path is not None:
        return await job.load(papers, [FileSource(path)], clock=utc_now, since=since)
    async with installation.client() as client:
        sources = installation.sources(client, names)
        if not sources:
            raise UsageError("no source is enabled; enable one in the settings, name one, or give a --file")
        return await job.load(papers, sources, clock=utc_now, since=since)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since '{text}' is not a day; use YYYY-MM-DD") from error


def _value(loaded: Loaded) -> dict[str, object]:
    return {
        "source": loaded.source,
        "received": loaded.received,
        "new": loaded.new,
        "updated": loaded.updated,
        "skipped": [{"place": one.place, "problem": one.problem} for one in loaded.skipped],
        "error": loaded.error,
    }


def _show(loaded: list[Loaded]) -> None:
    show_table(
        ["source", "received", "new", "updated", "skipped"],
        [(one.source, one.received, one.new, one.updated, len(one.skipped)) for one in loaded],
    )
