"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """A mail as it came in; ``number`` counts from 1."""

    number: int
    recipient: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        if not isinstance(parsed, EmailMessage):
            raise TypeError("the default policy makes EmailMessage")
        return parsed

    def part(self, subtype: str) -> str:
        """Return the text of the ``plain`` or ``html`` part."""
        body = self.message.get_body(preferencelist=(subtype,))
        return str(body.get_content()) if body is not None else ""


class Catcher:
    """Listens on a free port of 127.0.0.1 between ``start`` and ``stop``."""

    def __init__(self) -> None:
        self.mails: list[Caught] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen, on the running event loop."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, hostname="localhost", loop=loop), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one mail."""
        for recipient in envelope.rcpt_tos:
            self.mails.append(Caught(number=len(self.mails) + 1, recipient=recipient, raw=envelope.original_content))
        return "250 2.0.0 caught"
