"""What the headers of a mail that came in say, whatever bytes it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.mail.received import Received, read_head

ADDRESS = "unsub+abc@b.example.org"


@pytest.mark.parametrize("name", ["Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc", "dELIVERED-tO"])
@pytest.mark.parametrize(
    "value",
    [
        ADDRESS,
        f"<{ADDRESS}>",
        f'"Paper, Digest" <{ADDRESS}>',
        f"somebody@example.net,\r\n\t{ADDRESS}",
        f"Undisclosed:{ADDRESS};",
        f"{ADDRESS} (a comment)",
        f"Bücher <{ADDRESS}>",
        f"=?utf-8?q?B=C3=BCcher?= <{ADDRESS}>",
    ],
)
def test_an_address_is_found_wherever_it_stands(name: str, value: str) -> None:
    assert ADDRESS in read_head(f"Subject: unsubscribe\r\n{name}: {value}\r\n\r\nHello\r\n".encode()).recipients


def test_an_address_that_stands_elsewhere_is_not_whom_the_mail_is_for() -> None:
    mail = f"From: {ADDRESS}\nSubject: {ADDRESS}\nReply-To: {ADDRESS}\nTo: a@b.org\n\nTo: {ADDRESS}\n".encode()
    assert read_head(mail) == Received(recipients=("a@b.org",))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_will_do(end: str) -> None:
    lines = ["From a@b.org Tue May 27 08:00:00 2025", "Received: here", "\tthere", f"To: {ADDRESS}", "", "To: c@d.org"]
    assert read_head(end.join(lines).encode()).recipients == (ADDRESS,)


@pytest.mark.parametrize(
    ("header", "sign"),
    [
        ("Auto-Submitted: auto-replied", "Auto-Submitted"),
        ("AUTO-SUBMITTED: Auto-Generated (by a rule); owner=x", "Auto-Submitted"),
        ("Precedence: bulk", "Precedence"),
        ("precedence:  JUNK ", "Precedence"),
        ("Precedence: auto_reply", "Precedence"),
        ("Return-Path: <>", "Return-Path: <>"),
        ("Auto-Submitted: no", ""),
        ("Auto-Submitted: NO (a person)", ""),
        ("Precedence: first-class", ""),
        ("Return-Path: <ada@example.org>", ""),
    ],
)
def test_a_mail_that_a_program_wrote_is_known_by_a_sign(header: str, sign: str) -> None:
    assert read_head(f"To: {ADDRESS}\r\n{header}\r\n\r\n".encode()).automatic == sign


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text('To:@<>\r\n "=?utf-8q ;,(\\)é', max_size=200).map(str.encode))
@example(b"To: =?utf-8?b?////?= \xff\xfe <a@b>\r\nContent-Type: multipart/mixed; boundary=\xff\r\n\r\n--")
@example(b"To" * 100_000)
@example(b"To: " + b"a@b," * 100_000)
@example(b"Precedence: " + b"(" * 100_000)
def test_any_bytes_give_addresses_of_one_word(content: bytes) -> None:
    for address in read_head(content).recipients:
        assert "@" in address
        assert address.split() == [address]
