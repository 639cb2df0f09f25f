"""Delivery over SMTP: connections, and what the server's replies mean for us.

``mail``, ``rcpt`` and ``data`` are called one by one, since only the phase of a failure tells
whether the mail may have arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTP

from digestbot.errors import DeferredError, RejectedError, ServerUnavailableError, UncertainError, UnwelcomeError
from digestbot.mail.replies import refusal

_COMMAND_SECONDS = 60.0
# RFC 5321 section 4.5.3.2.6: the final reply may take ten minutes.
_DATA_SECONDS = 600.0
_MAILS_PER_CONNECTION = 100
_GO_ON = 354
# RFC 5321 section 3.8: it closes the line.
_BUSY = 421


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server that takes our mail. TLS is as stated, and never weaker."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    username: str = ""
    password: str = field(default="", repr=False)


class SmtpConnection:
    """One connection, opened when first needed and reused; for one mail at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: SMTP | None = None
        self._sent = 0

    async def open(self) -> None:
        """Be ready for a mail. Raises ``ServerUnavailableError``, or ``UnwelcomeError`` for a login refused."""
        await self._open()

    @property
    def is_open(self) -> bool:
        """Whether a mail can be sent without a new connection."""
        return self._smtp is not None and self._smtp.is_connected and self._sent < _MAILS_PER_CONNECTION

    async def send(self, sender: str, recipient: str, message: bytes) -> str:
        """Hand over one mail with CR LF line ends and return the server's final words.

        Raises a ``DeliveryError`` by what is to be done next; ``UncertainError`` when the line broke
        after the data, so that the mail may have arrived.
        """
        smtp = await self._open()
        try:
            await self._mail_from(smtp, sender)
            await smtp.rcpt(recipient, timeout=_COMMAND_SECONDS)
            begin = await smtp.execute_command(b"DATA", timeout=_COMMAND_SECONDS)
            if begin.code != _GO_ON:
                raise aiosmtplib.SMTPDataError(begin.code, begin.message)
        except aiosmtplib.SMTPResponseException as error:
            await self._after_reply(error.code)
            raise refusal(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            await self._drop()
            raise DeferredError(f"the line broke before the data: {_words(error)}") from error
        except ValueError as error:
            # Not one that our command line lets in: it must not keep the others from going out.
            await self._drop()
            raise RejectedError(f"this address cannot be written: {_words(error)}") from error
        reply = await self._hand_over(smtp, message)
        self._sent += 1
        return reply

    async def _mail_from(self, smtp: SMTP, sender: str) -> None:
        try:
            await smtp.mail(sender, timeout=_COMMAND_SECONDS)
        except aiosmtplib.SMTPSenderRefused as error:
            if error.code < 500 and not (error.code == _BUSY and self._sent == 0):
                raise
            await self._after_reply(error.code)
            if error.code == _BUSY:
                # It has not begun with us: as one that says so in its greeting.
                raise ServerUnavailableError(
                    f"the server takes no more connections now: {error.code} {error.message}",
                    code=error.code,
                    text=error.message,
                ) from error
            raise UnwelcomeError(
                f"the server refuses the sender {sender}: {error.code} {error.message}",
                code=error.code,
                text=error.message,
            ) from error

    async def _hand_over(self, smtp: SMTP, message: bytes) -> str:
        """Send the bytes, and wait for what the server says to them.

        Not by aiosmtplib's ``data``: it looks for wrong line ends in every mail, which takes longer than sending it.
        """
        protocol = smtp.protocol
        if protocol is None or not protocol.is_connected:
            await self._drop()
            raise DeferredError("the line broke before the data: the server closed it")
        try:
            # A line that begins with a dot would end the mail: RFC 5321 section 4.5.2.
            end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
            protocol.write(message.replace(b"\r\n.", b"\r\n..") + end)
            reply = await protocol.read_response(timeout=_DATA_SECONDS)
        except (aiosmtplib.SMTPException, OSError) as error:
            await self._drop()
            raise UncertainError(f"the line broke after the data: {_words(error)}") from error
        if not 200 <= reply.code < 300:
            await self._after_reply(reply.code)
            raise refusal(reply.code, reply.message)
        return reply.message

    async def close(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        smtp, self._smtp, self._sent = self._smtp, None, 0
        if smtp is not None and smtp.is_connected:
            try:
                await smtp.quit(timeout=5)
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()

    async def _open(self) -> SMTP:
        if self._smtp is not None and self.is_open:
            return self._smtp
        await self.close()
        server = self._server
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.username or None,
            password=server.password or None,
            timeout=_COMMAND_SECONDS,
        )
        where = f"{server.host}:{server.port}"
        try:
            await smtp.connect()
            await _greet(smtp)
        except aiosmtplib.SMTPAuthenticationError as error:
            smtp.close()
            if error.code < 500:
                raise ServerUnavailableError(
                    f"{where} cannot check the login now: {error.code} {error.message}",
                    code=error.code,
                    text=error.message,
                ) from error
            raise UnwelcomeError(
                f"{where} does not accept the login: check [smtp] username and the smtp_password secret",
                code=error.code,
                text=error.message,
            ) from error
        # UnicodeError: a host that no name can be, such as "a..b".
        except (TimeoutError, aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            smtp.close()
            raise ServerUnavailableError(
                f"no connection to the SMTP server {where}: {_words(error)}; check [smtp] host, port and security"
            ) from error
        self._smtp, self._sent = smtp, 0
        return smtp

    async def _after_reply(self, code: int) -> None:
        # Otherwise the line stays good, if they speak SMTP.
        if code == _BUSY or code < 400:
            await self._drop()
            return
        try:
            if self._smtp is not None:
                await self._smtp.rset(timeout=_COMMAND_SECONDS)
        except (aiosmtplib.SMTPException, OSError):
            await self._drop()

    async def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


async def _greet(smtp: SMTP) -> None:
    """Say who we are, unless a login did. A server that breaks off here has refused no mail."""
    if smtp.is_ehlo_or_helo_needed:
        try:
            await smtp.ehlo()
        except aiosmtplib.SMTPHeloError:
            if not smtp.is_connected:
                raise
            await smtp.helo()


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
