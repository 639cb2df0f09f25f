"""An SMTP server that drops lines, puts mails off at random or keeps them, and writes what it took into files."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.pipeline.program import PATIENCE

_END = b"\r\n.\r\n"
_LONGEST = 2**22
_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)\r$", re.MULTILINE)
# By phase: what is said, or nothing and the line is dropped.
_FAULTS = (
    ("MAIL", b"451 4.3.0 later\r\n"),
    ("MAIL", b""),
    ("RCPT", b"450 4.2.1 the mailbox is busy\r\n"),
    ("RCPT", b"451 4.7.1 greylisted, come back\r\n"),
    ("RCPT", b""),
    ("DATA", b""),
    (".", b"452 4.3.1 no room\r\n"),
    (".", b""),
    ("taken", b""),
)


class _HungUpError(Exception):
    """The line was dropped."""


@dataclass
class Fickle:
    """Of all mails so many, from 0 to 1, meet a fault; the others are taken after so many seconds.

    ``seen`` is how many mails came whole; ``kept`` how many of them are kept without a word, until they are let go.
    ``taken`` has who got which Message-ID; ``unsaid`` is how many of those were taken without a word, so that whoever
    sent them has to send them again.
    """

    folder: Path
    chance: random.Random
    faults: float = 0.0
    seconds: float = 0.0
    reply: bytes = b"250 2.0.0 taken\r\n"
    taken: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0
    kept: int = 0
    unsaid: int = 0
    port: int = 0

    def __enter__(self) -> Self:
        self._changed = threading.Condition()
        self._lines: set[asyncio.Task[None]] = set()
        self.folder.mkdir()
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen(started)))
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def keep(self) -> None:
        """Keep the mails that come from now on, however long."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def let_go(self) -> None:
        """Go on with the mails that were kept, also those of who is not there any more, and with all others."""
        self._loop.call_soon_threadsafe(self._open.set)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, looking at it whenever a mail comes."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"the mails did not come; {self.seen} did"

    def files(self) -> Counter[tuple[str, str]]:
        """Return who got which Message-ID, and how often, as the files say."""
        found: Counter[tuple[str, str]] = Counter()
        for path in self.folder.iterdir():
            head, _, message = path.read_bytes().partition(b"\r\n")
            found[head.decode(), _message_id(message)] += 1
        return found

    async def _listen(self, started: threading.Event) -> None:
        self._loop, self._stopped, self._open = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._open.set()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, limit=_LONGEST)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stopped.wait()
        server.close()
        for line in list(self._lines):
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        try:
            with contextlib.suppress(_HungUpError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._lines.discard(line)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 fickle\r\n")
        phase, answer, address = "", b"", ""
        while True:
            words = (await reader.readuntil(b"\r\n")).decode().strip()
            verb = words[:4].upper()
            if verb == "QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            if verb == "MAIL":
                phase, answer = self.chance.choice(_FAULTS) if self.chance.random() < self.faults else ("", b"")
            if verb == phase:
                self._say(writer, answer)
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                message = (await reader.readuntil(_END))[: -len(_END)] + b"\r\n"
                self._count(seen=1)
                if not self._open.is_set():
                    self._count(kept=1)
                    await self._open.wait()
                    self._count(kept=-1)
                if self.seconds:
                    await asyncio.sleep(self.seconds)
                if phase == ".":
                    self._say(writer, answer)
                    continue
                self._take(address, message, unsaid=phase == "taken")
                self._say(writer, b"" if phase == "taken" else self.reply)
            else:
                address = words.partition("<")[2].rstrip(">") if verb == "RCPT" else address
                writer.write(b"250 2.0.0 go on\r\n")

    def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        if not answer:
            raise _HungUpError
        writer.write(answer)

    def _count(self, *, seen: int = 0, kept: int = 0) -> None:
        with self._changed:
            self.seen += seen
            self.kept += kept
            self._changed.notify_all()

    def _take(self, address: str, message: bytes, *, unsaid: bool) -> None:
        if not self.reply.startswith(b"250"):
            return
        # Undone: the dots of RFC 5321 section 4.5.2.
        message = message.replace(b"\r\n..", b"\r\n.")
        (self.folder / f"{len(self.taken):06}").write_bytes(f"{address}\r\n".encode() + message)
        with self._changed:
            self.taken.append((address, _message_id(message)))
            self.unsaid += unsaid
            self._changed.notify_all()


def _message_id(message: bytes) -> str:
    found = _MESSAGE_ID.search(message)
    assert found is not None
    return found[1].decode()
