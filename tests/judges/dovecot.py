"""A Dovecot of the test's own: it takes mails by LMTP, as a mail server hands them on, and gives them back by IMAP."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PASSWORD = "of-the-tests"
_CONFIGURATION = Path(__file__).with_suffix(".conf")
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Dovecot:
    """Where it listens."""

    lmtp: int
    imap: int

    def take(self, reader: str, mail: bytes) -> None:
        """Hand over a mail."""
        with smtplib.LMTP("127.0.0.1", self.lmtp, timeout=_PATIENCE) as connection:
            assert connection.sendmail("digest@example.org", [f"{reader}@example.org"], mail) == {}

    def give(self, reader: str) -> list[bytes]:
        """Return the mails of a reader as their program gets them."""
        with imaplib.IMAP4("127.0.0.1", self.imap, timeout=_PATIENCE) as connection:
            connection.login(reader, _PASSWORD)
            connection.select(readonly=True)
            _status, answers = connection.fetch("1:*", "(BODY.PEEK[])")
        return [answer[1] for answer in answers if isinstance(answer, tuple)]


@contextmanager
def dovecot(program: str, free_port: Callable[[], int]) -> Iterator[Dovecot]:
    """Start a Dovecot and end it."""
    # Not below pytest's folder: that lets nobody else in, and root may own no mail.
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    folder.chmod(0o755)
    mine = os.getuid() != 0
    owner = pwd.getpwuid(os.getuid()) if mine else pwd.getpwnam("nobody")
    (folder / "home").mkdir()
    os.chown(folder / "home", owner.pw_uid, owner.pw_gid)
    server = Dovecot(free_port(), free_port())
    values = {
        "folder": folder,
        "password": _PASSWORD,
        "internal": owner.pw_name if mine else "dovecot",
        "group": grp.getgrgid(owner.pw_gid).gr_name if mine else "dovecot",
        "uid": owner.pw_uid,
        "gid": owner.pw_gid,
        "lmtp": server.lmtp,
        "imap": server.imap,
    }
    text = _CONFIGURATION.read_text(encoding="utf-8")
    (folder / "conf").write_text(re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), text), encoding="utf-8")
    running = subprocess.Popen([program, "-F", "-c", str(folder / "conf")], stderr=subprocess.PIPE)
    try:
        _wait(running, (server.lmtp, server.imap))
        yield server
    finally:
        running.terminate()
        running.communicate(timeout=_PATIENCE)
        shutil.rmtree(folder)


def _wait(running: subprocess.Popen[bytes], ports: tuple[int, ...]) -> None:
    until = time.monotonic() + _PATIENCE
    for port in ports:
        while True:
            assert running.poll() is None, running.communicate()[1].decode()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert time.monotonic() < until, f"nobody listens at {port}"
                time.sleep(0.02)
            else:
                break
