"""Composing in several processes: the same digests as in one, and no process that outlives the one that began it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digestbot.cli.composing import compose_due
from digestbot.cli.installation import Installation
from digestbot.cli.program import Program
from digestbot.errors import DigestbotError
from digestbot.models import LIKE, SubscriberState
from digestbot.pipeline.due import Awaited
from digestbot.settings import read_settings
from digestbot.store import Defaults, Preferences, open_store
from tests.factories import DAY, NOW
from tests.pipeline.program import PATIENCE, environ
from tests.ranking.library import library
from tests.required import needs_posix

READERS = 30
WORKERS = "[ranking]\nworkers = 2\n[digest]\nmin_score = 0\n"
AT = NOW.isoformat()
# Far less than a process waits for its turn to write.
SOON = 15.0


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with readers of random-like ids, the last of all ids among them, and a fit that is saved."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "settings.toml").write_text(WORKERS, encoding="utf-8")
    ids = iter([1, *(2**63 // READERS * number for number in range(1, READERS - 1)), 2**63 - 1])
    store = open_store(folder / "digestbot.sqlite", defaults=Defaults(), new_id=lambda: next(ids))
    papers = library()
    store.papers.add(papers, NOW)
    for number in range(READERS):
        reader = store.subscribers.add(
            f"reader{number:02}@example.org", SubscriberState.ACTIVE, Preferences(papers=3), NOW
        )
        liked = papers[number % len(papers)]
        store.ratings.record(reader.id, {liked.id: LIKE}, now=NOW, origin="cli")
    store.close()
    with opened(folder) as installation:
        installation.composer.prepare(NOW)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return shutil.copytree(prepared, tmp_path / "installation")


@contextmanager
def opened(folder: Path) -> Iterator[Installation]:
    installation = Installation(read_settings(folder / "settings.toml", {}, folder=folder), {})
    try:
        yield installation
    finally:
        installation.close()


def digests(folder: Path) -> list[tuple[Any, ...]]:
    """Return all that was stored of digests."""
    with opened(folder) as installation:
        rows = installation.store.database.rows
        tables = ("digests", "digest_items")
        return [tuple(row) for table in tables for row in rows(f"select * from {table} order by 1, 2")]


def readers_served(folder: Path) -> int:
    with opened(folder) as installation:
        return len(installation.store.database.rows("select subscriber_id from digests"))


@contextmanager
def when_a_process_helps(act: Callable[[int], None]) -> Iterator[list[int]]:
    """Do something with the id of the first process that this one starts; yield the ids that were seen."""
    seen: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.001):
            for process in multiprocessing.active_children():
                seen.append(process.pid or 0)
                act(seen[0])
                return

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        ended.set()
        watching.join()


def leave_alone(_process: int) -> None:
    """Do nothing."""


# who composes


def test_several_processes_compose_what_one_does_for_every_id_there_can_be(folder: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(folder, tmp_path / "alone")
    with opened(alone) as installation, when_a_process_helps(leave_alone) as seen:
        assert compose_due(installation, NOW) == READERS
    assert seen == []
    with opened(folder) as installation, when_a_process_helps(leave_alone) as seen:
        assert compose_due(installation, NOW, many=READERS) == READERS
    assert len(seen) == 1
    assert len(digests(alone)) == READERS * 4
    assert digests(folder) == digests(alone)


def test_where_fewer_are_due_no_process_is_started_and_nothing_is_loaded_for_nobody(folder: Path) -> None:
    awaited = Awaited(day=DAY, wait=timedelta(hours=2))
    with opened(folder) as installation, when_a_process_helps(leave_alone) as seen:
        assert compose_due(installation, NOW - timedelta(hours=2), many=1) == 0
        assert compose_due(installation, NOW, awaited=awaited, many=1) == 0
        assert "composer" not in vars(installation)
        assert compose_due(installation, NOW, many=READERS + 1) == READERS
        assert compose_due(installation, NOW, many=1) == 0
    assert seen == []


def test_one_worker_composes_for_as_many_as_there_are(folder: Path) -> None:
    (folder / "settings.toml").write_text(WORKERS.replace("2", "1"), encoding="utf-8")
    with opened(folder) as installation, when_a_process_helps(leave_alone) as seen:
        assert compose_due(installation, NOW, many=10) == READERS
    assert seen == []


def test_only_one_subscriber_can_be_asked_for_and_no_process_is_started(folder: Path) -> None:
    with opened(folder) as installation:
        assert compose_due(installation, NOW, only="READER07@example.org", many=2) == 1
        assert len(list(installation.due(NOW))) == READERS - 1


def test_what_the_processes_warn_of_leaves_standard_output_alone(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder / "digestbot.sqlite.fits")
    (folder / "digestbot.sqlite.fits").write_bytes(b"no folder: each process says that its fit cannot be saved")
    program = Program(settings_path=folder / "settings.toml", environ={}, folder=folder, verbose=True)
    with program.installation() as installation:
        assert installation.verbose
        sys.stdout.write(json.dumps({"composed": compose_due(installation, NOW, many=1)}))
    out, err = capfd.readouterr()
    assert json.loads(out) == {"composed": READERS}
    assert err.count("the fit cannot be saved") == 2


def test_who_is_due_is_found_without_what_ranks_and_so_is_that_nobody_is(folder: Path) -> None:
    script = (
        "import sys\nfrom digestbot.cli import _run\n"
        f"for command in (['due', '--at', {AT!r}], ['send', '--at', '2025-05-27T03:00']):\n"
        f"    assert _run(['--settings', {str(folder / 'settings.toml')!r}, *command]) == 0\n"
        "print(*sorted({'sklearn', 'scipy'} & set(sys.modules)), end='', file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environ(), check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert "reader07@example.org" in found.stdout
    assert "nothing to send" in found.stdout


# what ends early


@needs_posix
def test_a_process_that_is_killed_is_told_of_and_the_next_run_does_the_rest(folder: Path) -> None:
    with (
        opened(folder) as installation,
        when_a_process_helps(lambda process: os.kill(process, signal.SIGKILL)),
        pytest.raises(DigestbotError, match="run this again"),
    ):
        compose_due(installation, NOW, many=1)
    stored = readers_served(folder)
    assert 0 < stored < READERS
    with opened(folder) as installation:
        assert compose_due(installation, NOW) == READERS - stored


def test_what_goes_wrong_in_a_process_is_said_in_its_own_words(folder: Path) -> None:
    with opened(folder) as installation:
        with installation.store.database.write() as connection:
            # In the middle of the ids, which are the other process's own.
            middle = (2**63 // READERS * 16,)
            assert connection.execute("update subscribers set timezone = 'Mars/Olympus' where id = ?", middle).rowcount
        with pytest.raises(DigestbotError, match="Mars/Olympus"):
            compose_due(installation, NOW, many=1)
    assert readers_served(folder) > 0


# Tells when there is a process that helps, and is the command line else.
SCRIPT = """
import multiprocessing, sys, threading, time
from digestbot.cli import main

def watch():
    while not multiprocessing.active_children():
        time.sleep(0.001)
    print("started", flush=True)

if __name__ == "__main__":
    threading.Thread(target=watch, daemon=True).start()
    main(sys.argv[1:])
"""


@contextmanager
def sending(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run ``send`` where so many are due that it starts a process; yield it when it has."""
    with opened(folder) as installation, installation.store.database.write() as connection:
        moment = connection.execute("select created_at from subscribers").fetchone()[0]
        connection.executemany(
            "insert into subscribers (id, email, state, categories, created_at, changed_at)"
            " values (?, ?, 'active', '[]', ?, ?)",
            ((2**50 * number + 7, f"{number}@example.org", moment, moment) for number in range(1, 5001)),
        )
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    arguments = [sys.executable, str(script), "--settings", str(folder / "settings.toml"), "send", "--at", AT, "--json"]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environ()
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


@needs_posix
def test_the_processes_of_a_send_that_is_killed_end_with_it(folder: Path) -> None:
    # Nobody can write, so that all have something to do for half a minute.
    with sending(folder) as process, opened(folder) as installation, installation.store.database.write():
        time.sleep(0.5)
        process.kill()
        began = time.monotonic()
        # Its ends of the pipes are theirs too: they close when the last of them has ended.
        process.communicate(timeout=SOON)
        assert time.monotonic() - began < SOON
    assert process.returncode == -signal.SIGKILL


@needs_posix
def test_a_send_that_is_asked_to_stop_ends_its_processes_and_says_so(folder: Path) -> None:
    with sending(folder) as process:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SOON)
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[-1] == "digestbot: stopped; what was under way is taken up by the next run"
    assert "Traceback" not in err
    assert readers_served(folder) < READERS + 5000
