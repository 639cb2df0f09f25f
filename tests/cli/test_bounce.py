"""``bounce``: what comes back to our addresses: bounces, complaints, and mails to the address of List-Unsubscribe."""

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
from digestbot.models import DeliveryState, SubscriberState
from tests.cli.conftest import ADA, Cli, Result
from tests.factories import NOW, new_store
from tests.mail import bounced
from tests.mail.bounced import RETURN_PATH

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


def returned(desk: Desk, mail: bytes) -> bytes:
    """Return a report on a mail to Ada, as it comes back to her address."""
    mail = mail.replace(b"unsub+token@bounce.example.org", desk.unsubscribe.encode())
    return mail.replace(RETURN_PATH.encode(), desk.bounce.encode())


def test_a_bounce_suppresses_the_address_and_says_so_without_naming_it(desk: Desk) -> None:
    found = desk.take(returned(desk, bounced.POSTFIX))
    assert (found.out, found.err) == ("a lasting failure: the address is suppressed\n", "")
    assert desk.state == "bounced"
    assert "as it was before" in desk.take(returned(desk, bounced.POSTFIX)).out


def test_a_mail_that_bounced_is_marked_so_and_bounces_once(desk: Desk) -> None:
    sent = desk.cli.json("send", "--at", AT)
    assert sent["sent"] == 1
    (mail,) = desk.cli.mails()
    message_id = message_from_bytes(mail.read_bytes())["Message-ID"]
    report = returned(desk, bounced.POSTFIX).replace(bounced.MESSAGE_ID.encode(), message_id.encode())
    assert "suppressed" in desk.take(report).out
    assert "recorded before" in desk.take(report).out
    store = new_store(desk.cli.folder / "digestbot.sqlite")
    assert store.outbox.counts() == {DeliveryState.BOUNCED: 1}
    store.close()


@pytest.mark.parametrize("mail", [bounced.YAHOO_CFL, bounced.JMRP])
def test_a_complaint_unsubscribes_although_it_comes_to_the_address_of_a_feedback_loop(desk: Desk, mail: bytes) -> None:
    report = returned(desk, mail)
    assert "a complaint: unsubscribed" in desk.take(report).out
    assert desk.state == "unsubscribed"
    assert "nothing to do" in desk.take(report).out
    desk.cli("send")
    assert desk.cli.mails() == []


@pytest.mark.parametrize(
    "mail", [bounced.POSTFIX_DELAYED, bounced.POSTFIX_ARRIVED, bounced.VACATION, bounced.GMAIL_BLOCKED]
)
def test_what_counts_against_nobody_is_done_with_and_changes_nothing(desk: Desk, mail: bytes) -> None:
    assert desk.take(returned(desk, mail)).out.startswith("nothing to do: a")
    assert desk.state == "active"


def test_what_bounces_carry_that_we_did_not_sign_is_refused(desk: Desk) -> None:
    """The token in the fixtures is nobody's."""
    assert "of no mail that we have signed" in desk.take(bounced.POSTFIX, code=1).err
    assert "of no mail that we have signed" in desk.take(bounced.YAHOO_CFL, code=1).err
    forged = bounced.POSTFIX.replace(RETURN_PATH.encode(), FORGED.bounce(1).encode())
    assert "of no mail that we have signed" in desk.take(forged, code=1).err
    assert desk.state == "active"
    assert desk.cli.json("suppression", "list") == []


def test_a_mail_of_a_person_to_the_address_of_bounces_changes_nothing(desk: Desk) -> None:
    found = desk.to(desk.bounce, code=1)
    assert "no bounce that can be read; nothing was changed" in found.err
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


def test_a_database_that_cannot_be_used_now_is_for_the_mail_server_to_try_again(desk: Desk) -> None:
    desk.cli.configure(SETTINGS.replace("[mail]", 'database = "elsewhere/digestbot.sqlite"\n[mail]'))
    found = desk.take(returned(desk, bounced.POSTFIX), code=75)
    assert (found.out, len(found.err.splitlines())) == ("", 1)
    assert "there is no folder" in found.err


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
    mail = returned(desk, bounced.POSTFIX) + b"x" * 50_000_000
    command: list[Any] = [sys.executable, "-m", "digestbot", "--settings", settings, "bounce"]
    done = subprocess.run(command, input=mail, capture_output=True, check=False, env=os.environ)
    said = b"a lasting failure: the address is suppressed" + os.linesep.encode()
    assert (done.returncode, done.stdout, done.stderr) == (0, said, b"")
    # What is far below is no header.
    below = b"Subject: x\r\n\r\n" + b"y" * 3_000_000 + f"\r\nTo: {desk.unsubscribe}\r\n".encode()
    assert "no address" in desk.take(below, code=1).err
