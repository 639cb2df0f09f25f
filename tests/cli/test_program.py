"""What holds for every command: help, exit codes, settings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from digestbot import __version__
from digestbot.cli import _COMMANDS
from tests.cli.conftest import Cli

GROUPS = {"subscriber": ["add", "show", "list", "remove"], "secret": ["rotate"]}
EVERY = [[name] for name in _COMMANDS] + [[name, sub] for name, subs in GROUPS.items() for sub in subs]


@pytest.mark.parametrize("command", [[], *EVERY], ids=" ".join)
def test_every_command_has_a_help(cli: Cli, command: list[str]) -> None:
    found = cli.bare(*command, "--help")
    assert found.code == 0
    assert found.out.startswith(f"Usage: {' '.join(['digestbot', *command])} ")
    assert found.err == ""


def test_help_of_all_commands_loads_no_heavy_library(tmp_path: Path) -> None:
    heavy = {"sklearn", "numpy", "scipy", "pydantic", "starlette", "jinja2", "sqlite_utils", "aiosmtplib", "httpx2"}
    script = (
        "import sys\nfrom digestbot.cli import _run\n"
        f"for command in {[[], *EVERY]!r}:\n    assert _run([*command, '--help']) == 0\n"
        f"print(*sorted(set(sys.modules) & {heavy!r}), end='', file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_told(cli: Cli) -> None:
    assert __version__ in cli.bare("--version").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sned"], "No such command 'sned'"),
        (["subscriber", "add"], "Missing argument 'EMAIL'"),
        (["send", "--nonsense"], "No such option"),
        (["rate", "a@example.org", "x:1", "love"], "'love' is not one of"),
        (["due", "--at", "tomorrow"], "'tomorrow' is not a time; use 2025-05-27T07:00"),
        (["send", "--at", "9999-12-31T12:00"], "too far away"),
        (["preview", "ada@example.org", "--at", "0001-01-01"], "too far away"),
        (["load", "--since", "2025-13-01"], "use YYYY-MM-DD"),
        (["load", "nature"], "there are: arxiv"),
        (["load", "arxiv", "--file", "papers.jsonl"], "not both"),
    ],
)
def test_wrong_usage_exits_2_with_one_line_that_says_what_is_wrong(cli: Cli, arguments: list[str], says: str) -> None:
    found = cli(*arguments, code=2)
    assert found.out == ""
    assert len(found.err.splitlines()) == 1
    assert says in found.err


def test_without_a_command_the_help_goes_to_stderr(cli: Cli) -> None:
    found = cli.bare()
    assert (found.code, found.out) == (2, "")
    assert "Usage: digestbot" in found.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("databse = 'x'", "databse: there is no such setting; did you mean database?"),
        ("[digest]\npapers = 0", "digest.papers"),
        ("[schedule]\ntimezone = 'Mars/Olympus'", "schedule.timezone"),
        ("smtp_password = 'hunter2'", "secrets do not belong here"),
        ("this is not TOML", "is not TOML"),
        ("title = \x00", "is not TOML"),
    ],
)
def test_wrong_settings_exit_2_and_name_the_key(cli: Cli, text: str, says: str) -> None:
    cli.configure(text)
    found = cli("due", code=2)
    assert says in found.err
    assert "hunter2" not in found.err
    assert len(found.err.splitlines()) == 1
    assert [one.name for one in cli.folder.iterdir()] == ["settings.toml"]


def test_a_settings_file_that_is_named_must_be_there(cli: Cli) -> None:
    found = cli.bare("--settings", str(cli.folder / "other.toml"), "due")
    assert found.code == 2
    assert "other.toml: there is no such settings file" in found.err


def test_the_environment_overrules_the_file_and_is_checked_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTBOT_DATABASE", "from-environment.sqlite")
    cli("due")
    assert (cli.folder / "from-environment.sqlite").exists()
    monkeypatch.setenv("DIGESTBOT_SMTP__PORT", "ninety")
    assert "smtp.port" in cli("due", code=2).err


def test_paths_are_relative_to_the_settings_file_and_settings_toml_here_is_found(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    cli.configure("database = 'papers.sqlite'")
    cli("due")
    assert (cli.folder / "papers.sqlite").exists()
    assert list(elsewhere.iterdir()) == []
    monkeypatch.chdir(cli.folder)
    (cli.folder / "papers.sqlite").unlink()
    assert cli.bare("due").code == 0
    assert (cli.folder / "papers.sqlite").exists()


def test_a_database_that_is_something_else_is_refused_and_left_alone(cli: Cli) -> None:
    path = cli.folder / "digestbot.sqlite"
    path.write_bytes(b"not a database, " * 400)
    before = path.read_bytes()
    assert "set 'database' to another file" in cli("subscriber", "list", code=1).err
    assert path.read_bytes() == before


def test_a_template_that_is_broken_is_named_and_nothing_is_lost(stocked: Cli) -> None:
    folder = stocked.folder / "mine" / "email"
    folder.mkdir(parents=True)
    (folder / "digest.txt.j2").write_text("{{ nonsuch }}")
    stocked.configure("templates = 'mine'")
    found = stocked("send", "--at", "2025-05-27T08:00", code=1)
    assert re.search(r"email/digest.*nonsuch", found.err)
    stocked.configure("")
    assert stocked.json("send", "--at", "2025-05-27T08:00")["sent"] == 1
