"""Whoever gets a mail can tell whom it is from: three verifiers find its signatures, its envelope and its sender one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.judges.conftest import Judge
from tests.judges.mails import BOUNCES, DOMAIN, MAILS, Post
from tests.mail.peers import dkimpy_says, opendkim_says

pytestmark = pytest.mark.xdist_group("judges")

SERVER = "192.0.2.7"


@pytest.fixture
def found(judge: Judge, post: Post) -> dict[str, Any]:
    """What mailauth finds of each mail, and of one that another server sends with another word in it."""
    mails = {
        name: {"mail": sent.content.decode("ascii"), "sender": sent.return_path} for name, sent in post.mails.items()
    }
    texts = {DOMAIN: f"v=spf1 ip4:{SERVER} -all", BOUNCES: f"v=spf1 ip4:{SERVER} -all"}
    texts |= {f"_dmarc.{DOMAIN}": "v=DMARC1; p=reject"} | post.texts
    forged = {"mail": mails["daily en"]["mail"].replace("Readers", "Writers"), "sender": "digest@example.net"}
    envelope = {"ip": SERVER, "helo": f"mail.{DOMAIN}"}
    asked = {"texts": texts, "envelope": envelope, "mails": mails | {"forged": forged}}
    said: dict[str, Any] = judge("authenticate.mjs", asked)
    return said


@pytest.mark.parametrize("name", MAILS)
def test_a_mailbox_finds_envelope_and_signatures_of_the_domain_that_the_mail_is_from(
    found: dict[str, Any], name: str
) -> None:
    one = found[name]
    assert one["spf"]["status"]["result"] == "pass"
    assert [(sign["algo"], sign["status"]["result"], sign["status"]["aligned"]) for sign in one["dkim"]["results"]] == [
        ("rsa-sha256", "pass", DOMAIN),
        ("ed25519-sha256", "pass", DOMAIN),
    ]
    assert one["dmarc"]["status"]["result"] == "pass"
    assert one["dmarc"]["alignment"]["spf"]["result"] in (DOMAIN, BOUNCES)
    assert one["dmarc"]["alignment"]["dkim"]["result"] == DOMAIN


def test_a_mailbox_finds_a_changed_mail_from_elsewhere_not_to_be_ours(found: dict[str, Any]) -> None:
    forged = found["forged"]
    assert [sign["status"]["result"] for sign in forged["dkim"]["results"]] == ["neutral", "neutral"]
    assert forged["dmarc"]["status"]["result"] == "fail"


@pytest.mark.parametrize("name", MAILS)
def test_dkimpy_verifies_both_signatures(post: Post, name: str) -> None:
    assert dkimpy_says(post.mails[name].content, post.texts) == [True, True]


@pytest.mark.parametrize("name", MAILS)
def test_opendkim_verifies_both_signatures(peer: Callable[[str], str], tmp_path: Path, post: Post, name: str) -> None:
    said = opendkim_says(peer("opendkim"), tmp_path, post.mails[name].content, post.texts)
    assert said == {"rsa-sha256": "pass", "ed25519-sha256": "pass"}


def test_undeliverable_mail_comes_back_to_an_address_of_its_reader_alone(post: Post) -> None:
    paths = {name: sent.return_path for name, sent in post.mails.items()}
    of_readers = {path for name, path in paths.items() if name.partition(" ")[0] in ("confirm", "daily")}
    assert len(of_readers) == 3
    assert all(path.endswith(f"@{BOUNCES}") for path in of_readers)
    assert paths["alert"] == f"digest@{DOMAIN}"
