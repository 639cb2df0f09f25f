"""A trial: one mail handed to a server step by step, and what came of each step.

Deliveries have their own connections, which are quick and kept; here the steps are wanted one by one. TLS is as stated,
and never weaker, in both.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTP

from digestbot.mail.explaining import Explanation, Step, Trouble, of_a_reply, of_trouble
from digestbot.mail.smtp import Server

_PATIENCE = 60.0


class Outcome(StrEnum):
    """How a step ended; ``off`` is one that the settings do not want."""

    OK = "ok"
    OFF = "off"
    FAILED = "failed"
    UNTRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One step; ``said`` is what the server answered, or what happened, ``code`` of its reply if it gave one."""

    step: Step | Literal["file"]
    outcome: Outcome
    code: int | None = None
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Every step in its order, and what it comes to."""

    steps: tuple[Tried, ...]
    explanation: Explanation

    @property
    def taken(self) -> bool:
        """Whether the server has the mail."""
        return self.steps[-1].outcome == Outcome.OK


async def try_delivery(
    server: Server, sender: str, recipient: str, message: bytes, *, patience: float = _PATIENCE
) -> Trial:
    """Hand over one mail; a step that fails is the last that is tried. ``patience`` is in seconds, for each reply."""
    smtp = SMTP(
        hostname=server.host, port=server.port, use_tls=server.security == "tls", start_tls=False, timeout=patience
    )
    steps = _Steps(smtp, server, sender, recipient, message)
    done: list[Tried] = []
    explanation = of_trouble(None)
    try:
        for step, act in steps.in_order():
            try:
                done.append(await act())
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                failed, explanation = _failure(step, error)
                if failed.step == "tls" and step == "connection":
                    # The line stood, it is what was said on it that was wrong.
                    done.append(Tried(step=step, outcome=Outcome.OK, said="connected"))
                done.append(failed)
                break
    finally:
        await _hang_up(smtp)
    return Trial(steps=tuple(_completed(done)), explanation=explanation)


def written(path: str) -> Trial:
    """Return the trial of a mail that became a file, for want of a server."""
    explanation = Explanation(
        "[smtp] host is empty, so mails become files and reach nobody", "set [smtp] host when they shall"
    )
    return Trial(steps=(Tried(step="file", outcome=Outcome.OK, said=path),), explanation=explanation)


class _Steps:
    """What is to be done, each step raising what aiosmtplib raises."""

    def __init__(self, smtp: SMTP, server: Server, sender: str, recipient: str, message: bytes) -> None:
        self._smtp = smtp
        self._server = server
        self._sender = sender
        self._recipient = recipient
        self._message = message

    def in_order(self) -> Iterator[tuple[Step, Callable[[], Awaitable[Tried]]]]:
        """Yield every step."""
        yield "connection", self._connect
        yield "tls", self._encrypt
        yield "login", self._log_in
        yield "sender", self._name_sender
        yield "recipient", self._name_recipient
        yield "content", self._hand_over

    async def _connect(self) -> Tried:
        return _ok("connection", await self._smtp.connect())

    async def _encrypt(self) -> Tried:
        if self._server.security == "none":
            return Tried(step="tls", outcome=Outcome.OFF, said='[smtp] security is "none"')
        if self._server.security == "starttls":
            await self._smtp.starttls()
        line = self._smtp.get_transport_info("ssl_object")
        return Tried(step="tls", outcome=Outcome.OK, said=f"{line.version()}, with a certificate that holds")

    async def _log_in(self) -> Tried:
        if not self._server.username:
            return Tried(step="login", outcome=Outcome.OFF, said="[smtp] username is empty")
        return _ok("login", await self._smtp.login(self._server.username, self._server.password))

    async def _name_sender(self) -> Tried:
        return _ok("sender", await self._smtp.mail(self._sender))

    async def _name_recipient(self) -> Tried:
        return _ok("recipient", await self._smtp.rcpt(self._recipient))

    async def _hand_over(self) -> Tried:
        return _ok("content", await self._smtp.data(self._message))


def _ok(step: Step, reply: aiosmtplib.SMTPResponse) -> Tried:
    return Tried(step=step, outcome=Outcome.OK, code=reply.code, said=_one_line(reply.message))


def _failure(step: Step, error: Exception) -> tuple[Tried, Explanation]:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = _one_line(error.message)
        return Tried(step=step, outcome=Outcome.FAILED, code=error.code, said=said), of_a_reply(step, error.code, said)
    trouble = _trouble(step, error)
    at: Step = "tls" if trouble in ("certificate", "handshake") else step
    return Tried(step=at, outcome=Outcome.FAILED, said=_words(error)), of_trouble(trouble)


def _trouble(step: Step, error: Exception) -> Trouble:
    causes = list(_causes(error))
    for kind, trouble in _TROUBLES:
        if any(isinstance(one, kind) for one in causes):
            return trouble
    if step == "connection":
        # asyncio tries every address of a name, and names what came of each in one text.
        refused = any(f"[Errno {errno.ECONNREFUSED}]" in str(one) for one in causes)
        return "refused" if refused else "unreachable"
    if type(error) is aiosmtplib.SMTPException:
        # What it raises when the server has not offered what is to be done.
        return "no starttls" if step == "tls" else "no login"
    return "broken after the data" if step == "content" else "broken"


# The first that fits, anywhere in the chain of causes.
_TROUBLES: tuple[tuple[type[Exception], Trouble], ...] = (
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLError, "handshake"),
    (socket.gaierror, "unknown name"),
    # A name that cannot be one: its parts too long, or empty.
    (UnicodeError, "unknown name"),
    (aiosmtplib.SMTPReadTimeoutError, "silent"),
    (aiosmtplib.SMTPConnectTimeoutError, "no answer"),
    (TimeoutError, "silent"),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


def _words(error: Exception) -> str:
    for one in _causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message
    return _one_line(str(error)) or type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _completed(done: list[Tried]) -> Iterator[Tried]:
    yield from done
    steps: tuple[Step, ...] = ("connection", "tls", "login", "sender", "recipient", "content")
    for step in steps[len(done) :]:
        yield Tried(step=step, outcome=Outcome.UNTRIED)


async def _hang_up(smtp: SMTP) -> None:
    if smtp.is_connected:
        with suppress(aiosmtplib.SMTPException, OSError, asyncio.TimeoutError):
            await smtp.quit(timeout=5)
    smtp.close()
