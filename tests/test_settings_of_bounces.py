"""The settings of the mailbox that bounces come to, and its password."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from digestbot.errors import SettingsError
from digestbot.settings import Settings, read_secrets, read_settings, rotate_keys

DOMAIN = 'mail.bounce_domain = "bounce.example.org"\n'


def read(folder: Path, text: str) -> Settings:
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    return read_settings(folder / "settings.toml", {}, folder=folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('kind = "imap"', 'bounces: with kind = "imap" it needs: host, username'),
        ('kind = "imap"\nhost = "h"\nusername = "u"\nmailbox = ""', "it needs: mailbox"),
        ('kind = "maildir"', 'bounces: with kind = "maildir" it needs: maildir'),
        ('kind = "pop3"', "bounces.kind: input should be 'none', 'imap' or 'maildir'"),
        ('mailbox = "Zur\u00fcck"', "bounces.mailbox: is no name of a mailbox"),
        ('folder = "a\\r\\nb"', "bounces.folder: is no name of a mailbox"),
        ('security = "ssl"', "bounces.security: input should be 'none', 'starttls' or 'tls'"),
        ("every_minutes = 0", "bounces.every_minutes: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, f"{DOMAIN}[bounces]\n{text}\n")
    assert problem in str(caught.value)


def test_a_mailbox_needs_a_domain_that_mails_come_back_to(tmp_path: Path) -> None:
    text = '[bounces]\nkind = "maildir"\nmaildir = "box"\n'
    with pytest.raises(SettingsError, match=r"bounces: .* set \[mail\] bounce_domain too"):
        read(tmp_path, text)
    assert read(tmp_path, DOMAIN + text).maildir == tmp_path / "box"


def test_the_password_is_a_secret_and_is_kept_when_keys_are_rotated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="DIGESTBOT_BOUNCES_PASSWORD") as caught:
        read(tmp_path, '[bounces]\npassword = "hush hush"\n')
    assert "hush" not in str(caught.value)
    path = tmp_path / "digestbot.secret"
    path.write_text('keys = ["a key of the tests"]\nbounces_password = "hush"\n', encoding="utf-8")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert rotate_keys(path, {}, lambda: "another key of the tests").bounces_password == "hush"
    assert read_secrets(path, {}, str).bounces_password == "hush"
    assert read_secrets(path, {"DIGESTBOT_BOUNCES_PASSWORD": "other"}, str).bounces_password == "other"
    assert "hush" not in repr(read_secrets(path, {}, str))
