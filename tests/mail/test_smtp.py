"""SMTP: connections, and what a failure in each phase means; against aiosmtpd."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from aiosmtpd.smtp import AuthResult

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
    UnwelcomeError,
)
from digestbot.mail.smtp import Server, SmtpConnection
from tests.mail.servers import MAIL, READER, SENDER, Inbox, problem, send, serve

__all__ = ["serve"]


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
        ("mail", "550 5.7.1 not you", UnwelcomeError),
        ("mail", "501 5.1.7 bad sender", UnwelcomeError),
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
    # Before its first mail it has not begun with us.
    kind = ServerUnavailableError if phase == "mail" else ServerBusyError
    assert [type(end) for end in ends] == [kind, kind]
    assert len(inbox.lines) == 2


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_a_mail_that_was_taken_stays_so_after_421_for_the_next(serve: Callable[..., Server], phase: str) -> None:
    inbox = Inbox()
    server = serve(inbox)

    async def run() -> None:
        connection = SmtpConnection(server)
        await connection.send(SENDER, READER, MAIL)
        inbox.answers[phase] = "421 4.3.2 closing"
        with pytest.raises(ServerBusyError):
            await connection.send(SENDER, "next@example.org", MAIL)
        inbox.answers.clear()
        await connection.send(SENDER, "next@example.org", MAIL)
        await connection.close()

    asyncio.run(run())
    # The data of the second came, and was not taken.
    refused = ["next@example.org"] if phase == "data" else []
    assert [address for _, [address], _ in inbox.mails] == [READER, *refused, "next@example.org"]
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
