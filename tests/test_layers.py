"""What may know what: the import contracts, and the rules that a search finds broken."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import digestbot

PACKAGE = Path(digestbot.__file__).parent
CHECKOUT = Path(__file__).parents[1]


def modules(*, outside: str) -> list[Path]:
    """Return the modules that are not in one of the layers named."""
    left_out = outside.split()
    found = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in left_out]
    assert len(found) > 20
    return found


def uses(path: Path) -> Iterator[str]:
    """Yield what a module imports and the dotted names in it: ``import random``, ``os.environ``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"import {node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def found_in(paths: list[Path], forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(PACKAGE)}: {name}" for path in paths for name in uses(path) if re.fullmatch(forbidden, name)
    ]


def test_the_import_contracts_hold() -> None:
    if not (CHECKOUT / "pyproject.toml").exists():
        pytest.skip("the contracts stand in the pyproject.toml of a checkout")
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    assert "Contracts: 2 kept, 0 broken." in found.stdout


def test_only_the_command_line_reads_the_clock() -> None:
    clock = r"(.*\.)?(datetime|date)\.(now|today|utcnow)|(import )?time\.(time|time_ns|localtime|gmtime)"
    assert found_in(modules(outside="cli"), clock) == []
    assert found_in(sorted((PACKAGE / "cli").rglob("*.py")), clock) == ["cli/times.py: datetime.now"]


def test_only_the_command_line_reads_the_environment() -> None:
    assert found_in(modules(outside="cli"), r"(import )?os\.(environ|environb|getenv)(\..*)?") == []


def test_only_the_command_line_rolls_dice() -> None:
    dice = r"import (random|secrets|uuid)(\..*)?|(import )?os\.urandom|(import )?(np|numpy)\.random(\..*)?"
    assert found_in(modules(outside="cli demo"), dice) == []


def test_only_the_store_speaks_sql() -> None:
    assert found_in(modules(outside="store"), r".*\.(execute|executemany|executescript)|(import )?sqlite3(\..*)?") == []


def test_nothing_ends_the_program_or_prints_but_the_command_line() -> None:
    assert (
        found_in(modules(outside="cli demo __main__.py"), r"(import )?(sys\.exit|os\._exit)|import click(\..*)?") == []
    )
