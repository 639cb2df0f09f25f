"""Secrets: where they belong, that they stay secret, and keys that follow one another."""

from __future__ import annotations

import stat
import traceback
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from digestbot.errors import SettingsError
from digestbot.links import Links
from digestbot.settings import Secrets, read_secrets, rotate_keys
from tests.required import needs_posix
from tests.test_settings import read, refused, written

PASSWORD = "hunter2-hunter2"
OLD_KEY = "an old key, long enough for all"


def new_keys() -> Iterator[str]:
    return (f"key number {number} of the tests" for number in count(1))


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = written(folder, text, "digestbot.secret")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        (f'smtp_password = "{PASSWORD}"', "DIGESTBOT_SMTP_PASSWORD"),
        (f'[smtp]\npassword = "{PASSWORD}"', "DIGESTBOT_SMTP_PASSWORD"),
        (f'[smtp]\nsmtp_password = "{PASSWORD}"', "DIGESTBOT_SMTP_PASSWORD"),
        (f'keys = ["{PASSWORD}"]', "DIGESTBOT_KEYS"),
    ],
)
def test_a_secret_in_the_settings_file_is_refused_and_told_where_it_belongs(
    tmp_path: Path, text: str, variable: str
) -> None:
    problem = refused(tmp_path, text)
    assert "secrets do not belong here" in problem
    assert variable in problem
    assert PASSWORD not in problem


def test_the_secret_file_is_made_on_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "digestbot.secret"
    new = new_keys()
    first = read_secrets(path, {}, lambda: next(new))
    assert first.keys == ("key number 1 of the tests",)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secrets(path, {}, lambda: next(new)) == first
    assert [one.name for one in path.parent.iterdir()] == ["digestbot.secret"]


@needs_posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_secret_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, f'keys = ["{OLD_KEY}"]\n', mode)
    with pytest.raises(SettingsError, match=r"others can read it; run: chmod 600 .*digestbot\.secret"):
        read_secrets(path, {}, str)


def test_the_environment_overrules_the_secret_file(tmp_path: Path) -> None:
    path = secret_file(tmp_path, f'keys = ["{OLD_KEY}"]\nsmtp_password = "filed"\n')
    assert read_secrets(path, {"DIGESTBOT_SMTP_PASSWORD": PASSWORD}, str) == Secrets(
        keys=(OLD_KEY,), smtp_password=PASSWORD
    )
    environ = {"DIGESTBOT_KEYS": "newest-key-of-all-tests,older-key-of-all-tests"}
    assert read_secrets(path, environ, str).keys == ("newest-key-of-all-tests", "older-key-of-all-tests")


def test_with_keys_from_the_environment_no_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.secret"
    assert read_secrets(path, {"DIGESTBOT_KEYS": "newest-key-of-all-tests"}, str).keys
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f'keys = ["{OLD_KEY}"]\nsmtp_pasword = "{PASSWORD}"', "wrong or unknown: smtp_pasword"),
        (f'keys = "{PASSWORD}"', "wrong or unknown: keys"),
        ("keys = []", "keys: needs at least one key of 16 characters"),
        ('keys = ["short"]', "keys: needs at least one key of 16 characters"),
        (f'smtp_password = "{PASSWORD}', "is not TOML"),
        (f"smtp_password = {PASSWORD}", "is not TOML"),
    ],
)
def test_a_wrong_secret_file_is_named_and_shows_nothing(tmp_path: Path, text: str, named: str) -> None:
    path = secret_file(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_secrets(path, {}, str)
    assert str(caught.value).startswith(f"{path}: {named}"), str(caught.value)
    shown = "".join(traceback.format_exception(caught.value, chain=True))
    assert PASSWORD not in shown
    assert "short" not in str(caught.value)


def test_secrets_are_in_no_text_of_themselves() -> None:
    secrets = Secrets(keys=(OLD_KEY,), smtp_password=PASSWORD)
    for shown in (repr(secrets), str(secrets), f"{secrets}", f"{secrets!r}", repr([secrets])):
        assert PASSWORD not in shown
        assert OLD_KEY not in shown


def test_settings_hold_no_secret_whatever_the_environment_says(tmp_path: Path) -> None:
    settings = read(tmp_path, "", {"DIGESTBOT_SMTP_PASSWORD": PASSWORD, "DIGESTBOT_KEYS": OLD_KEY})
    assert PASSWORD not in repr(settings) + settings.model_dump_json()
    assert OLD_KEY not in repr(settings) + settings.model_dump_json()


def test_a_rotated_key_signs_and_the_older_ones_still_read(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.secret"
    new = new_keys()
    before = read_secrets(path, {}, lambda: next(new))
    path.write_text(
        path.read_text(encoding="utf-8").replace('smtp_password = ""', f'smtp_password = "{PASSWORD}"'),
        encoding="utf-8",
    )
    link = Links("https://x.example.org", before.keys).token("u", 7)
    rotated = rotate_keys(path, {}, lambda: next(new))
    assert read_secrets(path, {}, str) == rotated
    assert rotated == Secrets(keys=("key number 2 of the tests", *before.keys), smtp_password=PASSWORD)
    after = Links("https://x.example.org", rotated.keys)
    assert after.read("u", link) == 7
    assert after.token("u", 7) == Links("https://x.example.org", [rotated.keys[0]]).token("u", 7) != link
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["digestbot.secret"]


def test_rotating_makes_a_missing_file_and_refuses_keys_of_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.secret"
    new = new_keys()
    assert rotate_keys(path, {}, lambda: next(new)).keys == ("key number 1 of the tests",)
    with pytest.raises(SettingsError, match="DIGESTBOT_KEYS"):
        rotate_keys(path, {"DIGESTBOT_KEYS": OLD_KEY}, lambda: next(new))


def test_a_key_with_any_character_survives_the_file(tmp_path: Path) -> None:
    odd = 'quote " backslash \\ tab \t ünï 🙂 \x7f'
    path = tmp_path / "digestbot.secret"
    read_secrets(path, {}, lambda: odd)
    assert read_secrets(path, {}, str).keys == (odd,)


def test_a_secret_file_that_cannot_be_made_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be"):
        read_secrets(tmp_path / "file" / "digestbot.secret", {}, lambda: OLD_KEY)


def test_a_secret_file_with_a_password_alone_gets_a_key(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.secret"
    path.write_text('smtp_password = "open sesame"\n', encoding="utf-8")
    path.chmod(0o600)
    secrets = read_secrets(path, {}, lambda: "k" * 32)
    assert (secrets.keys, secrets.smtp_password) == (("k" * 32,), "open sesame")
    assert read_secrets(path, {}, lambda: "another") == secrets


@pytest.mark.parametrize(
    "text", ['[[smtp]]\npassword = "hunter2-hunter2"', '[smtp.host]\npassword = "hunter2-hunter2"']
)
def test_a_secret_in_a_table_of_the_wrong_shape_is_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    assert "hunter2" not in str(refused.value)
    assert "smtp" in str(refused.value)
