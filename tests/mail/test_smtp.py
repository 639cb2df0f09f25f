"""SMTP: connections, and what a failure in each phase means; against aiosmtpd and Debian's smtp-sink."""

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
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from digestbot.errors import (
    DeferredError,
    DeliveryError,
    FullMailboxError,
    GreylistedError,
    RefusedError,
    RejectedError,
    SenderRefusedError,
    ServerBusyError,
    ServerUnavailableError,
    UncertainError,
)
from digestbot.mail.smtp import Server, SmtpConnection

MAIL = b"From: digest@example.org\r\nMessage-ID: <1@example.org>\r\n\r\n.a line that begins with a dot\r\n"
SENDER = "digest@example.org"
READER = "reader@example.org"


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


def test_many_mails_go_over_one_connection_and_arrive_byte_by_byte(serve: Callable[..., Server]) -> None:
    inbox = Inbox()
    assert send(serve(inbox), times=5) == ["Queued as 17"] * 5
    assert inbox.mails == [(SENDER, [READER], MAIL)] * 5
    assert len(inbox.lines) == 1


def test_a_connection_is_not_used_for_ever(serve: Callable[..., Server]) -> None:
    inbox = Inbox()
    send(serve(inbox), times=101)
    assert (len(inbox.mails), len(inbox.lines)) == (101, 2)


@pytest.mark.parametrize(
    ("phase", "answer", "kind"),
    [
        ("mail", "451 4.3.0 busy", DeferredError),
        ("mail", "550 5.7.1 not you", SenderRefusedError),
        ("mail", "501 5.1.7 bad sender", SenderRefusedError),
        ("rcpt", "451 4.7.1 greylisted", GreylistedError),
        ("rcpt", "550 5.1.1 no such user", RefusedError),
        ("rcpt", "550 5.7.26 unauthenticated", SenderRefusedError),
        ("rcpt", "552 5.2.2 full", FullMailboxError),
        ("data", "452 4.3.1 no room", DeferredError),
        ("data", "554 5.6.0 bad message", RejectedError),
        ("data", "550 5.7.515 not aligned", SenderRefusedError),
    ],
)
def test_a_refusal_means_what_its_code_says_and_the_line_stays_good(
    serve: Callable[..., Server], phase: str, answer: str, kind: type[DeliveryError]
) -> None:
    inbox = Inbox({phase: answer})
    ends = send(serve(inbox), times=2)
    assert [type(end) for end in ends] == [kind, kind]
    assert isinstance(ends[0], DeliveryError)
    assert f"{ends[0].code} {ends[0].text}" == answer
    assert answer in str(ends[0])
    assert len(inbox.lines) == 1
    # Two attempts: nothing came after the refusal.
    assert inbox.seen == ["mail", "rcpt", "data"][: ["mail", "rcpt", "data"].index(phase) + 1] * 2


def test_after_a_refused_address_the_next_mail_goes_out_over_the_same_line(serve: Callable[..., Server]) -> None:
    inbox = Inbox({"rcpt": "550 5.1.1 no such user"})
    server = serve(inbox)

    async def run() -> None:
        connection = SmtpConnection(server)
        with pytest.raises(RefusedError):
            await connection.send(SENDER, "nobody@example.org", MAIL)
        inbox.answers.clear()
        await connection.send(SENDER, READER, MAIL)
        await connection.close()

    asyncio.run(run())
    assert inbox.mails == [(SENDER, [READER], MAIL)]
    assert len(inbox.lines) == 1


@pytest.mark.parametrize(
    ("phase", "kind"), [("mail", DeferredError), ("rcpt", DeferredError), ("data", UncertainError)]
)
def test_only_after_the_data_a_broken_line_leaves_doubt(
    serve: Callable[..., Server], phase: str, kind: type[DeliveryError]
) -> None:
    inbox = Inbox(drop_at=phase)
    server = serve(inbox)

    async def run() -> None:
        connection = SmtpConnection(server)
        with pytest.raises(kind) as caught:
            await connection.send(SENDER, READER, MAIL)
        assert type(caught.value) is kind
        assert caught.value.code is None
        inbox.drop_at = ""
        assert await connection.send(SENDER, READER, MAIL) == "Queued as 17"
        await connection.close()

    asyncio.run(run())
    assert len(inbox.lines) == 2
    assert len(inbox.mails) == (2 if phase == "data" else 1)


def test_an_address_that_cannot_be_written_is_that_mails_problem_alone(serve: Callable[..., Server]) -> None:
    inbox = Inbox()
    server = serve(inbox)

    async def run() -> None:
        connection = SmtpConnection(server)
        with pytest.raises(RejectedError):
            await connection.send(SENDER, "jürgen@example.org", MAIL)
        await connection.send(SENDER, READER, MAIL)
        await connection.close()

    asyncio.run(run())
    assert inbox.mails == [(SENDER, [READER], MAIL)]


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_after_421_the_next_mail_takes_a_new_line(serve: Callable[..., Server], phase: str) -> None:
    inbox = Inbox({phase: "421 4.3.2 closing"})
    ends = send(serve(inbox), times=2)
    assert [type(end) for end in ends] == [ServerBusyError, ServerBusyError]
    assert len(inbox.lines) == 2


def test_no_server_is_no_connection_and_says_which_settings(free_port: Callable[[], int]) -> None:
    port = free_port()
    found = problem(Server(host="127.0.0.1", port=port, security="none"))
    assert isinstance(found, ServerUnavailableError)
    assert f"127.0.0.1:{port}" in str(found)
    assert "[smtp] host, port and security" in str(found)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example.org"])
def test_a_host_that_no_name_can_be_is_no_connection(host: str) -> None:
    found = problem(Server(host=host, port=25, security="none"))
    assert isinstance(found, ServerUnavailableError)
    assert f"{host}:25" in str(found)


def test_a_server_that_does_not_speak_smtp_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        async def run() -> DeliveryError:
            loop = asyncio.get_running_loop()
            listening.setblocking(False)
            connection = SmtpConnection(Server(host="127.0.0.1", port=listening.getsockname()[1], security="none"))
            sending = asyncio.create_task(connection.send(SENDER, READER, MAIL))
            line, _ = await loop.sock_accept(listening)
            with line:
                await loop.sock_sendall(line, b"554 5.3.2 not today\r\n")
                with pytest.raises(DeliveryError) as caught:
                    await sending
            return caught.value

        assert isinstance(asyncio.run(run()), ServerUnavailableError)


def test_tls_that_is_not_offered_is_never_replaced_by_plain_text(serve: Callable[..., Server]) -> None:
    inbox = Inbox()
    assert isinstance(problem(serve(inbox, security="starttls")), ServerUnavailableError)
    assert isinstance(problem(serve(inbox, security="tls")), ServerUnavailableError)
    assert inbox.seen == []


@dataclass
class Certificate:
    path: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of 127.0.0.1 that nobody trusts by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    key, path = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {key.name} -out {path.name}".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return Certificate(path, context)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_a_certificate_of_its_own_making_is_not_trusted(
    serve: Callable[..., Server], peer: Callable[[str], str], security: str, request: pytest.FixtureRequest
) -> None:
    peer("openssl")
    certificate: Certificate = request.getfixturevalue("certificate")
    inbox = Inbox()
    option = "tls_context" if security == "starttls" else "ssl_context"
    server = serve(inbox, security=security, **{option: certificate.context})
    found = problem(server)
    assert isinstance(found, ServerUnavailableError)
    assert inbox.seen == []


def test_with_a_certificate_one_trusts_starttls_encrypts(
    serve: Callable[..., Server],
    peer: Callable[[str], str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer("openssl")
    certificate: Certificate = request.getfixturevalue("certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    inbox = Inbox()
    assert send(serve(inbox, security="starttls", tls_context=certificate.context)) == ["Queued as 17"]
    assert inbox.encrypted == [True]


NOW = datetime.now(UTC)
DAY = timedelta(days=1)


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


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("name", "begins", "ends", "why"),
    [
        ("127.0.0.1", NOW - 2 * DAY, NOW - DAY, "expired"),
        ("127.0.0.1", NOW + DAY, NOW + 2 * DAY, "not yet valid"),
        ("127.0.0.2", NOW - DAY, NOW + DAY, "127.0.0.1"),
    ],
    ids=["expired", "not yet valid", "of another"],
)
def test_a_certificate_that_one_trusts_must_be_of_this_server_and_of_now(
    serve: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    security: str,
    name: str,
    begins: datetime,
    ends: datetime,
    why: str,
) -> None:
    certificate = certified(tmp_path / "certificate.pem", name=name, begins=begins, ends=ends)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    inbox = Inbox()
    option = "tls_context" if security == "starttls" else "ssl_context"
    found = problem(serve(inbox, security=security, **{option: certificate.context}))
    assert isinstance(found, ServerUnavailableError)
    assert why in str(found)
    assert inbox.seen == []


def test_a_wrong_password_stops_the_run_and_names_the_settings_but_not_the_password(
    serve: Callable[..., Server],
) -> None:
    inbox = Inbox()
    server = serve(inbox, auth_require_tls=False, authenticator=lambda *_: AuthResult(success=False, handled=False))
    login = Server(host=server.host, port=server.port, security="none", username="digest", password="s3cret")
    found = problem(login)
    assert isinstance(found, SenderRefusedError)
    assert found.code == 535
    assert "[smtp] username and the smtp_password secret" in str(found)
    assert "s3cret" not in str(found) + repr(login)
    assert inbox.seen == []


@contextmanager
def sink(program: str, port: int, *options: str) -> Iterator[Server]:
    as_root = ["-u", "nobody"] if os.geteuid() == 0 else []
    running = subprocess.Popen(
        [program, *as_root, "-c", *options, f"127.0.0.1:{port}", "100"], stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield Server(host="127.0.0.1", port=port, security="none")
    finally:
        running.terminate()
        running.wait(timeout=5)


@pytest.mark.parametrize(
    ("options", "kind", "code"),
    [
        (("-r", "RCPT"), DeferredError, 450),
        (("-f", "RCPT"), RejectedError, 500),
        (("-f", "RCPT", "-B", "550 5.1.1 no such user"), RefusedError, 550),
        (("-Q", "MAIL"), ServerBusyError, 421),
        (("-q", "MAIL"), DeferredError, None),
        # Nothing of the mail had left.
        (("-q", "DATA"), DeferredError, None),
        (("-q", "."), UncertainError, None),
    ],
)
def test_postfixs_sink_with_faults(
    peer: Callable[[str], str],
    free_port: Callable[[], int],
    options: tuple[str, ...],
    kind: type[DeliveryError],
    code: int | None,
) -> None:
    with sink(peer("smtp-sink"), free_port(), *options) as server:
        ends = send(server, times=2)
    assert [type(end) for end in ends] == [kind, kind]
    assert [end.code for end in ends if isinstance(end, DeliveryError)] == [code, code]


def test_postfixs_sink_takes_mail_after_mail(peer: Callable[[str], str], free_port: Callable[[], int]) -> None:
    with sink(peer("smtp-sink"), free_port()) as server:
        ends = send(server, times=20)
    assert not [end for end in ends if isinstance(end, DeliveryError)]
