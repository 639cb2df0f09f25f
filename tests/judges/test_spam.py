"""The mails are judged by SpamAssassin, as they come in by a server of ours, by the rules that need no network."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.judges.mails import DOMAIN, ONCE, Post, Sent
from tests.mails import parsed

pytestmark = pytest.mark.xdist_group("judges")

MOST = 0.5
_SPAM = (
    b"From: x <x@example.org>\r\nSubject: MAKE MONEY FAST, 100% FREE!!!\r\nContent-Type: text/html\r\n\r\n"
    b"<p>Click here, dear friend"
)
# A header of each mail: the rules that it breaks, each with its points.
_ASKED = "add_header all Judged _TESTSSCORES(,)_"


Found = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def ask(post: Post, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    """Return what SpamAssassin gives each mail for which rule; it is started once, which takes longer than a mail."""

    @cache
    def asked(program: str) -> Found:
        mails = {name: _as_it_comes_in(post.mails[name]) for name in ONCE} | {"spam": _SPAM}
        return _judged(program, tmp_path_factory.mktemp("spam"), mails)

    return asked


@pytest.fixture
def found(peer: Callable[[str], str], ask: Callable[[str], Found]) -> Found:
    return ask(peer("spamassassin"))


def _as_it_comes_in(sent: Sent) -> bytes:
    # Rules on the way that a mail took ask for one. The network is that of RFC 2544, which nobody's mail is from.
    way = (
        f"Return-Path: <{sent.return_path}>\r\nReceived: from mail.{DOMAIN} (mail.{DOMAIN} [198.18.0.7])\r\n"
        f"\tby mx.example.net with ESMTPS id 1; {parsed(sent.content)['Date']}\r\n"
    )
    return way.encode("ascii") + sent.content


def _judged(program: str, folder: Path, mails: dict[str, bytes]) -> Found:
    paths = [folder / f"{number}.eml" for number in range(len(mails))]
    for path, mail in zip(paths, mails.values(), strict=True):
        path.write_bytes(mail)
    done = subprocess.run(
        [program, "--local", "--test-mode", f"--cf={_ASKED}", *map(str, paths)],
        capture_output=True,
        check=True,
        timeout=300,
        env=os.environ | {"HOME": str(folder)},
    )
    said = re.findall(rb"^X-Spam-Judged: (.*(?:\n[ \t].*)*)", done.stdout, re.MULTILINE)
    return {
        name: {rule.decode(): float(points) for rule, points in re.findall(rb"(\w+)=(-?[\d.]+)", rules)}
        for name, rules in zip(mails, said, strict=True)
    }


@pytest.mark.parametrize("name", ONCE)
def test_a_spam_filter_has_next_to_nothing_against_a_mail(found: Found, name: str) -> None:
    rules = found[name]
    assert rules
    assert sum(rules.values()) <= MOST, rules


def test_the_spam_filter_has_something_against_a_mail_without_a_date_and_a_text(found: Found) -> None:
    assert sum(found["spam"].values()) > MOST
