"""README and docs are true: every command and setting is documented, what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from digestbot.cli import group

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture
def commands_page() -> str:
    page = CHECKOUT / "docs" / "commands.md"
    if not page.exists():
        pytest.skip("the docs are beside a checkout, not in a wheel")
    return page.read_text(encoding="utf-8")


def leaves(command: click.Command, name: str = "") -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return [(name, command)]
    context = click.Context(command)
    # One that does something by itself, too.
    found: list[tuple[str, click.Command]] = [(name, command)] if command.invoke_without_command else []
    for one in command.list_commands(context):
        child = command.get_command(context, one)
        assert child is not None
        found += leaves(child, f"{name} {one}".strip())
    return found


def test_every_command_and_option_is_documented(commands_page: str) -> None:
    for name, command in leaves(group):
        line = next((line for line in commands_page.splitlines() if f"`{name}" in line), None)
        assert line, f"docs/commands.md does not name '{name}'"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not {"--json", "--help"} & set(parameter.opts):
                assert parameter.opts[0] in commands_page, f"{name} {parameter.opts[0]}"


def test_links_between_pages_lead_somewhere(commands_page: str) -> None:
    assert commands_page
    for page in [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *CHECKOUT.glob("docs/*.md")]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text):
            path = target[0] or target[1]
            if "://" not in path:
                assert (page.parent / path).exists(), f"{page.name}: {path}"


def test_every_command_that_the_readme_shows_exists(commands_page: str) -> None:
    assert commands_page
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    names = {name for name, _ in leaves(group)}
    for shown in re.findall(r"digestbot ((?:[a-z]+ ?)+)", readme):
        words = shown.split()
        if words and words[0] in {name.split()[0] for name in names}:
            assert words[0] in names or " ".join(words[:2]) in names, shown
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\$ make ([a-z]+)", readme):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_nothing_is_left_to_be_filled_in(commands_page: str) -> None:
    for page in [CHECKOUT / "README.md", *CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("benchmarks/*.md")]:
        assert not re.findall(r"@[A-Z]+@|TODO|TBD", page.read_text(encoding="utf-8")), page.name
    assert commands_page
