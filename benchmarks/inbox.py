"""Real SMTP servers on free ports of loopback, and the mails that they took."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from aiosmtpd.controller import Controller
from stage import AbsentError

WAIT_SECONDS = 30.0


class Inbox(Protocol):
    """A real SMTP server, and the mails it took."""

    port: int

    def take(self, count: int) -> list[bytes]:
        """Return the mails that came since the last call; wait a while until there are so many."""


@contextlib.contextmanager
def server(name: str) -> Iterator[Inbox]:
    """Run an SMTP server on a free port of loopback."""
    if name == "aiosmtpd":
        caught = Caught(free_port())
        controller = Controller(caught, hostname="127.0.0.1", port=caught.port)
        controller.start()
        try:
            yield caught
        finally:
            controller.stop()
        return
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix/sbin")
    if program is None:
        raise AbsentError("there is no smtp-sink; it is in Debian's package postfix")
    with tempfile.TemporaryDirectory(prefix="digestbot-sink-") as folder:
        dumped = Dumped(free_port(), Path(folder))
        user = []
        if os.geteuid() == 0:
            # As root smtp-sink wants to be somebody else, who must be able to write here.
            shutil.chown(folder, "nobody")
            user = ["-u", "nobody"]
        address = f"127.0.0.1:{dumped.port}"
        command = [program, *user, "-c", "-d", f"{folder}/%M.", address, "100"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as sink:
            try:
                wait_for(dumped.port, sink)
                yield dumped
            finally:
                sink.terminate()


class Caught:
    """The mails that aiosmtpd took."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._mails: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - aiosmtpd's
        """Take a mail."""
        content = getattr(envelope, "content", b"")
        self._mails.append(content if isinstance(content, bytes) else bytes(content, "utf-8"))
        return "250 OK"

    def take(self, count: int) -> list[bytes]:
        """Return what came; a mail is here before its 250 is."""
        del count
        mails, self._mails = self._mails, []
        return mails


class Dumped:
    """The mails that smtp-sink wrote, a file each."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._folder = folder

    def take(self, count: int) -> list[bytes]:
        """Return what came, as soon as the files are complete; they make room for the next."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            files = sorted(self._folder.iterdir())
            mails = [path.read_bytes() for path in files]
            whole = [mail for mail in mails if mail.rstrip().endswith(b"--")]
            if (len(whole) >= count and len(whole) == len(mails)) or time.monotonic() > deadline:
                for path in files:
                    path.unlink()
                return mails
            time.sleep(0.05)


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when somebody listens on a port."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("smtp-sink did not start") from error
            time.sleep(0.05)
        else:
            return
