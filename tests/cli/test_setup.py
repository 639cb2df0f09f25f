"""``init`` and ``secret``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digestbot.cli.program import Program
from digestbot.errors import LinkError
from digestbot.links import Links
from tests.cli.conftest import Cli


@pytest.fixture
def fresh(cli: Cli) -> Cli:
    (cli.folder / "settings.toml").unlink()
    return cli


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_init_writes_settings_secret_and_database(fresh: Cli) -> None:
    found = fresh("init")
    assert set(contents(fresh.folder)) >= {"settings.toml", "digestbot.secret", "digestbot.sqlite"}
    assert (fresh.folder / "digestbot.secret").stat().st_mode & 0o777 == 0o600
    assert found.out.count("wrote ") == 3
    assert fresh.json("subscriber", "list") == []


def test_init_never_overwrites(fresh: Cli) -> None:
    fresh("init")
    fresh("subscriber", "add", "ada@example.org", "--confirmed")
    fresh.configure("# mine\n[digest]\npapers = 4\n")
    before = contents(fresh.folder)
    found = fresh("init")
    assert found.out.count("kept ") == 3
    for name in ("settings.toml", "digestbot.secret"):
        assert contents(fresh.folder)[name] == before[name]
    assert [one["papers"] for one in fresh.json("subscriber", "list")] == [4]


def test_init_into_a_folder_that_is_not_there_exits_2(fresh: Cli) -> None:
    found = fresh.bare("--settings", str(fresh.folder / "no" / "settings.toml"), "init")
    assert found.code == 2
    assert "cannot be written" in found.err


def links(cli: Cli) -> Links:
    with Program(settings_path=cli.folder / "settings.toml", environ={}, folder=cli.folder).installation() as one:
        return one.links


def test_links_that_were_mailed_work_after_the_key_was_rotated(stocked: Cli) -> None:
    stocked("send", "--at", "2025-05-27T08:00")
    text = stocked("preview", "ada@example.org", "--at", "2025-05-27T08:00").out
    (token,) = re.findall(r"/u/([\w.-]+)", text)
    identifier = int(stocked.json("subscriber", "show", "ada@example.org")["id"])

    before = links(stocked)
    found = stocked("secret", "rotate")
    after = links(stocked)
    assert "2 keys in all" in found.out
    assert after.read("u", token) == identifier
    assert after.token("u", identifier) != token
    with pytest.raises(LinkError):
        before.read("u", after.token("u", identifier))
    assert (stocked.folder / "digestbot.secret").stat().st_mode & 0o777 == 0o600


def test_the_first_rotation_makes_the_file_and_no_key_is_shown(cli: Cli) -> None:
    found = cli("secret", "rotate")
    text = (cli.folder / "digestbot.secret").read_text()
    (key,) = re.findall(r'^keys = \["(.+)"\]', text, re.MULTILINE)
    assert key not in found.out + found.err


def test_a_secret_file_that_others_can_read_is_refused(cli: Cli) -> None:
    cli("secret", "rotate")
    (cli.folder / "digestbot.secret").chmod(0o644)
    assert "chmod 600" in cli("secret", "rotate", code=2).err
