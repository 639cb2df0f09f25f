"""The mails are judged by SpamAssassin, by the rules that need no network."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

MOST = 0.5


def score(program: str, home: Path, mail: bytes) -> tuple[float, str]:
    """Return what SpamAssassin gives a mail, and its reasons."""
    done = subprocess.run(
        [program, "--local", "--test-mode"],
        input=mail,
        capture_output=True,
        check=True,
        timeout=60,
        env=os.environ | {"HOME": str(home)},
    )
    report = done.stdout.decode("utf-8", "replace")
    found = re.search(r"^X-Spam-Status: .*?score=(-?[\d.]+)", report, re.MULTILINE)
    assert found, report
    return float(found[1]), report.rpartition("Content analysis details:")[2]


# To judge takes more than a second: one list, and the mails that have no list's headers in their favour.
@pytest.mark.parametrize("kind", ["daily", "confirm", "alert"])
def test_a_spam_filter_has_next_to_nothing_against_a_mail(
    peer: Callable[[str], str], mails: dict[str, bytes], tmp_path: Path, kind: str
) -> None:
    points, reasons = score(peer("spamassassin"), tmp_path, mails[kind])
    assert points <= MOST, reasons


def test_the_spam_filter_has_something_against_a_mail_without_a_date_and_a_text(
    peer: Callable[[str], str], mails: dict[str, bytes], tmp_path: Path
) -> None:
    head = b"From: x <x@example.org>\r\nSubject: MAKE MONEY FAST, 100% FREE!!!\r\nContent-Type: text/html\r\n\r\n"
    points, _reasons = score(peer("spamassassin"), tmp_path, head + b"<p>Click here, dear friend")
    assert points > MOST
