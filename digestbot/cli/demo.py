"""``demo``: everything at once on sample papers."""

from __future__ import annotations

import click


@click.command()
def demo() -> None:
    """Everything at once on sample papers."""
