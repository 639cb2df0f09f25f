"""A mail as final bytes: its headers, its parts, and that the same is the same."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email import policy
from email.message import EmailMessage
from typing import Any

import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digestbot.digest.compose import (
    confirm_delivery,
    digest_delivery,
    goodbye_delivery,
    quiet_delivery,
    welcome_delivery,
)
from digestbot.digest.render import Renderer
from digestbot.links import Links, SignedAddresses
from digestbot.mail.message import Draft, Sender, build, digest_headers
from digestbot.models import WEEKDAYS, Delivery, Reason, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.store import Preferences, Store
from tests.factories import DAY, KEY, NOW, digest, paper, subscriber

SENDER = Sender(sender="Paper Digest <digest@example.org>", reply_to="help@example.org", list_name="Daily papers")
UNSUBSCRIBE = "https://papers.example.org/u/" + "t" * 60
ODD_SUBJECTS = [
    "🦉 owls, a survey",
    "תורת הגרפים, and one more",
    "word " * 1000,
    "x" * 5000,
    "é" * 5000,
    "first\r\nBcc: everybody@example.org",
    "=?utf-8?q?looks_encoded?=",
    "a =?utf-8?b?eA==?= b",
    "tab\tand  blanks ",
    "",
]


def draft(**changes: Any) -> Draft:
    values: dict[str, Any] = {
        "to": "reader1@example.org",
        "subject": "A title, and nine more",
        "text": "Hello\n",
        "html": "<p>Hello</p>\n",
        "message_id": "<2025-05-27.1@example.org>",
        "date": NOW,
        "extra": digest_headers(SENDER, unsubscribe=UNSUBSCRIBE, one_click=True, day="2025-05-27"),
    }
    return Draft(**values | changes)


def parsed(message: bytes) -> EmailMessage:
    return email.message_from_bytes(message, policy=policy.default)


def part(message: bytes, kind: str) -> str:
    body = parsed(message).get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


def head(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[0] + b"\r\n"


def letters(
    store: Store, templates: jinja2.Environment, links: Links, postal_address: str = "", bounce_domain: str = ""
) -> Letters:
    renderer = Renderer(templates, links, postal_address=postal_address)
    addresses = SignedAddresses(bounce_domain, [KEY]) if bounce_domain else None
    return Letters(store.digests, store.subscribers, renderer, links, SENDER, addresses=addresses)


def test_a_digest_is_the_golden_mail(
    store: Store, templates: jinja2.Environment, links: Links, golden: Callable[[str, bytes], None]
) -> None:
    papers = [
        paper(
            1,
            title="Owl: sparse retrieval that explains itself",
            abstract="Sparse vectors are fast but opaque. We show a way to read them. Owl names the terms that matter.",
        ),
        paper(
            2,
            title="Ranking by few clicks",
            authors=tuple(f"Author {letter}" for letter in "ABCDEF"),
            abstract="A reader gives few clicks, and most say yes. " * 12,
        ),
    ]
    made = digest(*papers)
    reader = subscriber()
    delivery = digest_delivery(made, reader, domain="example.org")
    golden("digest.eml", letters(store, templates, links).write_digest(made, reader, delivery))


def test_a_digest_of_odd_papers_is_the_golden_mail(
    store: Store, templates: jinja2.Environment, links: Links, golden: Callable[[str, bytes], None]
) -> None:
    papers = [
        paper(1, title='<script>alert("1")</script> & other titles 🦉', authors=('Eve "<b>" O\'Hara',), upvotes=1),
        paper(2, title="גרפים דלילים ושכנים קרובים", authors=("עדה כהן",), abstract="אנו מציעים דרך קצרה. היא מהירה."),
        paper(3, abstract="", authors=(), url="", categories=()),
        paper(4, title="word " * 120, abstract="unbreakable" * 60),
    ]
    made = digest(*papers)
    trending = tuple(replace(item, reason=Reason(kind="trending")) for item in made.items)
    made = replace(made, items=trending, days="mon,thu")
    reader = subscriber(days="mon,thu")
    delivery = digest_delivery(made, reader, domain="example.org")
    message = letters(store, templates, links, "Lindenstraße 1, 10969 Berlin").write_digest(made, reader, delivery)
    golden("digest-odd.eml", message)


def test_the_mail_that_asks_to_confirm_is_the_golden_mail(
    store: Store, templates: jinja2.Environment, links: Links, golden: Callable[[str, bytes], None]
) -> None:
    reader = store.subscribers.add("ada@example.org", SubscriberState.PENDING, Preferences(), NOW)
    delivery = confirm_delivery(reader, domain="example.org", now=NOW)
    golden("confirm.eml", letters(store, templates, links).write(delivery))


def test_the_mails_of_a_subscription_are_the_golden_mails(
    store: Store, templates: jinja2.Environment, links: Links, golden: Callable[[str, bytes], None]
) -> None:
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, Preferences(), NOW)
    written = letters(store, templates, links, "Lindenstraße 1, 10969 Berlin")
    golden("welcome.eml", written.write(welcome_delivery(reader, domain="example.org", now=NOW)))
    golden("goodbye.eml", written.write(goodbye_delivery(reader, domain="example.org", now=NOW)))
    quiet = quiet_delivery(reader, local_day=DAY, domain="example.org", now=NOW)
    golden("quiet.eml", written.write(quiet))


def test_a_mail_of_the_list_can_be_ended_by_one_click_and_a_goodbye_is_none(
    store: Store, templates: jinja2.Environment, links: Links
) -> None:
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, Preferences(), NOW)
    written = letters(store, templates, links)
    welcome = head(written.write(welcome_delivery(reader, domain="example.org", now=NOW)))
    goodbye = head(written.write(goodbye_delivery(reader, domain="example.org", now=NOW)))
    assert b"\r\nList-Unsubscribe: <https://" in welcome
    assert b"List-Unsubscribe" not in goodbye
    assert b"\r\nAuto-Submitted: auto-generated\r\n" in goodbye


@pytest.mark.parametrize(
    ("weekday", "told"), [(0, "today"), (1, "tomorrow"), (2, "on Thursday, 29 May"), (6, "on Monday, 2 June")]
)
def test_a_welcome_says_when_the_first_list_comes(
    templates: jinja2.Environment, links: Links, weekday: int, told: str
) -> None:
    day = WEEKDAYS[(DAY.weekday() + weekday) % 7]
    made = Renderer(templates, links).welcome(subscriber(days=day, send_at=time(23, 0)), NOW)
    assert made.subject == f"Welcome: your first list comes {told}"
    assert f"the first time {told}" in " ".join(made.text.split())


def test_the_headers_of_a_digest_are_these_in_this_order() -> None:
    message = build(draft(), SENDER)
    assert parsed(message).items() == [
        ("From", "Paper Digest <digest@example.org>"),
        ("To", "reader1@example.org"),
        ("Reply-To", "help@example.org"),
        ("Subject", "A title, and nine more"),
        ("Date", "Tue, 27 May 2025 08:00:00 +0000"),
        ("Message-ID", "<2025-05-27.1@example.org>"),
        ("List-Id", "Daily papers <daily.digestbot.example.org>"),
        ("List-Unsubscribe", f"<{UNSUBSCRIBE}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Post", "NO"),
        ("Auto-Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("Feedback-ID", "2025-05-27:all:daily:digestbot"),
        ("MIME-Version", "1.0"),
        ("Content-Type", parsed(message)["Content-Type"]),
    ]


def test_the_feedback_id_names_no_reader() -> None:
    headers = dict(digest_headers(SENDER, unsubscribe=UNSUBSCRIBE, one_click=True, day="2025-05-27"))
    assert len(headers["Feedback-ID"].split(":")) == 4
    assert "reader" not in headers["Feedback-ID"]


@pytest.mark.parametrize("length", [10, 48, 78, 200, 800])
def test_the_unsubscribe_address_is_one_line_and_never_encoded(length: int) -> None:
    address = "https://papers.example.org/u/" + "t" * length
    extra = digest_headers(SENDER, unsubscribe=address, one_click=True, day="2025-05-27")
    top = head(build(draft(extra=extra), SENDER))
    found = re.findall(rb"^List-Unsubscribe: <https://[^>]+>\r\n", top, re.MULTILINE)
    assert found == [f"List-Unsubscribe: <{address}>\r\n".encode()]
    assert b"=?" not in top


@pytest.mark.parametrize("length", [10, 48, 78, 200, 800])
def test_a_mail_address_to_unsubscribe_at_stands_behind_the_web_address_on_the_same_line(length: int) -> None:
    web, post = "https://papers.example.org/u/" + "t" * length, "unsub+" + "a" * 29 + "@bounce.example.org"
    extra = digest_headers(SENDER, unsubscribe=web, one_click=True, day="2025-05-27", unsubscribe_by_mail=post)
    top = head(build(draft(extra=extra), SENDER))
    found = re.findall(rb"^List-Unsubscribe: .*\r\n", top, re.MULTILINE)
    assert found == [f"List-Unsubscribe: <{web}>, <mailto:{post}?subject=unsubscribe>\r\n".encode()]
    assert b"\r\n " not in top
    assert b"=?" not in top
    assert max(map(len, top.split(b"\r\n"))) <= 998


def test_with_a_bounce_domain_what_belongs_to_the_list_names_both_ways_and_nothing_else_changes(
    store: Store, templates: jinja2.Environment, links: Links
) -> None:
    made, reader = digest(), subscriber()
    delivery = digest_delivery(made, reader, domain="example.org")
    plain = letters(store, templates, links).write_digest(made, reader, delivery)
    both = letters(store, templates, links, bounce_domain="bounce.example.org").write_digest(made, reader, delivery)
    web, post = parsed(both)["List-Unsubscribe"].split(", ")
    assert web == f"<{links.unsubscribe(reader.id)}>" == parsed(plain)["List-Unsubscribe"]
    address = re.fullmatch(r"<mailto:(\S+)\?subject=unsubscribe>", post)
    assert address
    assert SignedAddresses("bounce.example.org", [KEY]).read("u", address[1]) == reader.id
    assert both.replace(f", {post}".encode(), b"") == plain


@pytest.mark.parametrize("kind", [confirm_delivery, goodbye_delivery])
def test_what_is_no_mail_of_the_list_has_none_of_its_headers(
    store: Store, templates: jinja2.Environment, links: Links, kind: Callable[..., Delivery]
) -> None:
    reader = store.subscribers.add("ada@example.org", SubscriberState.PENDING, Preferences(), NOW)
    made = letters(store, templates, links, bounce_domain="bounce.example.org")
    message = parsed(made.write(kind(reader, domain="example.org", now=NOW)))
    assert message["Auto-Submitted"] == "auto-generated"
    assert [name for name in message if name.startswith(("List-", "Precedence", "Feedback"))] == []


def test_the_address_that_links_make_survives_whole(store: Store, templates: jinja2.Environment, links: Links) -> None:
    made, reader = digest(), subscriber(2**63 - 1 - 7_000_000_000_000_000_000)
    message = letters(store, templates, links).write_digest(
        made, reader, digest_delivery(made, reader, domain="example.org")
    )
    assert f"\r\nList-Unsubscribe: <{links.unsubscribe(reader.id)}>\r\n".encode() in message


def test_one_click_is_offered_over_https_only(store: Store, templates: jinja2.Environment) -> None:
    made, reader = digest(), subscriber()
    delivery = digest_delivery(made, reader, domain="example.org")
    offered = {}
    for base in ("https://papers.example.org", "http://127.0.0.1:8000"):
        message = letters(store, templates, Links(base, [KEY])).write_digest(made, reader, delivery)
        offered[base] = "List-Unsubscribe-Post" in parsed(message)
        assert parsed(message)["List-Unsubscribe"].startswith(f"<{base}/u/")
    assert offered == {"https://papers.example.org": True, "http://127.0.0.1:8000": False}


def test_the_text_stands_before_the_html_and_both_are_quoted_printable() -> None:
    message = parsed(build(draft(), SENDER))
    assert message.get_content_type() == "multipart/alternative"
    inside = list(message.iter_parts())
    assert [one.get_content_type() for one in inside] == ["text/plain", "text/html"]
    assert [one["Content-Transfer-Encoding"] for one in inside] == ["quoted-printable"] * 2
    assert not message.defects
    assert not any(one.defects for one in inside)


@pytest.mark.parametrize("subject", ODD_SUBJECTS)
def test_an_odd_subject_arrives_as_it_was_on_one_line(subject: str) -> None:
    message = build(draft(subject=subject), SENDER)
    assert parsed(message)["Subject"] == " ".join(subject.split())
    assert parsed(message)["Bcc"] is None
    assert max(map(len, message.split(b"\r\n"))) <= 998


def test_the_name_of_list_and_sender_may_be_of_any_script() -> None:
    sender = Sender(sender='"Bücher, täglich" <digest@example.org>', list_name="Bücher, täglich")
    extra = digest_headers(sender, unsubscribe=UNSUBSCRIBE, one_click=True, day="2025-05-27")
    message = build(draft(extra=extra), sender)
    assert parsed(message)["From"].addresses[0].display_name == "Bücher, täglich"
    assert parsed(message)["From"].addresses[0].addr_spec == "digest@example.org"
    assert re.search(rb"^List-Id: =\?utf-8\?\S+ <daily\.digestbot\.example\.org>\r\n", message, re.MULTILINE)


@pytest.mark.parametrize("broken", ["a\r\nBcc: all@example.org", "a\nb", "a\rb", "a\0b"])
def test_a_header_value_of_more_than_one_line_is_refused(broken: str) -> None:
    for changes in ({"to": broken}, {"message_id": f"<{broken}@x>"}, {"extra": [("List-Post", broken)]}):
        with pytest.raises(ValueError, match="one line"):
            build(draft(**changes), SENDER)
    for sender in (
        Sender(sender=f"{broken} <digest@example.org>"),
        Sender(sender="digest@example.org", reply_to=f"{broken} <help@example.org>"),
    ):
        with pytest.raises(ValueError, match="one line"):
            build(draft(), sender)


def test_the_same_arguments_give_the_same_bytes_and_the_boundary_follows_the_message_id() -> None:
    assert build(draft(), SENDER) == build(draft(), SENDER)
    other = build(draft(message_id="<2@example.org>"), SENDER)
    assert parsed(other).get_boundary() != parsed(build(draft(), SENDER)).get_boundary()


def test_the_date_is_the_one_given() -> None:
    when = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC) + timedelta(days=400)
    assert parsed(build(draft(date=when), SENDER))["Date"].datetime == when


@settings(deadline=None, max_examples=40)
@given(subject=st.text(max_size=120), text=st.text(max_size=200), html=st.text(max_size=200))
@example(subject="x" * 2000, text="a\rb", html="<p>" + "y" * 3000)
@example(subject="", text=".\n..\n", html="--=_\n trailing \n\t\n")
def test_any_words_become_ascii_lines_that_read_back_the_same(subject: str, text: str, html: str) -> None:
    message = build(draft(subject=subject, text=text, html=html), SENDER)
    message.decode("ascii")
    lines = message.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert parsed(message).keys() == parsed(build(draft(), SENDER)).keys()
    assert parsed(message)["Subject"] == " ".join(subject.split())
    assert part(message, "plain") == text.replace("\r\n", "\n").replace("\r", "\n")
    assert part(message, "html") == html.replace("\r\n", "\n").replace("\r", "\n")
