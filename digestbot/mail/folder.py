"""Delivery without a server: every mail is a file in a folder."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from digestbot.errors import ServerUnavailableError


class MailFolder:
    """Writes ``.eml`` files, named by Message-ID: a mail that goes out again replaces itself."""

    # There is nothing to open.
    is_open = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        """Do nothing: the folder is made with the first mail."""

    async def send(self, sender: str, recipient: str, message: bytes) -> str:  # noqa: ARG002 - both stand in the mail
        """Write one mail, whole or not at all, and return where."""
        return await asyncio.to_thread(self._write, message)

    def _write(self, message: bytes) -> str:
        path = self._folder / f"{_name(message)}.eml"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    file.write(message)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise ServerUnavailableError(
                f"{path}: cannot be written: {error.strerror}; see the settings 'mailbox' and [smtp] host"
            ) from error
        return str(path)

    async def close(self) -> None:
        """Nothing is open between mails."""


def _name(message: bytes) -> str:
    found = re.search(rb"^Message-ID: <([^>@]+)@", message, re.MULTILINE)
    if found is None:
        raise ValueError("the mail has no Message-ID")
    return re.sub(r"[^\w.\-]", "_", found.group(1).decode("ascii"))
