"""What the command line was called with, and the installation that it is about."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from digestbot.cli.installation import Installation

if TYPE_CHECKING:
    from digestbot.settings import Settings


@dataclass(frozen=True)
class Program:
    """What the command line was called with."""

    settings_path: Path | None
    environ: Mapping[str, str]
    folder: Path
    verbose: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once."""
        from digestbot.settings import read_settings

        path = self.settings_path
        if path is None and (self.folder / "settings.toml").exists():
            path = self.folder / "settings.toml"
        return read_settings(path, self.environ, folder=self.folder)

    def start_logs(self) -> None:
        """Send logs to stderr."""
        from digestbot import observe

        observe.configure(sys.stderr, verbose=self.verbose)

    @contextmanager
    def installation(self) -> Iterator[Installation]:
        """Open the database, for the length of a command."""
        self.start_logs()
        opened = Installation(self.settings, self.environ, verbose=self.verbose)
        try:
            yield opened
        finally:
            opened.close()
