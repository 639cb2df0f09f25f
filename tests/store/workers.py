"""What the store's tests run in processes of their own. Light to import: spawning costs enough."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

from digestbot.errors import StoreError
from tests.factories import NOW, new_store
from tests.store.scenes import claim, drained


def drain(path: Path, run: str, start: Barrier, answer: Connection) -> None:
    """Claim and mark until the outbox is empty; answer the ids of what was claimed."""
    store = new_store(path)
    store.outbox.open_run(run)
    try:
        start.wait()
        answer.send(drained(store))
    except StoreError as error:
        answer.send(str(error))
    finally:
        store.outbox.close_run()
        store.close()


def open_many(paths: list[Path], start: Barrier, answer: Connection) -> None:
    """Open databases that are not there, each at the same time as another process; answer what failed."""
    problems = []
    for path in paths:
        start.wait()
        try:
            store = new_store(path)
            store.papers.count()
            store.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
            problems.append(repr(error))
    answer.send(problems)


def claim_and_hang(path: Path, answer: Connection) -> None:
    """Claim two mails, tell which, and never finish."""
    store = new_store(path)
    store.outbox.open_run("victim")
    answer.send([one.id for one in claim(store, 2, NOW)])
    time.sleep(60)
