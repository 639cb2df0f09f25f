"""``bounce``: a mail to the address of List-Unsubscribe ends a subscription, and nothing else does."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

import pytest

from digestbot.links import SignedAddresses
from digestbot.models import SubscriberState
from tests.cli.conftest import ADA, Cli, Result
from tests.factories import NOW, new_store

AT = "2025-05-27T08:00"
SETTINGS = '[mail]\nsender = "Digest <digest@example.org>"\nbounce_domain = "bounce.example.org"\n'
FORGED = SignedAddresses("bounce.example.org", ["a key of somebody else"])


@dataclass(frozen=True)
class Desk:
    """An installation with one active subscriber, and her addresses."""

    cli: Cli
    unsubscribe: str
    bounce: str
    monkeypatch: pytest.MonkeyPatch

    def take(self, mail: bytes, code: int = 0) -> Result:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail)))
        return self.cli("bounce", code=code)

    def to(self, address: str, *headers: str, code: int = 0) -> Result:
        lines = ["Subject: unsubscribe", f"To: {address}", "From: Ada <ada@example.org>", *headers, "", "unsubscribe"]
        return self.take("\r\n".join(lines).encode(), code)

    @property
    def state(self) -> str:
        return str(self.cli.json("subscriber", "show", ADA)["state"])


@pytest.fixture
def desk(stocked: Cli, monkeypatch: pytest.MonkeyPatch) -> Desk:
    stocked.configure(SETTINGS)
    mail = message_from_bytes(stocked("preview", ADA, "--at", AT, "--format", "eml").raw)
    found = re.search(r"<mailto:([^?]+)\?subject=unsubscribe>", mail["List-Unsubscribe"])
    assert found
    keys = re.findall(r'"([^"]{16,})"', (stocked.folder / "digestbot.secret").read_text())
    own = SignedAddresses("bounce.example.org", keys)
    return Desk(stocked, found[1], own.bounce(own.read("u", found[1])), monkeypatch)


def test_a_mail_to_the_address_of_a_digest_unsubscribes_and_says_so_without_an_address(desk: Desk) -> None:
    found = desk.to(desk.unsubscribe)
    assert found.out == "unsubscribed\n"
    assert found.err == ""
    assert desk.state == "unsubscribed"


def test_the_last_mail_says_goodbye_and_the_same_mail_again_does_nothing_more(desk: Desk) -> None:
    desk.to(desk.unsubscribe)
    assert "ended already" in desk.to(desk.unsubscribe).out
    desk.cli("send")
    (mail,) = desk.cli.mails()
    assert message_from_bytes(mail.read_bytes())["Subject"].startswith("Goodbye")
    assert desk.cli.json("send")["sent"] == 0


@pytest.mark.parametrize("state", ["pending", "paused"])
def test_who_has_not_confirmed_or_paused_can_leave_too(desk: Desk, state: str) -> None:
    set_state(desk, state)
    assert desk.to(desk.unsubscribe).out == "unsubscribed\n"
    assert desk.state == "unsubscribed"


def test_who_bounced_stays_so(desk: Desk) -> None:
    set_state(desk, "bounced")
    assert "ended already" in desk.to(desk.unsubscribe).out
    assert desk.state == "bounced"


def set_state(desk: Desk, state: str) -> None:
    store = new_store(desk.cli.folder / "digestbot.sqlite")
    store.subscribers.set_state(store.subscribers.by_email(ADA).id, SubscriberState(state), NOW)
    store.close()


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "Envelope-To", "Cc", "DELIVERED-TO"])
@pytest.mark.parametrize("written", [str.upper, "<{}>".format, '"unsubscribe, please" <{}>'.format])
def test_the_address_counts_wherever_and_however_it_is_written(
    desk: Desk, header: str, written: Callable[[str], str]
) -> None:
    assert desk.to("list@example.net", f"{header}: {written(desk.unsubscribe)}").out == "unsubscribed\n"


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "Precedence: junk",
        "Precedence: auto_reply",
        "Return-Path: <>",
    ],
)
def test_what_a_program_wrote_unsubscribes_nobody(desk: Desk, header: str) -> None:
    found = desk.to(desk.unsubscribe, header, code=1)
    assert "a program wrote this mail" in found.err
    assert found.out == ""
    assert desk.state == "active"


def test_forged_foreign_and_cut_addresses_change_nothing(desk: Desk) -> None:
    identifier = 1
    others = [
        FORGED.unsubscribe(identifier),
        desk.unsubscribe.replace("@bounce.", "@other."),
        desk.unsubscribe.replace("+", "+a"),
        desk.unsubscribe.replace("unsub+", "unsubscribe+"),
        "reader@example.org",
        "",
    ]
    for address in others:
        assert "no address that we have made" in desk.to(address, code=1).err
    assert desk.state == "active"


def test_a_bounce_is_left_to_a_later_version_and_says_so(desk: Desk) -> None:
    assert "a bounce, which this version does not read" in desk.to(desk.bounce, "Return-Path: <>", code=1).err
    assert desk.state == "active"


def test_who_is_not_kept_any_more_needs_no_change(desk: Desk) -> None:
    (desk.cli.folder / "digestbot.sqlite").unlink()
    assert "nothing to do" in desk.to(desk.unsubscribe).out


def test_an_address_of_an_older_key_goes_on_working(desk: Desk) -> None:
    desk.cli("secret", "rotate")
    assert desk.to(desk.unsubscribe).out == "unsubscribed\n"


def test_without_a_bounce_domain_it_names_the_setting(desk: Desk) -> None:
    desk.cli.configure("")
    assert "[mail] bounce_domain is empty" in desk.to(desk.unsubscribe, code=2).err


@pytest.mark.parametrize("domain", ["a b", "bounce@example.org", "-a.org", "bücher.example", "a..b", "x\\r\\ny"])
def test_a_bounce_domain_that_is_none_is_an_error_that_names_it(desk: Desk, domain: str) -> None:
    desk.cli.configure(f'[mail]\nbounce_domain = "{domain}"\n')
    assert "mail.bounce_domain: is no domain" in desk.to(desk.unsubscribe, code=2).err


@pytest.mark.parametrize(
    "mail",
    [b"", b"\0" * 100, b"\xff\xfe\xfd" * 1000, b"To:\xff\xff\r\n\r\n", b"To: " + b"<" * 2**20, b"\n\n\nTo: a@b\n"],
)
def test_what_is_no_mail_is_refused_in_one_line(desk: Desk, mail: bytes) -> None:
    found = desk.take(mail, code=1)
    assert len(found.err.splitlines()) == 1


def test_a_mail_server_can_write_50_megabytes_into_the_pipe(desk: Desk) -> None:
    settings = str(desk.cli.folder / "settings.toml")
    mail = f"To: <{desk.unsubscribe}>\r\n\r\n".encode() + b"x" * 50_000_000
    command: list[Any] = [sys.executable, "-m", "digestbot", "--settings", settings, "bounce"]
    done = subprocess.run(command, input=mail, capture_output=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"unsubscribed" + os.linesep.encode(), b"")
    # What is far below is no header.
    below = b"Subject: x\r\n\r\n" + b"y" * 3_000_000 + f"\r\nTo: {desk.unsubscribe}\r\n".encode()
    assert "no address" in desk.take(below, code=1).err
