"""An outbox full of digests, programs that send them, and a look at their processes and at what came of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from digestbot.cli.delivering import Delivering, deliver
from digestbot.cli.installation import Installation
from digestbot.cli.times import Standing
from digestbot.digest.compose import digest_delivery
from digestbot.pipeline.run import Outcome
from digestbot.settings import read_settings
from digestbot.store import Store
from tests.factories import NOW, digest, new_store, paper
from tests.pipeline.peers import DOMAIN, join
from tests.pipeline.program import PATIENCE, command, environ, until

CONNECTIONS, WORKERS = 3, 2
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass
class PostOffice:
    """An installation in a folder whose server is at a port, and the programs that were started for it."""

    folder: Path
    port: int
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def settings(self) -> Path:
        return self.folder / "settings.toml"

    def write_settings(self, smtp: str = "") -> None:
        self.settings.write_text(
            f'[smtp]\nhost = "127.0.0.1"\nport = {self.port}\nconnections = {CONNECTIONS}\nworkers = {WORKERS}\n{smtp}'
            f'[mail]\nsender = "digestbot <digestbot@{DOMAIN}>"\n',
            encoding="utf-8",
        )

    def store(self) -> Store:
        return new_store(self.folder / "digestbot.sqlite")

    def post(self, many: int) -> None:
        """Put so many digests into the outbox, each for a new subscriber."""
        papers = [paper(number) for number in (1, 2, 3)]
        with contextlib.closing(self.store()) as store:
            store.papers.add(papers, NOW)
            readers = [join(store, f"reader{number:04}") for number in range(many)]
            made = [(digest(*papers, reader=reader), reader) for reader in readers]
            store.digests.add([(one, digest_delivery(one, reader, domain=DOMAIN)) for one, reader in made])

    def deliver(self) -> subprocess.Popen[str]:
        """Start delivering what waits, in several processes."""
        return self._start([sys.executable, "-m", "tests.cli.sender", str(self.folder), NOW.isoformat()])

    def deliver_here(self, at: datetime = NOW) -> Outcome:
        """Deliver what waits in this process, which need not start."""
        installation = Installation(read_settings(self.settings, {}, folder=self.folder), {})
        try:
            return deliver(installation, Delivering(clock=Standing(at)), many=sys.maxsize)
        finally:
            installation.close()

    def send(self, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start ``digestbot send``."""
        return self._start(command(self.settings, "send", "--at", NOW.isoformat(), *arguments), stderr)

    def _start(self, arguments: list[str], stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            env=environ() | {"PYTHONPATH": str(_CHECKOUT)},
            # A group of its own, as a shell starts it: Ctrl-C reaches all processes in it.
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def end_all(self) -> None:
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=PATIENCE)
        # The others, too, whose end nobody waits for: a disk that they use cannot be taken away.
        until(lambda: not any(_is_of_group(process.pid) for process in self.running))

    def states(self) -> dict[str, int]:
        with contextlib.closing(self.store()) as store:
            return {str(state): many for state, many in store.outbox.counts().items()}

    def sent(self) -> Counter[tuple[str, str]]:
        """Return to whom which Message-ID was sent, as the ledger says."""
        with contextlib.closing(self.store()) as store:
            rows = store.database.rows("select address, message_id from deliveries where state = 'sent'")
        return Counter((row["address"], row["message_id"]) for row in rows)

    def in_hand(self) -> dict[str, set[int]]:
        """Return the deliveries that are ``sending``, by the run that claimed them."""
        with contextlib.closing(self.store()) as store:
            rows = store.database.rows("select owner, id from deliveries where state = 'sending'")
        found: dict[str, set[int]] = {}
        for row in rows:
            found.setdefault(row["owner"], set()).add(row["id"])
        return found


@contextmanager
def post_office(folder: Path, port: int, many: int) -> Iterator[PostOffice]:
    office = PostOffice(folder, port)
    office.write_settings()
    office.post(many)
    try:
        yield office
    finally:
        office.end_all()


def workers(program: int) -> list[int]:
    """Return the ids of the processes that a program has started to deliver, those that have not ended."""
    children = [one for one in _processes() if _status(one)[1] == str(program)]
    return sorted(one for one in children if is_alive(one) and b"spawn_main" in _read(one, "cmdline"))


def is_alive(process: int) -> bool:
    """Return whether a process has not ended; one that nobody has waited for yet has."""
    return _status(process)[0] not in "ZX"


def stop(process: int) -> None:
    """Stop a process and return when it does nothing any more."""
    os.kill(process, signal.SIGSTOP)
    until(lambda: _status(process)[0] in "TZX")


# The state of a process that is no more, and neither parent nor group.
_NONE = ("X", "", "")


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _is_of_group(leader: int) -> bool:
    """Return whether a process of this group has not ended."""
    return any(_status(one)[2] == str(leader) and is_alive(one) for one in _processes())


def _status(process: int) -> tuple[str, str, str]:
    """Return the state of a process, its parent's id and that of its group."""
    # After its name, which may hold anything.
    words = _read(process, "stat").decode().rpartition(")")[2].split()
    return (words[0], words[1], words[2]) if words else _NONE


def _read(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b""


def said(process: subprocess.Popen[str], code: int = 0) -> Any:
    """Wait until a program ends and return the JSON that it printed."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    assert "Traceback" not in err, err
    return json.loads(out)


def repeats(arrived: Iterable[tuple[str, str]]) -> int:
    """Return how many mails came more than once; each must have had the same Message-ID."""
    counted = Counter(arrived)
    assert len({address for address, _ in counted}) == len(counted), "a mail that goes out again keeps its Message-ID"
    return counted.total() - len(counted)
