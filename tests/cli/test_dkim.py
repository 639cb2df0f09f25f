"""``dkim``, and signatures in the mails that commands show and send."""

from __future__ import annotations

import re
import stat
from email import message_from_bytes

import pytest

from tests.cli.conftest import ADA, Cli
from tests.mail.peers import dkimpy_says

SENDER = '[mail]\nsender = "Digest <digest@example.org>"\n'
AT = "2025-05-27T08:00"
FILES = ["digestbot-rsa.pem", "digestbot-ed.pem"]
NAMES = ["digestbot-rsa._domainkey.example.org.", "digestbot-ed._domainkey.example.org."]


def texts(cli: Cli) -> dict[str, str]:
    return {one["name"].rstrip("."): one["value"] for one in cli.json("dkim", "generate")}


def preview(cli: Cli) -> bytes:
    return cli("preview", ADA, "--at", AT, "--format", "eml").raw


@pytest.fixture
def signing(stocked: Cli) -> Cli:
    stocked.configure(SENDER)
    stocked("dkim", "generate")
    return stocked


def test_generating_makes_two_private_files_and_prints_a_record_of_each_and_nothing_else(cli: Cli) -> None:
    cli.configure(SENDER)
    found = cli("dkim", "generate")
    rsa, ed25519 = found.out.splitlines()
    # Longer than a string of a TXT record may be.
    assert re.fullmatch(rf'{NAMES[0]} IN TXT "v=DKIM1; k=rsa; p=[A-Za-z0-9+/=]+" "[A-Za-z0-9+/=]+"', rsa)
    assert re.fullmatch(rf'{NAMES[1]} IN TXT "v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{{43}}="', ed25519)
    for name in FILES:
        assert stat.S_IMODE((cli.folder / name).stat().st_mode) == 0o600
        assert f"wrote {cli.folder / name}: keep a copy of it" in found.err
    assert {one.name for one in cli.folder.iterdir()} == {"settings.toml", *FILES}


def test_generating_again_keeps_the_files_and_prints_the_same(cli: Cli) -> None:
    cli.configure(SENDER)
    first = cli("dkim", "generate")
    before = [(cli.folder / name).read_bytes() for name in FILES]
    again = cli("dkim", "generate")
    assert again.out == first.out
    assert again.err.count("kept ") == 2
    assert [(cli.folder / name).read_bytes() for name in FILES] == before


def test_json_has_the_whole_value_and_the_file_of_each_key(cli: Cli) -> None:
    cli.configure(SENDER)
    first = cli.json("dkim", "generate")
    assert [(one["name"], one["type"], one["key"], one["made"]) for one in first] == [
        (name, "TXT", str(cli.folder / file), True) for name, file in zip(NAMES, FILES, strict=True)
    ]
    shown = cli("dkim", "generate").out.splitlines()
    assert ["".join(re.findall(r'"([^"]*)"', line)) for line in shown] == [one["value"] for one in first]
    assert [one["made"] for one in cli.json("dkim", "generate")] == [False, False]


def test_a_key_that_is_missing_is_made_and_the_other_kept(cli: Cli) -> None:
    cli.configure(SENDER)
    before = texts(cli)
    (cli.folder / FILES[1]).unlink()
    assert [one["made"] for one in cli.json("dkim", "generate")] == [False, True]
    after = texts(cli)
    assert [after[name] == value for name, value in before.items()] == [True, False]


def test_the_record_is_of_the_domain_and_selector_of_the_settings(cli: Cli) -> None:
    cli.configure('[dkim]\ndomain = "lists.example.com"\nselector_ed25519 = "e2026"\nrsa_key = "mine.pem"\n')
    assert [one["name"] for one in cli.json("dkim", "generate")] == [
        "digestbot-rsa._domainkey.lists.example.com.",
        "e2026._domainkey.lists.example.com.",
    ]
    assert (cli.folder / "mine.pem").exists()
    assert (cli.folder / "e2026.pem").exists()


def test_a_domain_that_nobody_can_look_up_is_told(cli: Cli) -> None:
    assert "nobody can look up localhost" in cli("dkim", "generate").err


def test_a_key_that_cannot_be_used_exits_2_with_its_file_and_is_not_shown(cli: Cli) -> None:
    cli.configure(SENDER)
    cli("dkim", "generate")
    path = cli.folder / FILES[0]
    secret = path.read_text().splitlines()[3]
    path.chmod(0o644)
    found = cli("dkim", "generate", code=2)
    assert f"{path}: others can read it; run: chmod 600 {path}" in found.err
    path.chmod(0o600)
    path.write_text(path.read_text()[100:])
    found = cli("dkim", "generate", code=2)
    assert f"{path}: is no private key in PEM" in found.err
    assert secret not in found.out + found.err


# mails


def test_the_preview_is_the_bytes_that_send_hands_over_signatures_and_all(signing: Cli) -> None:
    shown = preview(signing)
    signing("send", "--at", AT)
    (mail,) = signing.mails()
    assert mail.read_bytes() == shown
    assert dkimpy_says(shown, texts(signing)) == [True, True]


def test_without_keys_or_with_signing_off_no_mail_is_signed(signing: Cli) -> None:
    signed = preview(signing)
    signing.configure(SENDER + "[dkim]\nsign = false\n")
    plain = preview(signing)
    assert signed.endswith(plain)
    assert "DKIM-Signature" not in message_from_bytes(plain)
    signing.configure(SENDER)
    for name in FILES:
        (signing.folder / name).unlink()
    assert preview(signing) == plain


def test_signing_that_must_be_and_cannot_sends_nothing_and_names_the_file(stocked: Cli) -> None:
    stocked.configure(SENDER + "[dkim]\nsign = true\n")
    found = stocked("send", "--at", AT, code=2)
    assert f"{stocked.folder / FILES[0]}: there is no such DKIM key; run 'digestbot dkim generate'" in found.err
    assert stocked.mails() == []
    stocked("dkim", "generate")
    stocked("send", "--at", AT)
    (mail,) = stocked.mails()
    assert dkimpy_says(mail.read_bytes(), texts(stocked)) == [True, True]
