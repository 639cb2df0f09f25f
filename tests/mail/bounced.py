"""Mails that came back, as the programs that there are write them: our own words in their formats.

``MAIL`` is what was sent; its return path is signed in the tests that need that.
"""

from __future__ import annotations

from collections.abc import Sequence

READER = "ada@example.net"
MESSAGE_ID = "<2025-05-27.00000000000000aa@example.org>"
RETURN_PATH = "b+token@bounce.example.org"

MAIL = f"""Return-Path: <{RETURN_PATH}>
From: Paper Digest <digest@example.org>
To: {READER}
Subject: 7 new papers for you
Message-ID:
 {MESSAGE_ID}
List-Unsubscribe: <https://papers.example.org/u/x>,
 <mailto:unsub+token@bounce.example.org?subject=unsubscribe>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

1. Counting what the index forgets
"""
HEADERS = MAIL.partition("\n\n")[0] + "\n"


def addressed(mail: str, to: str = RETURN_PATH) -> bytes:
    """Return a mail as a server hands it over: with lines of the net, to this address."""
    text = f"Return-Path: <>\nDelivered-To: {to}\nDate: Tue, 27 May 2025 08:01:00 +0000\n{mail}"
    return text.replace("\n", "\r\n").encode()


def by_a_person(mail: bytes) -> bytes:
    """Return a mail as it comes when somebody has written it, and not a program."""
    return mail.replace(b"Return-Path: <>", b"Return-Path: <cy@example.net>", 1)


def dsn(
    *recipients: str,
    sender: str = "MAILER-DAEMON@mx.example.net (Mail Delivery System)",
    subject: str = "Undelivered Mail Returned to Sender",
    text: str = "I'm sorry to have to inform you that your message could not be delivered.",
    returned: str = MAIL,
    returned_as: str = "message/rfc822",
    status_as: str = "message/delivery-status",
    headers: Sequence[str] = ("Auto-Submitted: auto-replied",),
    about: str = "Reporting-MTA: dns; mx.example.net\nArrival-Date: Tue, 27 May 2025 08:00:30 +0000",
    to: str = RETURN_PATH,
) -> bytes:
    """Return a report of RFC 3464 on some recipients, each a group of fields."""
    groups = "\n\n".join((about, *recipients))
    extra = "".join(f"{header}\n" for header in headers)
    return addressed(
        f"""From: {sender}
To: {to}
Subject: {subject}
{extra}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_report_1/mx"

This is a MIME-encapsulated message.

--=_report_1/mx
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

{text}

--=_report_1/mx
Content-Description: Delivery report
Content-Type: {status_as}

{groups}

--=_report_1/mx
Content-Description: Undelivered Message
Content-Type: {returned_as}

{returned}
--=_report_1/mx--
""",
        to,
    )


def recipient(
    status: str = "5.1.1", diagnostic: str = "", *, action: str = "failed", final: str = READER, original: str = READER
) -> str:
    """Return the fields of one recipient."""
    lines = [
        *([f"Original-Recipient: rfc822;{original}"] if original else []),
        f"Final-Recipient: rfc822; {final}",
        *([f"Action: {action}"] if action else []),
        *([f"Status: {status}"] if status else []),
        *([f"Diagnostic-Code: {diagnostic}"] if diagnostic else []),
    ]
    return "\n".join(lines)


def plain(
    text: str, *, sender: str = "MAILER-DAEMON@mx.example.net", subject: str, headers: Sequence[str] = ()
) -> bytes:
    """Return a mail of one text."""
    extra = "".join(f"{header}\n" for header in headers)
    return addressed(f"From: {sender}\nTo: {RETURN_PATH}\nSubject: {subject}\n{extra}\n{text}")


def complaint(
    kind: str = "abuse",
    *,
    fields: str = "",
    returned: str = MAIL,
    returned_as: str = "message/rfc822",
    to: str = "fbl@example.org",
) -> bytes:
    """Return a report of RFC 5965, as feedback loops send them."""
    return addressed(
        f"""From: Feedback Loop <fbl@provider.example>
To: {to}
Subject: FW: 7 new papers for you
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
 boundary="part_of_feedback"

--part_of_feedback
Content-Type: text/plain; charset="US-ASCII"

This is an abuse report for a message received from 192.0.2.1.

--part_of_feedback
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Feedback/1.0
Version: 1
Arrival-Date: Tue, 27 May 2025 08:00:30 GMT
Source-IP: 192.0.2.1
{fields}
--part_of_feedback
Content-Type: {returned_as}
Content-Disposition: inline

{returned}
--part_of_feedback--
""",
        to,
    )


POSTFIX = dsn(
    recipient(
        "5.1.1", f"smtp; 550 5.1.1 <{READER}>: Recipient address\n    rejected: User unknown in virtual mailbox table"
    ),
    about="Reporting-MTA: dns; mx.example.org\nX-Postfix-Queue-ID: 4F2A1\nX-Postfix-Sender: rfc822; b+token@bounce.example.org",
)
POSTFIX_FULL = dsn(recipient("5.2.2", f"smtp; 552 5.2.2 <{READER}>: over quota"))
POSTFIX_EXPIRED = dsn(recipient("4.4.1", "X-Postfix; connect to mx.example.net[192.0.2.7]:25: Connection timed out"))
POSTFIX_DELAYED = dsn(
    recipient("4.4.1", "X-Postfix; connect to mx.example.net[192.0.2.7]:25: Connection timed out", action="delayed"),
    subject="Delayed Mail (still being retried)",
)
POSTFIX_ARRIVED = dsn(
    recipient("2.0.0", "smtp; 250 2.0.0 Ok: queued as 77A", action="relayed"), subject="Successful Mail Delivery Report"
)
EXIM = plain(
    f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {READER}
    host mx.example.net [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<{READER}>:
    550 5.1.1 no mailbox of that name here

------ This is a copy of the message, including all the headers. ------

{MAIL}""",
    sender="Mail Delivery System <Mailer-Daemon@mx.example.org>",
    subject="Mail delivery failed: returning message to sender",
    headers=[f"X-Failed-Recipients: {READER}", "Auto-Submitted: auto-replied"],
)
EXIM_EXPIRED = EXIM.replace(b"550 5.1.1 no mailbox of that name here", b"retry timeout exceeded")
SENDMAIL = dsn(
    f"Final-Recipient: RFC822; {READER}\nAction: failed\nStatus: 5.1.1\nRemote-MTA: DNS; mx.example.net\n"
    "Diagnostic-Code: SMTP; 550 5.1.1 No such person\nLast-Attempt-Date: Tue, 27 May 2025 08:00:31 GMT",
    sender="Mail Delivery Subsystem <MAILER-DAEMON>",
    subject="Returned mail: see transcript for details",
    text=f"   ----- The following addresses had permanent fatal errors -----\n<{READER}>\n    (reason: 550 5.1.1 No such person)",
    returned=HEADERS,
    returned_as="text/rfc822-headers",
)
QMAIL = plain(
    f"""Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{READER}>:
192.0.2.7 does not like recipient.
Remote host said: 550 nobody of that name
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

{MAIL}""",
    subject="failure notice",
)
EXCHANGE = dsn(
    recipient(
        "5.1.10",
        f"smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {READER} not found by SMTP address lookup",
        original="",
    ),
    sender="Microsoft Outlook <MicrosoftExchange329e71@example.net>",
    subject="Undeliverable: 7 new papers for you",
    about="Reporting-MTA: dns;MX1.example.net\nReceived-From-MTA: dns;mx.example.org",
    headers=["Content-Language: en-GB", "X-MS-Exchange-Message-Is-Ndr:"],
)
OUTLOOK_COM = dsn(
    recipient("5.5.0", "smtp;550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", original=""),
    sender="postmaster@outlook.example",
    subject="Undeliverable: 7 new papers for you",
)
GMAIL = dsn(
    recipient(
        "5.1.1",
        "smtp; 550-5.1.1 The account that you tried to reach is not there. Please check\n"
        " 550-5.1.1 for typos. Learn more at\n 550 5.1.1  https://support.example/NoSuchUser x1-20020a - gsmtp",
        original="",
    ),
    sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
    subject="Delivery Status Notification (Failure)",
    headers=["Auto-Submitted: auto-replied", f"X-Failed-Recipients: {READER}"],
)
GMAIL_BLOCKED = dsn(
    recipient("5.7.26", "smtp; 550-5.7.26 Your email has been blocked because the sender is unauthenticated.")
)
YAHOO = plain(
    f"""Sorry, we were unable to deliver your message to the following address.

<{READER}>:
Remote host said:
554 delivery error: dd This user doesn't have an account here [0] - mta7.example [BODY]

--- Below this line is a copy of the message.

{MAIL}""",
    sender="MAILER-DAEMON@yahoo.com",
    subject="Failure Notice",
)
COURIER = dsn(
    f"Final-Recipient: rfc822; {READER}\nAction: failed\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.net [192.0.2.7]\n"
    "Diagnostic-Code: smtp; 550 User unknown.",
    sender='"Courier mail server at mx.example.org" <@>',
    subject="NOTICE: mail delivery status.",
    text="This is a delivery status notification from mx.example.org,\nrunning the Courier mail server, version 1.2.",
    returned=HEADERS,
    returned_as="text/rfc822-headers; charset=us-ascii",
)
SES = dsn(
    recipient("5.1.1", "smtp; 550 5.1.1 user unknown", original=""),
    sender="MAILER-DAEMON@eu-west-1.amazonses.com",
    subject="Delivery Status Notification (Failure)",
    text="An error occurred while trying to deliver the mail to the following recipients:\n" + READER,
    about="Reporting-MTA: dns; a7-11.smtp-out.eu-west-1.amazonses.com",
)
BARE = plain(
    f"Your mail could not be delivered.\n\n{READER}: 550 5.1.1 there is no such mailbox\n\nMessage-ID: {MESSAGE_ID}\n",
    sender="Mail Delivery System <mailer-daemon@odd.example>",
    subject="Mail not delivered",
)
JMRP = complaint(
    fields=f"Original-Rcpt-To: {READER}\nReported-Domain: example.org",
    returned=MAIL.replace(f"Return-Path: <{RETURN_PATH}>", f"X-HmXmrOriginalRecipient: <{READER}>"),
)
YAHOO_CFL = complaint(
    fields=f"Original-Mail-From: <{RETURN_PATH}>\nOriginal-Rcpt-To: {READER}\nReported-Domain: example.org",
    returned=HEADERS,
    returned_as="text/rfc822-headers",
)
VACATION = plain(
    "I am away until Monday and will read your mail then.\n\n> 1. Counting what the index forgets\n",
    sender=f"Ada <{READER}>",
    subject="Out of office: 7 new papers for you",
    headers=["Auto-Submitted: auto-replied", "X-Autoreply: yes"],
)
EXIM_DELAYED = plain(
    f"""This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.org.

The address to which the message has not yet been delivered is:

  {READER}

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals.
""",
    sender="Mail Delivery System <Mailer-Daemon@mx.example.org>",
    subject="Warning: message 1uJq delayed 24 hours",
)
