"""``load``: ask the sources, or read a file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digestbot.cli.installation import Installation
from digestbot.cli.output import printable, show_json, show_table
from digestbot.cli.program import Program
from digestbot.cli.times import parse_at, parse_day, utc_now
from digestbot.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from digestbot.pipeline.load import Loaded, Progress


@click.command()
@click.argument("names", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="Read only this paper file (.jsonl, .jsonl.gz, .csv, .bib, .ris, .json).",
)
@click.option("--since", metavar="DATE", help="Papers announced on this day (YYYY-MM-DD) or later.")
@click.option("--at", metavar="T", help="Load as if it were this time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def load(
    program: Program, names: tuple[str, ...], path: Path | None, since: str | None, at: str | None, as_json: bool
) -> int:
    """Load new papers: from each enabled source, from the named ones, or from a file."""
    from digestbot.cli.asking import raise_alarm

    if path is not None and names:
        raise UsageError("name sources, or a --file, not both")
    moment = parse_at(at) if at else None
    first = _past_day(since, moment or utc_now())
    with program.installation() as installation:
        try:
            with _bars() as progress:
                loaded = asyncio.run(_load(installation, names, path, first, moment, progress))
        finally:
            if path is None:
                raise_alarm(installation, moment or utc_now())
    if as_json:
        show_json([_value(one) for one in loaded])
    else:
        _show(loaded)
    for one in loaded:
        if one.error:
            click.echo(f"digestbot: {printable(one.error)}", err=True)
    return 1 if any(one.error for one in loaded) else 0


async def _load(
    installation: Installation,
    names: tuple[str, ...],
    path: Path | None,
    since: date | None,
    at: datetime | None,
    progress: Progress,
) -> list[Loaded]:
    from digestbot.cli.asking import client, sources
    from digestbot.pipeline import load as job
    from digestbot.sources.files import FileSource

    store = installation.store
    ask = partial(job.load, store.papers, store.loads, clock=utc_now, since=since, at=at, progress=progress)
    if path is not None:
        return await ask([FileSource(path)])
    settings = installation.settings
    asked = sources(settings, client(settings), names)
    if not asked:
        raise UsageError("no source is enabled; enable one in the settings, name one, or give a --file")
    return await ask(asked)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Show a bar for each source on stderr, when that is a terminal; it goes when the table comes."""
    if not sys.stderr.isatty():
        from digestbot.pipeline.load import silent

        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(source: str, received: int, total: int | None) -> None:
            if source not in tasks:
                for task in tasks.values():
                    bars.update(task, total=bars.tasks[task].completed or 1)
                    bars.stop_task(task)
                tasks[source] = bars.add_task(source, total=None)
            bars.update(tasks[source], completed=received, total=max(total, received) if total else None)

        yield show


def _past_day(since: str | None, now: datetime) -> date | None:
    day = parse_day("--since", since)
    if day is not None and day > now.date() + timedelta(days=1):
        raise UsageError(f"--since {day} is still to come; name a day that has been")
    return day


def _value(loaded: Loaded) -> dict[str, object]:
    return {
        "source": loaded.source,
        "asked": loaded.asked,
        "received": loaded.received,
        "new": loaded.new,
        "updated": loaded.updated,
        "skipped": [{"place": one.place, "problem": one.problem} for one in loaded.skipped],
        "newest": loaded.newest.isoformat() if loaded.newest else None,
        "cursor": loaded.cursor,
        "seconds": round(loaded.seconds, 3),
        "error": loaded.error,
    }


def _show(loaded: list[Loaded]) -> None:
    show_table(
        ["source", "asked", "received", "new", "updated", "skipped", "newest", "seconds"],
        [
            (
                one.source,
                _in_short(one.asked),
                one.received,
                one.new,
                one.updated,
                len(one.skipped),
                one.newest or "",
                f"{one.seconds:.1f}",
            )
            for one in loaded
        ],
        wraps=["asked"],
    )


def _in_short(asked: list[str]) -> str:
    return asked[0] + (f" and {len(asked) - 1} more" if len(asked) > 1 else "") if asked else ""
