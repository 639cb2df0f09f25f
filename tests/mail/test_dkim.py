"""Signatures: other hands verify them, whatever the mail says, and nobody can change or add what they cover."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import dns.rdatatype
import dns.zone
import jinja2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from digestbot.digest.alerts import Concern, alert_delivery
from digestbot.digest.compose import confirm_delivery, digest_delivery
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.mail.dkim import Signer
from digestbot.mail.message import build
from digestbot.models import SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.store import Preferences, Store
from tests.factories import NOW, digest, subscriber
from tests.mail.peers import dkimpy_says, mailauth_says, need_node_module, opendkim_says
from tests.mail.test_message import SENDER, draft

# Of the two signatures, RSA's stands first.
BOTH, NEITHER = [True, True], [False, False]


@cache
def signer() -> Signer:
    return Signer(
        domain="example.org",
        selector_rsa="digestbot-rsa",
        rsa=generate_private_key(65537, 2048),
        selector_ed25519="digestbot-ed",
        ed25519=Ed25519PrivateKey.generate(),
    )


def texts(of: Signer | None = None) -> dict[str, str]:
    return {record.name.rstrip("."): record.value for record in (of or signer()).records()}


def signed(message: bytes | None = None) -> bytes:
    return signer().sign(message or build(draft(), SENDER), NOW)


def tags(mail: bytes) -> list[dict[str, str]]:
    """The tags of each signature."""
    unfolded = mail.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b"").decode()
    found = re.findall(r"^DKIM-Signature: (.*?)\r?$", unfolded, re.MULTILINE)
    return [dict(tag.strip().split("=", 1) for tag in one.split(";")) for one in found]


# other hands


def test_dkimpy_verifies_both_signatures() -> None:
    assert dkimpy_says(signed(), texts()) == BOTH


def test_opendkim_verifies_both_signatures_and_sees_what_was_changed(
    peer: Callable[[str], str], tmp_path: Path
) -> None:
    program = peer("opendkim")
    assert opendkim_says(program, tmp_path, signed(), texts()) == {"rsa-sha256": "pass", "ed25519-sha256": "pass"}
    changed = signed().replace(b"nine more", b"nine less")
    assert opendkim_says(program, tmp_path, changed, texts()) == {"rsa-sha256": "fail", "ed25519-sha256": "fail"}


def test_mailauth_finds_spf_and_dkim_aligned_so_that_dmarc_passes(peer: Callable[[str], str]) -> None:
    node = peer("node")
    need_node_module(node, "mailauth")
    world = {
        **texts(),
        "bounce.example.org": "v=spf1 ip4:192.0.2.7 -all",
        "_dmarc.example.org": "v=DMARC1; p=reject",
    }
    said = mailauth_says(
        node, signed(), world, ip="192.0.2.7", helo="mail.example.org", sender="b+token@bounce.example.org"
    )
    assert said["spf"]["status"]["result"] == "pass"
    assert [(one["algo"], one["status"]["result"]) for one in said["dkim"]["results"]] == [
        ("rsa-sha256", "pass"),
        ("ed25519-sha256", "pass"),
    ]
    assert all(one["status"]["aligned"] == "example.org" for one in said["dkim"]["results"])
    assert said["dmarc"]["status"]["result"] == "pass"
    alignment = said["dmarc"]["alignment"]
    assert (alignment["spf"]["result"], alignment["dkim"]["result"]) == ("bounce.example.org", "example.org")


# what is signed


def test_the_mail_stands_unchanged_below_its_signatures() -> None:
    message = build(draft(), SENDER)
    assert signed(message).endswith(b"\r\n" + message)
    assert signed(message).startswith(b"DKIM-Signature: ")


def test_the_same_mail_keys_and_time_give_the_same_bytes_and_the_time_is_the_one_given() -> None:
    message = build(draft(), SENDER)
    assert signed(message) == signed(message)
    later = signer().sign(message, NOW + timedelta(seconds=1))
    assert [one["t"] for one in tags(signed(message))] == [str(int(NOW.timestamp()))] * 2
    assert [one["t"] for one in tags(later)] == [str(int(NOW.timestamp()) + 1)] * 2


def test_one_signature_is_rsa_and_the_other_ed25519_each_under_its_selector() -> None:
    assert [(one["a"], one["s"], one["d"], one["c"]) for one in tags(signed())] == [
        ("rsa-sha256", "digestbot-rsa", "example.org", "relaxed/simple"),
        ("ed25519-sha256", "digestbot-ed", "example.org", "relaxed/simple"),
    ]


def test_both_unsubscribe_headers_are_signed_and_nothing_that_changes_on_the_way() -> None:
    for one in tags(signed()):
        names = one["h"].split(":")
        assert names.count("from") == 2
        assert {"list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "auto-submitted"} <= set(names)
        assert not {"return-path", "received", "bcc", "dkim-signature"} & set(names)
        assert "l" not in one


@pytest.mark.parametrize(
    "added",
    [
        "From: Somebody <else@example.org>",
        "To: all@example.org",
        "Cc: all@example.org",
        "Reply-To: thief@example.com",
        "Subject: You have won",
        "Date: Tue, 27 May 2025 09:00:00 +0000",
        "Message-ID: <2@example.com>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: base64",
        "List-Unsubscribe: <https://example.com/>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ],
)
def test_a_header_that_somebody_adds_breaks_both_signatures(added: str) -> None:
    assert dkimpy_says(f"{added}\r\n".encode() + signed(), texts()) == NEITHER


def test_a_mail_without_unsubscribe_headers_can_get_none_on_its_way() -> None:
    plain = signed(build(draft(extra=[]), SENDER))
    assert dkimpy_says(plain, texts()) == BOTH
    assert dkimpy_says(b"List-Unsubscribe: <https://example.com/>\r\n" + plain, texts()) == NEITHER


def test_what_relays_do_breaks_no_signature() -> None:
    relayed = signed().replace(b"Subject: A title, and", b"SUBJECT:  A title,\r\n\t and")
    above = b"Return-Path: <b@example.org>\r\nReceived: from here\r\n\tby there\r\nFeedback-ID: 1.relay:mail\r\n"
    assert dkimpy_says(above + relayed, texts()) == BOTH


def test_every_kind_of_mail_is_signed_with_the_time_of_its_composing(
    store: Store, templates: jinja2.Environment, links: Links
) -> None:
    letters = Letters(store.digests, store.subscribers, Renderer(templates, links), links, SENDER, signer().sign)
    ada = store.subscribers.add("ada@example.org", SubscriberState.PENDING, Preferences(), NOW)
    made, reader = digest(), subscriber()
    composed = NOW - timedelta(hours=3)
    of_digest = replace(digest_delivery(made, reader, domain="example.org"), created_at=composed)
    concern = Concern(source="arxiv", state="stale", last_success=None, newest=None, problem="")
    written = [
        letters.write_digest(made, reader, of_digest),
        letters.write(confirm_delivery(ada, domain="example.org", now=composed)),
        letters.write(alert_delivery([concern], address="admin@example.org", domain="example.org", now=composed)),
    ]
    for mail in written:
        assert dkimpy_says(mail, texts()) == BOTH
        assert {one["t"] for one in tags(mail)} == {str(int(composed.timestamp()))}


# odd mails


@pytest.mark.parametrize(
    "message",
    [
        b"From: a@example.org\r\n\r\n",
        b"From: a@example.org\r\n\r\n\r\n\r\n",
        b"From: a@example.org\r\n\r\nwords without an end",
        b"From: a@example.org\r\n\r\n\r\nan empty line above, three below\r\n\r\n\r\n\r\n",
        b"From: a@example.org\r\n\r\n  \r\n \t\r\n",
        b"From:a@example.org\r\nSubject:  \t folded\r\n  and \t spaced \r\n\t \r\nTo:\r\n\r\nbody\r\n",
        b"From: a@example.org\r\nList-Id: <one>\r\nList-Id: <two>\r\nSubject: \r\n\r\nbody\r\n",
    ],
    ids=["empty", "empty lines", "no line end", "lines at the end", "blanks", "folded", "repeated"],
)
def test_an_odd_mail_verifies(message: bytes) -> None:
    assert dkimpy_says(signed(message), texts()) == BOTH


@pytest.mark.parametrize(
    "below",
    [
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"\r\nwords\r\n\r\n\r\n",
        b"\r\n \r\n",
        # dkimpy keeps the blank before the colon, against RFC 6376 section 3.4.2.
        b"Subject :  folded \r\n\t twice\r\n \r\n\r\nbody\r\n",
    ],
    ids=["empty", "empty lines", "lines at the end", "blanks", "folded"],
)
def test_opendkim_reads_odd_mails_as_we_do(peer: Callable[[str], str], tmp_path: Path, below: bytes) -> None:
    said = opendkim_says(peer("opendkim"), tmp_path, signed(b"From: a@example.org\r\n" + below), texts())
    assert said == {"rsa-sha256": "pass", "ed25519-sha256": "pass"}


def test_a_mail_without_an_empty_line_is_refused() -> None:
    with pytest.raises(ValueError, match="empty line"):
        signer().sign(b"From: a@example.org\r\n", NOW)


@settings(deadline=None, max_examples=40)
@given(
    subject=st.text(max_size=120),
    text=st.text(max_size=200),
    html=st.text(max_size=200),
    token=st.text(st.sampled_from("abcXYZ019-_"), max_size=200),
)
def test_whatever_is_built_verifies_and_its_signatures_are_short_lines(
    subject: str, text: str, html: str, token: str
) -> None:
    extra = [("List-Unsubscribe", f"<https://papers.example.org/u/{token}>"), ("List-Id", token)]
    message = build(draft(subject=subject, text=text, html=html, extra=extra), SENDER)
    mail = signed(message)
    assert dkimpy_says(mail, texts()) == BOTH
    assert max(map(len, mail[: -len(message)].split(b"\r\n"))) <= 78
    mail.decode("ascii")


@settings(deadline=None, max_examples=40)
@given(place=st.integers(min_value=0), byte=st.integers(0, 255))
def test_any_changed_byte_of_a_signed_header_or_of_the_body_breaks_both(place: int, byte: int) -> None:
    mail = signed()
    head = mail.index(b"\r\n\r\n") + 2
    # One of those that a signature covers as they are: values of headers without their blanks, and all of the body.
    covered = [
        position
        for header in re.finditer(rb"^(?!DKIM-Signature|Precedence)[\w-]+: (.*)\r\n", mail[:head], re.MULTILINE)
        for position in range(*header.span(1))
        if mail[position : position + 1] != b" "
    ]
    covered += range(head + 2, len(mail))
    position = covered[place % len(covered)]
    assume(mail[position] != byte and not (position < head and byte in b" \t\r\n"))
    changed = mail[:position] + bytes([byte]) + mail[position + 1 :]
    assert dkimpy_says(changed, texts()) == NEITHER


# keys


def test_the_records_stand_in_a_zone_file_whose_strings_join_to_the_whole() -> None:
    lines = "\n".join(map(str, signer().records()))
    zone = dns.zone.from_text(f"$TTL 3600\n{lines}\n", origin="example.org.", check_origin=False, relativize=False)
    read = {
        str(name): [b"".join(data.strings).decode() for data in records]
        for name, records in zone.iterate_rdatasets(dns.rdatatype.TXT)
    }
    assert read == {record.name: [record.value] for record in signer().records()}
    assert set(read) == {"digestbot-rsa._domainkey.example.org.", "digestbot-ed._domainkey.example.org."}
    assert max(map(len, re.findall(r'"([^"]*)"', lines))) <= 255
    assert len(lines.splitlines()) == 2


def test_another_pair_of_keys_under_the_same_names_verifies_nothing() -> None:
    other = replace(signer(), rsa=generate_private_key(65537, 2048), ed25519=Ed25519PrivateKey.generate())
    assert dkimpy_says(signed(), texts(other)) == NEITHER


def test_a_signer_shows_no_key() -> None:
    assert "Key" not in repr(signer())
