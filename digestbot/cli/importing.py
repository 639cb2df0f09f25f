"""``subscriber import`` and ``subscriber export``: many subscribers from a file, and all of them into one."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from digestbot.cli.choices import categories_without_papers
from digestbot.cli.files import FILE
from digestbot.cli.installation import Installation
from digestbot.cli.output import show_json
from digestbot.cli.program import Program
from digestbot.cli.times import utc_now
from digestbot.errors import SourceFormatError, UsageError

if TYPE_CHECKING:
    from digestbot.cli.subscriber_files import Problem, Row, SubscriberFile
    from digestbot.store.subscribers import Enrolment, Standing

_Progress: TypeAlias = Callable[[int], object]
_Placing: TypeAlias = Callable[[Sequence["Enrolment"]], "list[Standing]"]

# Rows that are written at once: enough to be quick, and so few that nobody else waits long for the database.
_PART = 2_000
_MOST_NAMED = 50
# To look for a category takes a search; beyond these it is not worth the time.
_MOST_CATEGORIES = 200


@dataclass
class _Imported:
    """What became of the rows so far; ``pending`` are those of the added who are asked by mail."""

    counts: Counter[str] = field(default_factory=Counter)
    pending: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    @property
    def nothing_usable(self) -> bool:
        return bool(self.counts["bad"]) and self.counts.total() == self.counts["bad"]


@click.command("import")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def import_(program: Program, path: Path, dry_run: bool, as_json: bool) -> int:
    """Add the subscribers of a CSV file with a column email.

    Who is there already stays as they are. Whose state is not said is asked by mail to confirm.
    """
    from digestbot.cli.subscriber_files import SubscriberFile

    with _opened(path) as file, program.installation() as installation:
        try:
            listed = SubscriberFile(file)
        except SourceFormatError as error:
            raise SourceFormatError(f"{path}: {error}") from error
        with _bar(file, path) as progress:
            imported = _import(installation, listed, dry_run=dry_run, progress=progress)
        without = categories_without_papers(
            installation.store, [name for name, _ in imported.categories.most_common(_MOST_CATEGORIES)]
        )
    if as_json:
        show_json(_value(imported, listed, dry_run=dry_run))
    else:
        _show(imported, path, dry_run=dry_run)
    if listed.ignored:
        _warn(f"{path}: columns that mean nothing here are left out: {_named(listed.ignored)}")
    if without:
        _warn(f"no paper here is in the category {_named(without)}; is that how it is written?")
    if imported.nothing_usable:
        _warn(f"{path}: nobody in it can be added; see what is wrong with its lines")
        return 1
    return 0


@click.command()
@click.pass_obj
def export(program: Program) -> None:
    """Print all subscribers as CSV, by address, as import reads it."""
    from digestbot.cli.subscriber_files import header_line, line_of

    # Names of authors are in UTF-8 whatever the terminal is.
    out = sys.stdout.buffer
    with program.installation() as installation:
        out.write(header_line().encode())
        out.writelines(line_of(enrolment).encode() for enrolment in installation.store.subscribers.enrolments())
    out.flush()


def _import(
    installation: Installation, listed: Iterable[Row | Problem], *, dry_run: bool, progress: _Progress
) -> _Imported:
    from digestbot.cli.subscriber_files import Problem, Row
    from digestbot.models import SubscriberState
    from digestbot.store.subscribers import Standing

    imported = _Imported()
    place: _Placing = _looking(installation) if dry_run else _enrolling(installation)
    for part in _parts(listed):
        rows = [one for one in part if isinstance(one, Row)]
        standings = dict(zip((row.line for row in rows), place([row.enrolment for row in rows]), strict=True))
        for one in part:
            if isinstance(one, Problem):
                imported.counts[one.kind] += 1
                imported.problems.append(one)
                continue
            standing = standings[one.line]
            imported.counts[standing] += 1
            if standing == Standing.SUPPRESSED:
                imported.problems.append(_suppressed(one))
            elif standing == Standing.ADDED:
                imported.pending += one.enrolment.state == SubscriberState.PENDING
                imported.categories.update(one.enrolment.preferences.categories or ())
        progress(len(part))
    return imported


def _looking(installation: Installation) -> _Placing:
    return installation.store.subscribers.standings


def _enrolling(installation: Installation) -> _Placing:
    from digestbot.digest.compose import confirm_delivery

    now = utc_now()
    confirm = partial(confirm_delivery, domain=installation.sender.domain, now=now)
    return partial(installation.store.subscribers.enrol, now=now, confirm=confirm)


def _parts(listed: Iterable[Row | Problem]) -> Iterator[list[Row | Problem]]:
    rest = iter(listed)
    while part := list(islice(rest, _PART)):
        yield part


def _suppressed(row: Row) -> Problem:
    from digestbot.cli.subscriber_files import Problem

    problem = "must not be mailed; 'digestbot suppression list' says why"
    return Problem(line=row.line, email=row.enrolment.email, kind="suppressed", problem=problem)


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def _bar(file: io.BufferedReader, path: Path) -> Iterator[_Progress]:
    """Show on stderr how far the file has been read, when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.fields[rows]:,} rows"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=path.stat().st_size or None, rows=0)
        rows = 0

        def show(more: int) -> None:
            nonlocal rows
            rows += more
            bar.update(task, completed=file.tell() if file.seekable() else 0, rows=rows)

        yield show


def _value(imported: _Imported, listed: SubscriberFile, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        **_counts(imported),
        "pending": imported.pending,
        "ignored_columns": list(listed.ignored),
        "problems": [
            {"line": one.line, "email": one.email, "kind": one.kind, "problem": one.problem}
            for one in imported.problems
        ],
    }


def _counts(imported: _Imported) -> dict[str, int]:
    from digestbot.store.subscribers import Standing

    kinds = (Standing.ADDED, Standing.THERE, Standing.SUPPRESSED, "repeated", "bad")
    return {str(kind).replace(" ", "_"): imported.counts[kind] for kind in kinds}


def _show(imported: _Imported, path: Path, *, dry_run: bool) -> None:
    for one in imported.problems[:_MOST_NAMED]:
        # Of an address that is none the problem says what it is.
        whose = f"{one.email}: " if one.email and one.email not in one.problem else ""
        _warn(f"{path}, line {one.line}: {whose}{one.problem}")
    if more := len(imported.problems[_MOST_NAMED:]):
        _warn(f"{path}: {more:,} more lines are not taken; --json names all of them")
    counts = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in _counts(imported).items()]
    click.echo(("nothing is changed; would be: " if dry_run else "") + ", ".join(counts))
    if imported.pending:
        click.echo(f"pending, of the added: {imported.pending:,}; the mail that asks goes out with the next send")


def _named(names: Iterable[str]) -> str:
    first, rest = list(islice(given := iter(names), 10)), sum(1 for _ in given)
    return ", ".join(first) + (f" and {rest} more" if rest else "")


def _warn(text: str) -> None:
    click.echo(f"digestbot: {text}", err=True)
