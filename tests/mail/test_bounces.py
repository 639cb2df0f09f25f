"""Bounces of many makers, complaints, and what only looks like them."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot.errors import NoBounceError
from digestbot.mail.bounces import parse
from digestbot.mail.verdicts import judge
from digestbot.models import BounceKind
from tests.mail import bounced
from tests.mail.bounced import (
    MAIL,
    MESSAGE_ID,
    READER,
    RETURN_PATH,
    addressed,
    by_a_person,
    complaint,
    dsn,
    plain,
    recipient,
)

HARD, SOFT, COMPLAINT = BounceKind.HARD, BounceKind.SOFT, BounceKind.COMPLAINT


@pytest.mark.parametrize(
    ("mail", "kind", "status", "text"),
    [
        (bounced.POSTFIX, HARD, "5.1.1", "550 5.1.1 <ada@example.net>: Recipient address rejected: User unknown in"),
        (bounced.POSTFIX_FULL, SOFT, "5.2.2", "552 5.2.2 <ada@example.net>: over quota"),
        (bounced.POSTFIX_EXPIRED, SOFT, "4.4.1", "connect to mx.example.net[192.0.2.7]:25: Connection timed out"),
        (bounced.EXIM, HARD, "5.1.1", "550 5.1.1 no mailbox of that name here"),
        (bounced.EXIM_EXPIRED, SOFT, "", ""),
        (bounced.SENDMAIL, HARD, "5.1.1", "550 5.1.1 No such person"),
        (bounced.QMAIL, HARD, "5.0.0", "550 nobody of that name"),
        (bounced.EXCHANGE, HARD, "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient"),
        (bounced.OUTLOOK_COM, HARD, "5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable"),
        (bounced.GMAIL, HARD, "5.1.1", "550-5.1.1 The account that you tried to reach is not there. Please check for"),
        (bounced.YAHOO, HARD, "5.0.0", "554 delivery error: dd This user doesn't have an account here"),
        (bounced.COURIER, HARD, "5.0.0", "550 User unknown."),
        (bounced.SES, HARD, "5.1.1", "550 5.1.1 user unknown"),
    ],
)
def test_a_bounce_of_each_maker_says_of_which_mail_it_is_and_why_it_came_back(
    mail: bytes, kind: BounceKind, status: str, text: str
) -> None:
    report = parse(mail)
    assert (report.kind, report.status, report.address, report.message_id) == (kind, status, READER, MESSAGE_ID)
    assert report.text.startswith(text)
    assert RETURN_PATH in report.carried


def test_a_bounce_without_any_parts_is_read_when_a_mail_daemon_wrote_it() -> None:
    report = parse(bounced.BARE)
    assert (report.kind, report.status, report.message_id) == (HARD, "5.1.1", MESSAGE_ID)
    with pytest.raises(NoBounceError, match="no bounce that can be read"):
        parse(
            by_a_person(bounced.BARE).replace(b"Mail Delivery System <mailer-daemon@odd.example>", b"<cy@example.net>")
        )


@pytest.mark.parametrize(
    ("mail", "meaning"),
    [
        (bounced.POSTFIX_DELAYED, "a notice of delay"),
        (bounced.EXIM_DELAYED, "a notice of delay"),
        (bounced.POSTFIX_ARRIVED, "a notice that it went on"),
        (dsn(recipient("2.1.5", action="delivered")), "a notice that it arrived"),
        (dsn(recipient("2.0.0", action="expanded (to the members)")), "a notice that it went on"),
        (bounced.GMAIL_BLOCKED, "a refusal of us (5.7.26), not of the reader"),
        (bounced.VACATION, "an automatic reply"),
        (complaint("not-spam"), "a report that a mail is no spam"),
        (complaint("auth-failure"), "a report of a signature that does not hold"),
    ],
)
def test_what_is_no_failure_of_the_reader_counts_against_nobody_and_says_what_it_is(mail: bytes, meaning: str) -> None:
    report = parse(mail)
    assert (report.kind, report.meaning) == (None, meaning)


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind"),
    [
        ("5.1.2", "", HARD),
        ("5.1.6", "smtp; 550 moved", HARD),
        ("5.2.1", "", SOFT),
        ("5.2.2", "", SOFT),
        ("5.3.4", "smtp; 552 too big", SOFT),
        ("5.4.4", "X-Postfix; Host not found", SOFT),
        ("5.6.1", "", SOFT),
        ("4.7.0", "smtp; 451 4.7.0 greylisted", None),
        ("5.7.1", "smtp; 550 5.7.1 your network is not welcome", None),
        ("5.1.8", "smtp; 553 5.1.8 sender domain unknown", None),
        # The code says nothing, and the reply or the words do.
        ("5.0.0", "smtp; 552 5.2.2 mailbox full", SOFT),
        ("5.0.0", "smtp; 550 this user's mailbox is over quota", SOFT),
        ("5.0.0", "smtp; 552 not now", SOFT),
        ("5.0.0", "smtp; 451 come back", SOFT),
        ("5.0.0", "smtp; 554 5.7.1 blocked", None),
        ("5.0.0", "smtp; 550 your address is on a blacklist", None),
        ("5.0.0", "smtp; 550 no such user", HARD),
        ("5.0.0", "smtp; 550 relay not permitted", None),
        ("5.0.0", "smtp; 554 the sending quota of your account is exceeded", None),
        ("5.0.0", "smtp; 550 unbalanced quotation marks", HARD),
        ("", "smtp; 550 5.1.1 no such user", HARD),
        ("", "", HARD),
        ("no code", "x", HARD),
    ],
)
def test_the_code_decides_and_where_it_says_nothing_the_words_do(
    status: str, diagnostic: str, kind: BounceKind | None
) -> None:
    assert parse(dsn(recipient(status, diagnostic))).kind == kind


@pytest.mark.parametrize(
    ("groups", "kind"),
    [
        ((recipient("5.1.1"), recipient("5.1.1", final="b@example.net")), HARD),
        ((recipient("5.1.1"), recipient("5.2.2", final="b@example.net")), SOFT),
        ((recipient("5.1.1"), recipient("2.0.0", action="delivered", final="b@example.net")), None),
        ((recipient("5.1.1"), recipient("4.4.1", action="delayed", final="b@example.net")), None),
    ],
)
def test_of_several_mailboxes_behind_an_address_the_one_that_did_best_counts(
    groups: tuple[str, ...], kind: BounceKind | None
) -> None:
    assert parse(dsn(*groups)).kind == kind


@pytest.mark.parametrize(
    "mail",
    [
        dsn(recipient("5.1.1"), status_as="message/global-delivery-status"),
        # All fields in one group.
        dsn(about="Reporting-MTA: dns; mx.example.net\n" + recipient("5.1.1")),
        # Below other parts, as a relay or a person sends it on.
        addressed(
            "Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: text/plain\n\nsee below\n"
            f"--outer\nContent-Type: message/rfc822\n\n{dsn(recipient('5.1.1')).decode().replace(chr(13), '')}\n--outer--\n"
        ),
        # Cut off behind our own mail's headers, and within its body.
        dsn(recipient("5.1.1")).partition(b"1. Counting")[0],
        dsn(recipient("5.1.1"), returned=MAIL + "x\n" * 50_000)[:40_000],
    ],
)
def test_nested_cut_and_oddly_grouped_reports_are_read(mail: bytes) -> None:
    report = parse(mail)
    assert (report.kind, report.status, report.message_id) == (HARD, "5.1.1", MESSAGE_ID)


@pytest.mark.parametrize("end", [b"Action: fail", b"Status: 5.1.1", b"Diagnostic-Code: smtp"])
def test_a_report_that_ends_in_the_middle_says_what_it_has(end: bytes) -> None:
    whole = dsn(recipient("5.1.1", "smtp; 550 5.1.1 no such user"))
    report = parse(whole[: whole.index(end) + len(end)])
    assert (report.kind, report.message_id) == (HARD, "")


@pytest.mark.parametrize("kind", ["abuse", "fraud", "other", "opt-out", "miscategorized", ""])
def test_a_complaint_is_one_whatever_it_is_called(kind: str) -> None:
    report = parse(complaint(kind, fields=f"Original-Rcpt-To: {READER}"))
    assert (report.kind, report.address, report.message_id) == (COMPLAINT, READER, MESSAGE_ID)


def test_a_complaint_brings_back_signed_addresses_in_its_fields_or_in_our_mail() -> None:
    assert parse(bounced.YAHOO_CFL).carried == (RETURN_PATH, "unsub+token@bounce.example.org")
    found = parse(bounced.JMRP)
    assert (found.carried, found.address) == (("unsub+token@bounce.example.org",), READER)


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\0" * 1000,
        by_a_person(addressed(MAIL)),
        by_a_person(plain("Please take me off your list.", sender="<cy@example.net>", subject="Re: 7 new papers")),
        plain("Something went wrong.", subject="a report in a dialect that nobody knows"),
        addressed("Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nnothing\n--x--\n"),
        b"Content-Type: multipart/mixed; boundary*=a\0b'x'y\r\n\r\n--y\r\n",
    ],
)
def test_what_is_no_report_is_refused(mail: bytes) -> None:
    with pytest.raises(NoBounceError):
        parse(mail)


def test_a_daemons_report_that_nobody_can_read_is_not_taken_for_an_automatic_reply() -> None:
    odd = plain("Something went wrong.", subject="Alas", headers=["Auto-Submitted: auto-replied"])
    with pytest.raises(NoBounceError, match="no bounce that can be read"):
        parse(odd)
    assert parse(odd.replace(b"MAILER-DAEMON@mx", b"Ada <ada@mx")).kind is None


@pytest.mark.parametrize(
    "mail",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (one, one) for one in range(250))
        + b"x\n" * 100_000,
        b"Content-Type: message/rfc822\n\n" * 5000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1000,
        dsn(recipient("5.1.1")) + b"x" * 50_000_000,
    ],
)
def test_a_mail_made_to_be_slow_is_not(mail: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(NoBounceError):
        parse(mail)
    assert time.process_time() - started < 1


def mails() -> st.SearchStrategy[bytes]:
    """Any bytes, and real reports with pieces taken out, put in and swapped."""
    real = st.sampled_from([one for one in vars(bounced).values() if isinstance(one, bytes)])
    return st.binary(max_size=2000) | st.builds(
        lambda mail, place, length, put: mail[: (at := place % len(mail))] + put + mail[at + length :],
        real,
        st.integers(0, 10_000),
        st.integers(0, 60),
        st.binary(max_size=30)
        | st.sampled_from([b"\r\n\r\n", b"Content-Type: message/delivery-status\r\n\r\n", b"--"]),
    )


@given(mails())
def test_any_bytes_are_a_report_or_none(mail: bytes) -> None:
    try:
        report = parse(mail)
    except NoBounceError:
        return
    assert report.meaning
    assert all("\n" not in text for text in (report.address, report.status, report.text, report.message_id))


@pytest.mark.parametrize("text", ["550 Message from 5.75.1.20 rejected by the filter", "554 Blocked [4.31.198.44]"])
def test_an_address_of_a_machine_is_no_code(text: str) -> None:
    assert judge("", text).status == "5.0.0"
