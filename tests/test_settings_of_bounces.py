"""The settings of the mailbox that bounces come to and of the providers that tell of them, and their secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from digestbot.errors import SettingsError
from digestbot.settings import Secrets, Settings, find_secrets, read_secrets, read_settings, rotate_keys

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
        ('ses.topics = "arn"', "bounces.ses.topics: there is no such setting; did you mean bounces.ses.topic?"),
        ('ses.topic = "arn\\nb"', "bounces.ses.topic: must be one line"),
        ('sendgrid.key = "k"', "bounces.sendgrid.key: there is no such setting"),
        ('postmark.username = ""', "bounces.postmark.username: is no name to log in with"),
        ('postmark.username = "a:b"', "bounces.postmark.username: is no name to log in with"),
        ('mailgun.region = "eu"', "bounces.mailgun: there is no such setting"),
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


@pytest.mark.parametrize("name", ["mailgun_signing_key", "postmark_password"])
def test_what_a_provider_proves_itself_by_is_a_secret(tmp_path: Path, name: str) -> None:
    provider, _, short = name.partition("_")
    for text in (
        f'{name} = "hush"',
        f'[bounces]\n{name} = "hush"',
        f'[bounces.{provider}]\n{short} = "hush"',
        f'[bounces.{provider}]\n{name} = "hush"',
        f'bounces = {{ {provider} = {{ {short} = "hush" }} }}',
    ):
        with pytest.raises(SettingsError, match=f"DIGESTBOT_{name.upper()}") as caught:
            read(tmp_path, text)
        assert "hush" not in str(caught.value)
    path = tmp_path / "digestbot.secret"
    path.write_text(f'keys = ["a key of the tests"]\n{name} = "hush"\n', encoding="utf-8")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert getattr(rotate_keys(path, {}, lambda: "another key of the tests"), name) == "hush"
    assert getattr(read_secrets(path, {}, str), name) == "hush"
    other = {f"DIGESTBOT_{name.upper()}": "other"}
    assert getattr(read_secrets(path, other, str), name) == getattr(find_secrets(path, other), name) == "other"
    assert "hush" not in repr(read_secrets(path, {}, str))


@pytest.mark.parametrize("name", ["BOUNCES__POSTMARK__PASSWORD", "BOUNCES__MAILGUN__SIGNING_KEY"])
def test_a_secret_under_a_wrong_name_in_the_environment_is_named_and_not_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"DIGESTBOT_{name[:7]}.*there is no such setting") as caught:
        read_settings(None, {f"DIGESTBOT_{name}": "hush hush"}, folder=tmp_path)
    assert "hush" not in str(caught.value)


def test_providers_can_be_set_in_the_environment(tmp_path: Path) -> None:
    environ = {"DIGESTBOT_BOUNCES__SES__TOPIC": "arn:one", "DIGESTBOT_BOUNCES__POSTMARK__USERNAME": "post"}
    (tmp_path / "settings.toml").write_text('[bounces.ses]\ntopic = "arn:two"\n', encoding="utf-8")
    bounces = read_settings(tmp_path / "settings.toml", environ, folder=tmp_path).bounces
    assert (bounces.ses.topic, bounces.postmark.username, bounces.sendgrid.public_key) == ("arn:one", "post", "")


def test_secrets_can_be_looked_for_without_making_any(tmp_path: Path) -> None:
    path = tmp_path / "digestbot.secret"
    assert find_secrets(path, {}) == Secrets()
    assert find_secrets(path, {"DIGESTBOT_POSTMARK_PASSWORD": "hush"}).postmark_password == "hush"
    assert list(tmp_path.iterdir()) == []
    path.write_text('postmark_password = "hush"\n', encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="others can read it"):
        find_secrets(path, {})
