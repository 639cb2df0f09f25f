"""How commands speak: tables for people, JSON and nothing else for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click


def show_json(value: Any) -> None:
    """Print JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, wraps: Sequence[str] = ()) -> None:
    """Print a table; on a terminal it fits its width, elsewhere nothing is cut.

    Where the width does not do, the columns that ``wraps`` names take more lines, if any is named.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=1000)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=bool(wraps) and column not in wraps, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(str(value))) for value in row))
    console.print(table)


def printable(text: str) -> str:
    """Return text without characters that would steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
