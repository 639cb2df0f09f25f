"""Where a test keeps what is no database."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the fits of a database are; nothing is there yet."""
    return tmp_path / "digestbot.sqlite.fits"
