"""A mailbox takes the mails and gives them back as they were."""

from __future__ import annotations

from collections.abc import Callable

from tests.judges.dovecot import dovecot


def test_what_a_mailbox_gives_back_is_to_the_byte_what_was_sent(
    peer: Callable[[str], str], free_port: Callable[[], int], mails: dict[str, bytes]
) -> None:
    with dovecot(peer("dovecot"), free_port) as mailbox:
        for mail in mails.values():
            mailbox.take("reader", mail)
        for mail, given in zip(mails.values(), mailbox.give("reader"), strict=True):
            traces, _, rest = given.partition(b"DKIM-Signature: ")
            # So signatures hold: what was signed has not been touched, and nothing stands in between.
            assert b"DKIM-Signature: " + rest == mail
            assert {line.partition(b":")[0] for line in traces.splitlines() if line[:1].strip()} == {
                b"Return-Path",
                b"Delivered-To",
                b"Received",
            }
