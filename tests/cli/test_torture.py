"""Torture: processes killed, stopped and started at random, on a server that drops and defers and on a full disk.

At the end every reader has the digest, under one Message-ID, and the ledger and the server's files agree.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.cli.posts import CONNECTIONS, WORKERS, PostOffice, is_alive, post_office, repeats, said, stop, workers
from tests.disks import small_disk
from tests.factories import NOW
from tests.pipeline.fickle import Fickle
from tests.pipeline.program import PATIENCE, until
from tests.required import needs_linux

pytestmark = [pytest.mark.slow, needs_linux]

_WHOLE = os.environ.get("DIGESTBOT_SOAK") == "1"
READERS, KILLS = (2000, 50) if _WHOLE else (200, 5)
# Where something else goes wrong, too.
FEW = max(2, KILLS // 4)
FAULTS = 0.1
SEED = 20250527
# The waits of what is put off grow to five hours; the next digest is due after 23.
LATER = [timedelta(minutes=minutes) for minutes in (7, 27, 105, 410, 715, 1020, 1325)]


@pytest.fixture
def chance() -> Random:
    print("seed", SEED)
    return Random(SEED)


@pytest.fixture
def server(tmp_path: Path, chance: Random) -> Iterator[Fickle]:
    with Fickle(tmp_path / "arrived", Random(chance.random()), faults=FAULTS, seconds=0.01) as started:
        yield started


@pytest.fixture
def office(tmp_path: Path, server: Fickle) -> Iterator[PostOffice]:
    folder = tmp_path / "installation"
    folder.mkdir()
    with post_office(folder, server.port, READERS) as made:
        yield made


class Torture:
    """Kills at random moments, and what they came to."""

    def __init__(self, office: PostOffice, server: Fickle, chance: Random) -> None:
        self._office, self._server, self._chance = office, server, chance
        self._began = time.monotonic()
        # Mails that may have come twice, since who had them in hand was killed.
        self._in_doubt = 0
        self._running: list[subprocess.Popen[str]] = []
        self.kills = 0

    def start(self) -> subprocess.Popen[str]:
        self._running.append(self._office.deliver())
        return self._running[-1]

    def wait(self) -> None:
        """Wait until all have ended that were started."""
        for one in self._running:
            one.communicate(timeout=PATIENCE)

    def kill_some(self, many: int) -> None:
        """Kill so many of the processes that run; what is left goes to their siblings, or to a new start."""
        while many and "pending" in self._office.states():
            self._running = [one for one in self._running if one.poll() is None]
            if not self._running:
                self.start()
            self._wait_for_work()
            victim = self._chance.choice([pid for one in self._running for pid in (one.pid, *workers(one.pid))])
            if self._killed(victim):
                many -= 1

    def _wait_for_work(self) -> None:
        """Wait for some more mails to come, or until nobody works any more."""
        goal = self._server.seen + self._chance.randrange(1, 1 + READERS // KILLS)
        until(lambda: self._server.seen >= goal or all(one.poll() is not None for one in self._running))
        time.sleep(self._chance.uniform(0, 0.02))

    def _killed(self, victim: int) -> bool:
        """Kill a process; return whether there was something to kill."""
        try:
            # It is killed as it is seen: one with others at work has no mails in hand, and does the rest when all of
            # them have ended.
            stop(victim)
            if not is_alive(victim):
                return False
            may_have_mails = not workers(victim)
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.kills += 1
        self._in_doubt += CONNECTIONS if may_have_mails else 0
        return True

    def come_back_later(self) -> None:
        """Deliver what was put off, when its time has come and nobody works any more."""
        self.wait()
        self._server.seconds = 0.0
        for wait in LATER:
            if self._office.states().keys() <= {"sent"}:
                return
            assert self._office.deliver_here(NOW + wait).stopped == ""

    def judge(self) -> None:
        """See that everybody has a mail, the books agree, and few came twice."""
        arrived, sent = self._server.files(), self._office.sent()
        assert self._office.states() == {"sent": READERS}
        assert len({address for address, _ in arrived}) == READERS
        assert set(arrived) == set(sent), "the ledger and the server's files agree"
        again = repeats(arrived.elements())
        print(
            f"{READERS} readers, {self.kills} kills, {again} repeats of at most {self._in_doubt} by kills and"
            f" {self._server.unsaid} that the server took without a word; {time.monotonic() - self._began:.0f} s"
        )
        assert again <= self._in_doubt + self._server.unsaid


@pytest.fixture
def torture(office: PostOffice, server: Fickle, chance: Random) -> Torture:
    return Torture(office, server, chance)


def test_whoever_is_killed_and_whatever_the_server_says_every_reader_has_the_digest(torture: Torture) -> None:
    torture.kill_some(KILLS)
    torture.come_back_later()
    torture.judge()


def test_the_same_with_two_that_were_started_together(torture: Torture) -> None:
    for _ in range(2):
        torture.start()
    torture.kill_some(FEW)
    torture.come_back_later()
    torture.judge()


def test_the_same_with_a_process_that_sleeps_in_mid_send(torture: Torture, office: PostOffice, server: Fickle) -> None:
    server.keep()
    running = office.deliver()
    # All of them wait for the server, so that none has locked the database.
    server.wait_for(lambda: server.kept == WORKERS * CONNECTIONS)
    before, sleeper = office.in_hand(), workers(running.pid)[0]
    stop(sleeper)
    server.let_go()
    until(lambda: len(still_the_same(before, office)) < WORKERS)
    [held] = still_the_same(before, office)
    torture.kill_some(FEW)
    torture.wait()
    assert set().union(*office.in_hand().values()) >= held, "what it has is not taken over while it lives"
    os.kill(sleeper, signal.SIGCONT)
    said(running)
    torture.come_back_later()
    torture.judge()


def still_the_same(before: dict[str, set[int]], office: PostOffice) -> list[set[int]]:
    """Return the mails of each process that has the same ones in hand as before."""
    after = office.in_hand()
    return [mails for owner, mails in before.items() if mails == after.get(owner)]


@contextmanager
def no_room(folder: Path) -> Iterator[None]:
    """Fill the disk, on which others write meanwhile, to the last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


def test_the_same_with_a_disk_that_is_full_for_a_while(tmp_path: Path, server: Fickle, chance: Random) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk("tmpfs", folder), post_office(folder, server.port, READERS) as office:
        torture = Torture(office, server, chance)
        torture.kill_some(FEW // 2)
        torture.start()
        goal = server.seen + READERS // 20
        until(lambda: server.seen >= goal)
        with no_room(folder):
            time.sleep(chance.uniform(1.0, 3.0))
        torture.kill_some(FEW - FEW // 2)
        torture.come_back_later()
        torture.judge()
