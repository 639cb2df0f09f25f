"""``run``, ``serve`` and ``schedule`` as programs of their own: they start, do their work, and stop when told to."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BufferedRWPair
from pathlib import Path
from typing import Any

import pytest

from digestbot.models import Paper, SubscriberState
from digestbot.store import Defaults, Preferences, open_store
from tests.factories import paper
from tests.peers import moved_pages
from tests.web.webhooks.senders import SIGNING_KEY, Request, mailgun, postmark

NO_SOURCE = "[sources.arxiv]\nenabled = false\n"


@dataclass(frozen=True)
class Service:
    """An installation in a folder, with one subscriber who is due at any hour."""

    folder: Path
    port: int

    def arguments(self, command: str) -> list[str]:
        return [sys.executable, "-m", "digestbot", "--settings", str(self.folder / "settings.toml"), command]

    def configure(self, text: str) -> None:
        (self.folder / "settings.toml").write_text(f"[web]\nport = {self.port}\n{text}")

    @contextmanager
    def running(self, command: str, settings: str = NO_SOURCE) -> Iterator[subprocess.Popen[str]]:
        self.configure(settings)
        process = subprocess.Popen(self.arguments(command), stderr=subprocess.PIPE, text=True, cwd=self.folder)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def answer(self) -> tuple[int, str] | None:
        """Return what /healthz answers, ``None`` while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            return None
        finally:
            connection.close()

    def told(self, request: Request) -> int:
        """Return the status of the answer to a provider."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", f"/webhooks/{request.to}", request.body, request.headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def state(self, number: int) -> SubscriberState:
        store = open_store(self.folder / "digestbot.sqlite", defaults=Defaults(), new_id=lambda: 0)
        try:
            return store.subscribers.get(number).state
        finally:
            store.close()

    def mails(self) -> list[Path]:
        return sorted((self.folder / "mailbox").glob("*.eml"))

    def add(self, number: int, now: datetime, *papers: Paper) -> None:
        """Add a subscriber, who is due at once, and papers."""
        store = open_store(self.folder / "digestbot.sqlite", defaults=Defaults(), new_id=lambda: number)
        # A zone where it is about noon, so that no midnight comes in between.
        offset = 12 - now.hour
        zone = f"Etc/GMT{-offset:+d}"
        preferences = Preferences(send_at="00:00", timezone=zone)
        store.papers.add(papers, now)
        store.subscribers.add(f"reader{number}@example.org", SubscriberState.ACTIVE, preferences, now)
        store.close()


def until(check: Callable[[], Any], *, seconds: float = 20) -> Any:
    """Return the first true result of ``check``; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.03)
    pytest.fail(f"not within {seconds} s")


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    """Ask a program to end, which it must do in 5 s and with exit code 0; return what it said."""
    process.send_signal(number)
    _, said = process.communicate(timeout=5)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


@pytest.fixture
def service(tmp_path: Path, free_port: Callable[[], int]) -> Service:
    now = datetime.now(UTC)
    made = Service(tmp_path, free_port())
    made.configure(NO_SOURCE)
    days = [now.date() + timedelta(days=number) for number in (-1, 0, 1)]
    made.add(1, now, *(paper(number, announced=day) for number, day in enumerate(days, 1)))
    return made


def test_run_answers_and_sends_ends_when_told_and_sends_nothing_twice(service: Service) -> None:
    with service.running("run") as process:
        assert until(service.answer) == (200, "ok\n")
        (mail,) = until(service.mails)
        said = stop(process)
    assert b"To: reader1@example.org\r\n" in mail.read_bytes()
    assert f"web: http://127.0.0.1:{service.port}\n" in said
    assert said.endswith("stopped\n")
    assert service.answer() is None

    before = mail.stat().st_mtime_ns
    service.add(2, datetime.now(UTC))
    with service.running("run") as process:
        # The second reader's mail shows that this run has sent what there was to send.
        until(lambda: len(service.mails()) > 1)
        stop(process, signal.SIGINT)
    assert len(service.mails()) == 2
    assert mail.stat().st_mtime_ns == before


def test_schedule_sends_although_its_source_fails_and_serves_no_pages(service: Service) -> None:
    with moved_pages() as url, service.running("schedule", f'[sources.arxiv]\nfeed_url = "{url}"\n') as process:
        until(service.mails)
        assert service.answer() is None
        said = stop(process)
    assert "source failed" in said
    assert "web:" not in said


def test_serve_answers_sends_nothing_and_a_second_one_finds_its_port_taken(service: Service) -> None:
    with service.running("serve") as process:
        assert until(service.answer) == (200, "ok\n")
        second = subprocess.run(service.arguments("serve"), capture_output=True, text=True, check=False, timeout=20)
        said = stop(process)
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    last = second.stderr.splitlines()[-1]
    assert last.startswith(f"digestbot: the web pages cannot be served on 127.0.0.1:{service.port}; see [web]")
    assert "scheduler" not in said
    assert service.mails() == []


def test_serve_takes_what_a_provider_has_signed_and_nothing_else(service: Service) -> None:
    told = {"event": "unsubscribed", "recipient": "reader1@example.org"}
    now = datetime.now(UTC)
    secrets = service.folder / "digestbot.secret"
    secrets.write_text(f'mailgun_signing_key = "{SIGNING_KEY}"\n')
    secrets.chmod(0o600)
    with service.running("serve") as process:
        until(service.answer)
        assert service.told(mailgun(told, at=now, key="guessed")) == 403
        assert service.told(postmark({"RecordType": "Bounce"})) == 404
        assert service.state(1) == SubscriberState.ACTIVE
        assert service.told(mailgun(told, at=now)) == 200
        assert service.state(1) == SubscriberState.UNSUBSCRIBED
        said = stop(process)
    assert SIGNING_KEY not in said
    assert "reader1" not in said


def test_serve_does_not_start_with_a_topic_that_can_be_none(service: Service) -> None:
    service.configure('[bounces.ses]\ntopic = "bounces"\n')
    done = subprocess.run(service.arguments("serve"), capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("digestbot: [bounces.ses] topic: is no ARN")


def test_a_source_that_does_not_answer_does_not_hold_up_the_end(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = f'[sources.arxiv]\nfeed_url = "http://127.0.0.1:{silent.getsockname()[1]}"\n'
        with service.running("schedule", source) as process:
            silent.settimeout(20)
            asked, _ = silent.accept()
            with asked:
                stop(process)


def test_a_mail_that_is_under_way_is_finished_before_the_end_and_no_other_is_begun(service: Service) -> None:
    """Cut off after its data a mail would be uncertain, and go out a second time."""
    service.add(2, datetime.now(UTC))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nconnections = 1\n'
        server.settimeout(20)
        with service.running("schedule", NO_SOURCE + smtp) as process:
            line, _ = server.accept()
            with line, line.makefile("rwb") as talk:
                take_to_the_dot(talk)
                process.send_signal(signal.SIGTERM)
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.5)
                say(talk, "250 taken")
                assert talk.readline() == b"QUIT\r\n"
                say(talk, "221 bye")
            assert process.wait(5) == 0
    states = deliveries(service)
    assert sorted(states) == ["pending", "sent"]


def take_to_the_dot(talk: BufferedRWPair) -> None:
    """Speak SMTP, as the server, up to the end of the first mail's data, and leave it unanswered."""
    say(talk, "220 here")
    while (command := talk.readline().upper()) != b"DATA\r\n":
        assert command
        say(talk, "250 fine")
    say(talk, "354 go on")
    while talk.readline() != b".\r\n":
        pass


def say(talk: BufferedRWPair, line: str) -> None:
    talk.write(f"{line}\r\n".encode())
    talk.flush()


def deliveries(service: Service) -> list[str]:
    store = open_store(service.folder / "digestbot.sqlite", defaults=Defaults(), new_id=lambda: 0)
    counts = store.outbox.counts()
    store.close()
    return [str(state) for state, count in counts.items() for _ in range(count)]


def test_a_client_that_never_finishes_its_request_does_not_hold_up_the_end(service: Service) -> None:
    with service.running("serve") as process:
        until(service.answer)
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(b"POST /u/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")
            time.sleep(0.2)
            stop(process)
