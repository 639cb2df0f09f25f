"""SMTP with a server that says nothing, or hangs up: how long it is waited for in each phase, and what that means.

Nobody waits here: the time of the loop is a clock that the test puts forward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from digestbot.errors import DeferredError, DeliveryError, ServerUnavailableError, UncertainError
from digestbot.mail.smtp import Server, SmtpConnection
from tests.mail.servers import MAIL, READER, SENDER

MINUTE = 60.0
# Real time passes, too: as much as a slow machine needs.
SLACK = 25.0


class PutForward(asyncio.SelectorEventLoop):
    """A loop whose clock can be put forward."""

    passed = 0.0

    def time(self) -> float:
        return super().time() + self.passed


@dataclass
class Moody:
    """A server that falls silent in one phase, or hangs up there, when it has taken so many mails."""

    phase: str
    hangs_up: bool = False
    after: int = 0
    taken: int = 0
    lines: int = 0
    silent: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines += 1
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._reach("CONNECT", reader)
        writer.write(b"220 moody\r\n")
        while True:
            verb = (await reader.readuntil(b"\r\n"))[:4].decode().strip()
            await self._reach(verb, reader)
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                await self._reach(".", reader)
                self.taken += 1
            writer.write(b"250 2.0.0 go on\r\n")

    async def _reach(self, phase: str, reader: asyncio.StreamReader) -> None:
        if phase == self.phase and self.taken >= self.after:
            if self.hangs_up:
                raise ConnectionAbortedError
            self.silent.set()
            # Until the other side has had enough.
            await reader.read()
            raise ConnectionAbortedError


async def all_wait() -> None:
    """Let everybody in this loop do what can be done without the time passing."""
    for _ in range(100):
        await asyncio.sleep(0)


async def with_server(moody: Moody, act: Callable[[SmtpConnection], Coroutine[Any, Any, None]]) -> None:
    listening = await asyncio.start_server(moody.answer, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        connection = SmtpConnection(Server(host="127.0.0.1", port=port, security="none"))
        try:
            await act(connection)
        finally:
            moody.phase = ""
            await connection.close()


@pytest.mark.parametrize(
    ("phase", "seconds", "kind"),
    [
        ("CONNECT", MINUTE, ServerUnavailableError),
        ("EHLO", MINUTE, ServerUnavailableError),
        ("MAIL", MINUTE, DeferredError),
        ("RCPT", MINUTE, DeferredError),
        ("DATA", MINUTE, DeferredError),
        # RFC 5321 section 4.5.3.2.6.
        (".", 10 * MINUTE, UncertainError),
    ],
)
def test_a_command_is_waited_for_a_minute_and_the_final_reply_ten(
    phase: str, seconds: float, kind: type[DeliveryError]
) -> None:
    moody = Moody(phase)

    async def wait(connection: SmtpConnection) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, PutForward)
        sending = asyncio.create_task(connection.send(SENDER, READER, MAIL))
        try:
            await moody.silent.wait()
            await all_wait()
            loop.passed += seconds - SLACK
            await all_wait()
            assert not sending.done()
            loop.passed += 2 * SLACK
            await all_wait()
            assert sending.done()
            with pytest.raises(kind):
                await sending
        finally:
            sending.cancel()

    with asyncio.Runner(loop_factory=PutForward) as runner:
        runner.run(with_server(moody, wait))


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "."])
def test_what_was_taken_stays_so_when_the_next_mail_loses_the_line(phase: str) -> None:
    moody = Moody(phase, hangs_up=True, after=1)

    async def go_on(connection: SmtpConnection) -> None:
        await connection.send(SENDER, READER, MAIL)
        with pytest.raises(UncertainError if phase == "." else DeferredError):
            await connection.send(SENDER, READER, MAIL)
        assert moody.taken == 1
        moody.phase = ""
        await connection.send(SENDER, READER, MAIL)
        assert (moody.taken, moody.lines) == (2, 2)

    asyncio.run(with_server(moody, go_on))
