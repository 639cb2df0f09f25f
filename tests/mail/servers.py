"""SMTP servers on loopback for the tests of connections, and what they are sent."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from digestbot.errors import DeliveryError
from digestbot.mail.smtp import Server, SmtpConnection
from tests.pipeline.program import PATIENCE, until

MAIL = b"From: digest@example.org\r\nMessage-ID: <1@example.org>\r\n\r\n.a line that begins with a dot\r\n"
SENDER = "digest@example.org"
READER = "reader@example.org"
# The true time: certificates go by it.
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass
class Inbox:
    """A server's behaviour; what it answers in a phase, or that it drops the line there."""

    answers: dict[str, str] = field(default_factory=dict)
    drop_at: str = ""
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    lines: set[Any] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    def _answer(self, server: Any, phase: str, session: Any) -> str:
        self.seen.append(phase)
        self.lines.add(session.peer)
        if self.drop_at == phase:
            server.transport.abort()
        return self.answers.get(phase, "250 Queued as 17")

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        answer = self._answer(server, "mail", session)
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        answer = self._answer(server, "rcpt", session)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        self.encrypted.append(session.ssl is not None)
        return self._answer(server, "data", session)


class PatientController(Controller):
    """A server that lets its connections end before it stops."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.made: list[Any] = []

    def factory(self) -> Any:
        self.made.append(super().factory())  # type: ignore[no-untyped-call]
        return self.made[-1]

    def stop(self, no_assert: bool = False) -> None:
        until = time.monotonic() + 5
        while any(one.transport is not None for one in self.made) and time.monotonic() < until:
            time.sleep(0.002)
        super().stop(no_assert)


@pytest.fixture
def serve(free_port: Callable[[], int]) -> Iterator[Callable[..., Server]]:
    """Start a server with this behaviour, and return how to reach it."""
    running: list[PatientController] = []

    def start(inbox: Inbox, security: Any = "none", **options: Any) -> Server:
        controller = PatientController(inbox, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        running.append(controller)
        return Server(host="127.0.0.1", port=controller.port, security=security)

    yield start
    for controller in running:
        controller.stop()


def send(server: Server, times: int = 1) -> list[str | DeliveryError]:
    """Send over one connection and return the server's words, or the error, each time."""

    async def run() -> list[str | DeliveryError]:
        connection = SmtpConnection(server)
        ends: list[str | DeliveryError] = []
        for _ in range(times):
            try:
                ends.append(await connection.send(SENDER, READER, MAIL))
            except DeliveryError as error:
                ends.append(error)
        await connection.close()
        return ends

    return asyncio.run(run())


def problem(server: Server) -> DeliveryError:
    (end,) = send(server)
    assert isinstance(end, DeliveryError)
    return end


@dataclass
class Certificate:
    path: Path
    context: ssl.SSLContext


def certified(path: Path, *, name: str, begins: datetime, ends: datetime) -> Certificate:
    """Return a certificate of this name and time that is all right but for those, if one trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), begins, ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return Certificate(path, context)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of 127.0.0.1 that nobody trusts by itself."""
    path = tmp_path_factory.mktemp("certificate") / "certificate.pem"
    return certified(path, name="127.0.0.1", begins=NOW - DAY, ends=NOW + DAY)


@contextmanager
def sink(program: str, port: int, *options: str) -> Iterator[Server]:
    as_root = ["-u", "nobody"] if os.geteuid() == 0 else []
    running = subprocess.Popen(
        [program, *as_root, "-c", *options, f"127.0.0.1:{port}", "100"], stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: _listens(port))
        yield Server(host="127.0.0.1", port=port, security="none")
    finally:
        running.terminate()
        running.wait(timeout=PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
