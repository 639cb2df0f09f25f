"""A Postfix of the test's own: it refuses some addresses, puts some off, and hands some mails on."""

from __future__ import annotations

import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.pipeline.program import PATIENCE
from tests.required import missing

# What it runs, and nothing of it in a chroot.
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example.net
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
smtpd_recipient_restrictions = check_recipient_access inline:{{ {answers} }}, permit_mynetworks, reject
transport_maps = inline:{{ {routes} }}
default_transport = discard
relay_transport = discard
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """Where it listens, and what it logs."""

    port: int
    log: Path


@contextmanager
def postfix(program: str, port: int, *, answers: dict[str, str], routes: dict[str, int]) -> Iterator[Postfix]:
    """Start a Postfix and end it.

    ``answers`` are what it says to a recipient, ``routes`` the ports of servers that get the mails to an address or a
    domain. It takes all other mail and drops it.
    """
    if os.getuid() != 0:
        missing("Postfix starts as root only")
    # Not below pytest's folder: that lets nobody else in.
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    ways = {where: f"smtp:[127.0.0.1]:{at}" for where, at in routes.items()}
    values = {"folder": folder, "answers": _table(answers), "routes": _table(ways)}
    (folder / "etc" / "main.cf").write_text(_MAIN.format(**values), encoding="ascii")
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port), encoding="ascii")
    with (folder / "start").open("wb") as said:
        running = subprocess.Popen([program, "-c", str(folder / "etc"), "start-fg"], stdout=said, stderr=said)
    try:
        _wait(running, port, folder)
        yield Postfix(port, folder / "log")
    finally:
        subprocess.run([program, "-c", str(folder / "etc"), "stop"], capture_output=True, check=False)
        running.wait(timeout=PATIENCE)
        shutil.rmtree(folder)


def _table(entries: dict[str, str]) -> str:
    return ", ".join(f"{{ {name} = {value} }}" for name, value in entries.items())


def _wait(running: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            smtplib.SMTP("127.0.0.1", port, timeout=1).close()
        except OSError:
            words = [path.read_text(encoding="utf-8") for path in (folder / "start", folder / "log") if path.exists()]
            assert running.poll() is None, words
            assert time.monotonic() < end, words
            time.sleep(0.05)
        else:
            return
