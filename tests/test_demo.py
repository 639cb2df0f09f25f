"""The demo: two mornings, with a like in between that changes the second."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from digestbot.demo.catcher import Caught
from digestbot.demo.sample import READERS


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "digestbot", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=60)


def test_a_like_changes_the_second_digest_and_the_demo_says_why(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["mails"]) == 2 * len(READERS)
    assert len({mail["message_id"] for mail in told["mails"]}) == len(told["mails"])
    assert [paper["title"] for paper in told["liked"]] == [told["first"][-1]]
    assert told["second"] != told["second_without_the_like"]
    assert told["changed"] is True
    assert told["terms_that_rose"]
    assert set(told["first"]).isdisjoint(told["second"])
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_it_runs_once_and_twice_the_same(tmp_path: Path) -> None:
    first, second = demo(tmp_path), demo(tmp_path, "--once")
    assert first.returncode == second.returncode == 0
    assert "The like changed the list." in first.stdout
    assert first.stdout == second.stdout


def test_a_caught_mail_is_read_as_a_mail_program_reads_it() -> None:
    raw = b"From: a@b.example\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    mail = Caught(number=1, recipient="c@d.example", raw=raw)
    assert mail.message["subject"] == "café"
    assert mail.part("plain").strip() == "hello"
    assert mail.part("html") == ""
