"""Several processes and one database: each mail is one's, and what a killed one had is found."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database as SqliteDatabase

from digestbot.models import DeliveryState
from digestbot.store import Store
from digestbot.store.schema import migrations
from tests.factories import NOW, new_store, paper
from tests.required import needs_posix
from tests.store import workers
from tests.store.scenes import claim, join, post

SPAWN = multiprocessing.get_context("spawn")
PATIENCE = 30.0


def answers(target: Callable[..., None], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """Return what each of several processes, started together, sends back."""
    start = SPAWN.Barrier(len(arguments))
    running = []
    for own in arguments:
        mine, theirs = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=target, args=(*own, start, theirs))
        process.start()
        theirs.close()
        running.append((process, mine))
    return [_answer(process, mine) for process, mine in running]


def _answer(process: Any, mine: Connection) -> Any:
    try:
        assert mine.poll(PATIENCE), "the process did not answer"
        return mine.recv()
    finally:
        mine.close()
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def test_processes_that_make_the_same_database_at_once_all_get_it(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.sqlite" for number in range(5)]
    assert answers(workers.open_many, [(paths,)] * 3) == [[], [], []]
    store = new_store(paths[0])
    (row,) = store.database.rows("select count(*) as many from _sqlite_migrations where migration_set = 'digestbot'")
    assert row["many"] == len(migrations.pending(SqliteDatabase(memory=True)))
    store.close()


def test_processes_that_claim_at_once_never_get_the_same_mail(store: Store) -> None:
    made = [post(store, join(store), [paper()])[1].id for _ in range(60)]
    path = store.database.path
    shares = answers(workers.drain, [(path, f"run{number}") for number in range(3)])
    assert [share for share in shares if isinstance(share, str)] == []
    assert sorted(one for share in shares for one in share) == sorted(made)
    assert store.outbox.counts() == {DeliveryState.SENT: 60}


@needs_posix
@pytest.mark.parametrize(("policy", "state"), [("resend", DeliveryState.PENDING), ("hold", DeliveryState.HELD)])
def test_the_next_run_recovers_what_a_killed_one_had_in_hand(store: Store, policy: Any, state: DeliveryState) -> None:
    made = {one.id: one.message_id for one in (post(store, join(store), [paper()])[1] for _ in range(3))}
    mine, theirs = SPAWN.Pipe(duplex=False)
    victim = SPAWN.Process(target=workers.claim_and_hang, args=(store.database.path, theirs))
    victim.start()
    theirs.close()
    try:
        assert mine.poll(PATIENCE)
        claimed = mine.recv()
        store.outbox.open_run("next")
        assert store.outbox.recover(NOW, policy) == []
        assert store.outbox.counts() == {DeliveryState.PENDING: 1, DeliveryState.SENDING: 2}
    finally:
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        victim.join(PATIENCE)
        mine.close()
    assert victim.exitcode == -signal.SIGKILL
    victim.close()
    recovered = store.outbox.recover(NOW, policy)
    assert {one.id: one.message_id for one in recovered} == {number: made[number] for number in claimed}
    assert {one.state for one in recovered} == {state}
    waiting = [one.id for one in claim(store, 9, NOW)]
    assert waiting == sorted(made) if policy == "resend" else waiting == sorted(set(made) - set(claimed))
    store.outbox.close_run()
    assert list((store.database.path.parent / "digestbot.sqlite.runs").iterdir()) == []
