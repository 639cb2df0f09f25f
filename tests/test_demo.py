"""The demo: two mornings, with a like in between that changes the second; alone, and with a person."""

from __future__ import annotations

import html
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from digestbot.demo.catcher import Caught
from digestbot.demo.sample import READERS

# Both fixtures are demos that take seconds to start: one process of the test run does all of this file.
pytestmark = pytest.mark.xdist_group("demo")
DEMO = [sys.executable, "-m", "digestbot", "demo"]


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A proxy that is not there must not matter: everything is on this machine.
    environment = os.environ | {"http_proxy": "http://127.0.0.1:9", "TMPDIR": str(folder)}
    return subprocess.run(
        [*DEMO, *arguments], capture_output=True, text=True, cwd=folder, check=False, timeout=60, env=environment
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder, "--json")
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_like_changes_the_second_digest_and_the_demo_says_why(told: dict[str, Any]) -> None:
    assert len(told["mails"]) == 2 * len(READERS)
    assert len({mail["message_id"] for mail in told["mails"]}) == len(told["mails"])
    assert [paper["title"] for paper in told["liked"]] == [told["first"][-1]]
    assert told["second"] != told["second_without_the_like"]
    assert told["changed"] is True
    assert told["terms_that_rose"]
    assert set(told["first"]).isdisjoint(told["second"])


def test_without_a_terminal_it_runs_once_and_comes_to_the_same(told: dict[str, Any], tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The like changed the list." in done.stdout
    for title in [*told["first"], *told["second"], *told["second_without_the_like"]]:
        assert title in done.stdout
    assert ", ".join(told["terms_that_rose"]) in done.stdout


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A browser at the inbox of a demo that somebody started in a terminal."""
    folder = tmp_path_factory.mktemp("person")
    terminal, inside = pty.openpty()
    running = subprocess.Popen(DEMO, stdin=inside, stdout=inside, stderr=inside, cwd=folder)
    os.close(inside)
    try:
        with closing(os.fdopen(terminal, "rb", buffering=0)) as screen:
            said = b""
            while b"Ctrl-C ends the demo" not in said:
                said += screen.read(1000)
            address = re.search(rb"http://127\.0\.0\.1:\d+", said)
            assert address is not None
            with httpx2.Client(base_url=address.group().decode(), trust_env=False, follow_redirects=True) as browser:
                yield browser
            running.send_signal(signal.SIGINT)
            assert running.wait(timeout=10) == 0
    finally:
        running.kill()
        running.wait()


def test_a_newcomer_likes_a_paper_presses_next_morning_and_sees_why(inbox: httpx2.Client) -> None:
    page = inbox.get("/")
    assert all(reader.name in page.text for reader in READERS)
    number = re.search(r"/mail/(\d+)", page.text)
    assert number is not None
    shown = inbox.get(f"{number.group()}/html")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    link = html.unescape(re.findall(r'href="([^"]+\?like=\d+)"', shown.text)[-1])
    title = html.unescape(re.findall(r"<h2[^>]*><a[^>]*>([^<]+)", shown.text)[-1])
    asked = inbox.get(link)
    assert "Press Record" in asked.text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', asked.text))
    chosen = dict(re.findall(r'name="(p\d+)" id="\w+" value="(\w+)" checked', asked.text))
    assert "Recorded" in inbox.post(link.partition("?")[0], data=fields | chosen).text
    morning = inbox.post("/next")
    assert f"What changed for {READERS[0].name}, and why." in morning.text
    assert title in html.unescape(morning.text)
    assert "Terms that rose" in morning.text
    assert "Wednesday, 28 May 2025" in morning.text


@pytest.mark.parametrize(
    ("form", "holds"), [("text", "Unsubscribe"), ("source", "List-Unsubscribe: <http"), ("html", "<!DOCTYPE html>")]
)
def test_a_mail_can_be_looked_at_in_every_form(inbox: httpx2.Client, form: str, holds: str) -> None:
    assert holds in inbox.get(f"/mail/1/{form}").text
    assert inbox.get(f"/mail/1?form={form}").status_code == 200


def test_what_is_not_in_the_inbox_is_said(inbox: httpx2.Client) -> None:
    assert inbox.get("/mail/1/picture").status_code == 404
    assert inbox.get("/mail/999/html").status_code == 404
    assert inbox.get("/mail/999").url.path == "/"


def test_the_sample_ends_and_the_button_says_so(inbox: httpx2.Client) -> None:
    for _ in range(3):
        inbox.post("/next")
    page = inbox.post("/next")
    assert "The sample ends here" in page.text
    assert "Friday, 30 May 2025" in page.text


def test_a_port_that_is_taken_is_said() -> None:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        terminal, inside = pty.openpty()
        done = subprocess.run(
            [*DEMO, "--port", str(port)], stdin=inside, stdout=inside, stderr=subprocess.PIPE, text=True, check=False
        )
        os.close(inside)
        os.close(terminal)
    assert done.returncode == 1
    assert f"port {port} cannot be used" in done.stderr


def test_a_caught_mail_is_read_as_a_mail_program_reads_it() -> None:
    raw = b"From: a@b.example\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    mail = Caught(number=1, recipient="c@d.example", raw=raw)
    assert mail.message["subject"] == "café"
    assert mail.part("plain").strip() == "hello"
    assert mail.part("html") == ""
